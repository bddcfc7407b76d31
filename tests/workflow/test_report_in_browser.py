"""The report in a real browser: nothing breaks, nothing is loaded from elsewhere, and the figures answer."""

import shutil
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from sklearn.metrics import confusion_matrix

import gliobench
from cell_files import make_cell
from gliobench.compare import compare_studies
from study_files import write_study

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LOOKS = [("light", 1400), ("dark", 390)]
REPORT = "results/smoke/report"
FRAME = "canvas[role=img]"

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, in which the report would be opened"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def report(finished: Path) -> Path:
    return finished / REPORT


def opened(browser: Browser, path: Path, scheme: str = "light", width: int = 1400) -> tuple[Page, list[str]]:
    """Open a page from disk, and collect what it complains of and what it asks of any host."""
    page = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme).new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on(
        "request", lambda asked: None if asked.url.startswith(("file:", "data:", "blob:")) else heard.append(asked.url)
    )
    page.goto(path.as_uri())
    if path.parent.name == "explore":
        page.wait_for_selector("body[data-drawn=yes]")
    return page, heard


def check_page(browser: Browser, path: Path, looks: list[tuple[str, int]]) -> None:
    """Check in each look that a page fits the window, that axe finds nothing serious, and that nothing is heard."""
    page, heard = opened(browser, path, *looks[0])
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 1000})
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
        found = Axe().run(page).response["violations"]
        assert not [(path.name, scheme, each["id"]) for each in found if each["impact"] in ("serious", "critical")]
    assert not heard, path
    page.context.close()


def pages_of_each_kind(report: Path) -> list[Path]:
    """Return every page but those of patients, and one of them."""
    patients = sorted(path for path in report.glob("patients/*/*.html") if path.stem.isdecimal())
    return sorted({*report.rglob("*.html")} - set(patients[1:]))


@pytest.mark.parametrize("first", [0, 1])
def test_every_page_fits_and_is_accessible_and_silent(browser: Browser, report: Path, first: int):
    """Every other page is opened in the one look, and then takes the other."""
    for path in pages_of_each_kind(report)[first::2]:
        check_page(browser, path, LOOKS[first:] + LOOKS[:first])


def test_two_studies_on_one_page_fit_and_are_accessible_and_silent(browser: Browser, tmp_path: Path):
    names = ["cnn3d", "resnet18", "baseline"]
    cells = [[make_cell(approach=name, n=40, random_seed=seed) for name in names[: 3 - seed]] for seed in (0, 1)]
    first, second = (write_study(tmp_path / "ab"[seed], made, seed=seed) for seed, made in enumerate(cells))
    compare_studies(first, second, tmp_path / "comparison.html")
    check_page(browser, tmp_path / "comparison.html", LOOKS)


def test_the_threshold_changes_the_confusion_matrix_to_that_of_scikit_learn(browser: Browser, report: Path):
    page, heard = opened(browser, report / "explore" / "planted.html")
    page.locator("#threshold").fill("0.35")
    rows = gliobench.load(report.parent).predictions("planted")
    rows = rows[(rows["part"] == "test") & (rows["approach"] == "cnn3d") & (rows["variant"] == "main")]
    expected = confusion_matrix(rows["label"], rows["probability"] >= 0.35).ravel()
    shown = page.locator("#at-threshold tbody tr", has=page.get_by_text("cnn3d", exact=False)).first
    tp, fp, fn, tn = (float(text) for text in shown.locator("td").all_inner_texts()[:4])
    rounds = len(rows[["repeat", "seed_index"]].drop_duplicates())
    assert [tn, fp, fn, tp] == pytest.approx(expected / rounds, abs=0.05)
    assert not heard


def test_methods_are_switched_by_keyboard_alone(browser: Browser, report: Path):
    page, heard = opened(browser, report / "explore" / "planted.html")
    before = page.locator("#at-threshold tbody tr").count()
    picture = page.locator(f"#roc {FRAME}").screenshot()
    page.locator("#controls input:checked").first.focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(300)
    assert page.locator("#at-threshold tbody tr").count() == before - 1
    assert page.locator(f"#roc {FRAME}").screenshot() != picture
    assert not heard


def click_first_mark(page: Page, figure: str, heights: range) -> str:
    """Point along lines of a figure, from its right end, until something is named; click it, and return the words."""
    canvas = page.locator(f"#{figure} {FRAME}")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    tooltip = page.locator("#vg-tooltip-element.visible")
    for y, x in product(heights, range(int(box["width"]) - 2, 0, -2)):
        page.mouse.move(box["x"] + x, box["y"] + y)
        if tooltip.count():
            words = tooltip.inner_text()
            page.mouse.click(box["x"] + x, box["y"] + y)
            return words
    raise AssertionError(f"nothing is named in {figure}")


def test_a_click_on_a_patient_leads_to_its_page_with_the_same_probability(browser: Browser, report: Path):
    page, heard = opened(browser, report / "explore" / "planted.html")
    facts = dict(pairwise(click_first_mark(page, "patients", range(4, 40, 4)).split()))
    page.wait_for_url(f"**/patients/planted/{facts['patient']}.html")
    assert f"{float(facts['probability']):.2f}" in page.locator("table").first.inner_text()
    assert not heard


def test_pointing_at_a_method_names_it_and_a_click_leads_to_its_page(browser: Browser, report: Path):
    page, heard = opened(browser, report / "explore" / "planted.html")
    assert "AUC" in click_first_mark(page, "forest", range(14, 15))
    page.wait_for_url("**/approaches/*.html")
    assert not heard
