"""The pages in a real browser: from signing in to the viewer and the log, by mouse and by keyboard."""

import base64
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from clients import patient_files, zipped
from gliobench.files import read_table
from gliobench.predict.describe import PURPOSE
from programs import program
from running import PASSWORD, PATIENCE, Service, wait_until
from test_service import expected

SOFTWARE = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")  # WebGL
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1400, 390)]
PATIENT = "00003"
DROP = """([name, content]) => {
  const file = new File([Uint8Array.from(atob(content), (each) => each.charCodeAt(0))], name);
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(file);
  const drag = { dataTransfer, bubbles: true, cancelable: true };
  for (const kind of ["dragover", "drop"])
    document.querySelector(".drop").dispatchEvent(new DragEvent(kind, drag));
}"""
HOW_FAR = """() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const ended = all("#probability, p.problem").some((each) => each.checkVisibility());
  return [all("#stage").map((each) => each.innerText), all("progress").map((each) => each.value), ended];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = program(("chromium", "chromium-browser", "google-chrome"), "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SOFTWARE)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def service(cam_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(cam_run, tmp_path_factory.mktemp("pages") / "data") as service:
        yield service


def opened(browser: Browser, service: Service, scheme: str = "light", width: int = 1400) -> tuple[Page, list[str]]:
    """Open a window, and collect what it complains of and what it asks of other hosts."""
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.set_default_navigation_timeout(PATIENCE * 1000)
    heard: list[str] = []
    page.on("console", lambda said: heard.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    ours = (service.url, "data:", "blob:")
    page.on("request", lambda asked: None if asked.url.startswith(ours) else heard.append(asked.url))
    return page, heard


def sign_in(page: Page, service: Service, name: str = "admin", password: str = PASSWORD) -> None:
    """Sign in by keyboard alone: the first field has the focus."""
    page.goto(service.url)
    page.locator("[name=name]:focus").wait_for()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.locator(".drop").wait_for()
    page.wait_for_load_state()  # its script listens


def drop(page: Page, name: str, content: bytes) -> None:
    page.evaluate(DROP, [name, base64.b64encode(content).decode()])
    page.get_by_text(f"{name}, ").wait_for()


def predict(page: Page) -> None:
    page.get_by_role("button", name="Predict").click()


@dataclass
class Walk:
    """What was seen on the way from signing in to the answer."""

    address: str = ""
    stages: list[str] = field(default_factory=list)
    progress: list[float] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def walk(browser: Browser, service: Service, images: Path) -> Walk:
    """A result whose images are kept, asked for as a user does."""
    page, heard = opened(browser, service)
    sign_in(page, service)
    drop(page, "patient.zip", zipped(patient_files(images / PATIENT)))
    page.get_by_label("Label").fill("A-017")
    page.get_by_label("Keep the images").check()
    predict(page)
    page.wait_for_url("**/view/*")
    seen = Walk(page.url, heard=heard)
    wait_until(lambda: answered(page, seen), "the job is answered", service.said)
    page.context.close()
    return seen


def answered(page: Page, seen: Walk) -> bool:
    """Whether the page shows the answer; if not, note how far it says the job is."""
    try:
        stages, progress, ended = page.evaluate(HOW_FAR)
    except Error as error:
        if "navigation" in str(error):  # the page loads itself again when the job has ended
            return False
        raise
    seen.stages += stages
    seen.progress += progress
    return ended


def result(browser: Browser, service: Service, walk: Walk, *look: object) -> tuple[Page, list[str]]:
    page, heard = opened(browser, service, *look)
    sign_in(page, service)
    page.goto(walk.address)
    page.locator("#viewer[data-drawn=FLAIR]").wait_for()
    return page, heard


def picture(page: Page) -> np.ndarray:
    page.wait_for_timeout(500)
    shot = page.locator("canvas").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), int)


def coloured(pixels: np.ndarray) -> float:
    """Return the share of pixels that are not grey."""
    return float((np.ptp(pixels, axis=2) > 30).mean())


def test_a_dropped_zip_gets_the_probability_of_the_run_and_a_row_of_the_log(browser, service, walk, cam_run):
    assert walk.stages, "progress was shown"
    assert walk.progress == sorted(walk.progress)
    page, heard = result(browser, service, walk)
    shown = page.locator("#probability")
    assert float(shown.get_attribute("data-value")) == pytest.approx(expected(cam_run, PATIENT), abs=1e-6)
    assert float(shown.inner_text()) == pytest.approx(expected(cam_run, PATIENT), abs=1e-6)
    tested = read_table(cam_run / "predictions.tsv", "predictions").query("part == 'test'")
    assert page.locator(".lane circle").count() == len(tested)
    page.get_by_role("link", name="Log").click()
    job = walk.address.rpartition("/")[2]
    rows = page.locator("tbody tr", has=page.locator(f"a[title='{job}']"))
    expect(rows).to_have_count(2)
    assert [row.split("\t")[1:3] for row in rows.all_inner_texts()] == [["admin", "answered"], ["admin", "asked"]]
    page.get_by_role("link", name="History").click()
    page.get_by_label("Label, state or id").fill("a-017")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="20").first.click()
    page.wait_for_url(walk.address)
    assert not walk.heard + heard
    page.context.close()


def test_the_viewer_shows_the_series_and_the_map_over_them_and_obeys_the_keyboard(browser, service, walk):
    page, heard = result(browser, service, walk)
    with_map = picture(page)
    assert (with_map.max(axis=2) > 60).mean() > 0.03, "there is an image"
    opacity = page.get_by_label("opacity")
    opacity.press("Home")
    without = picture(page)
    assert coloured(with_map) > 0.02 + coloured(without), "the map lies over it"
    page.get_by_label("bottom to top").press("Home")
    assert (picture(page) != without).any()
    page.get_by_label("FLAIR", exact=True).press("ArrowRight")
    page.locator("#viewer[data-drawn=T1w]").wait_for()
    page.get_by_label("axial").check()
    assert (picture(page) != without).any()
    assert not heard
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_every_page_fits_is_accessible_and_says_what_it_is_for(browser, service, walk, scheme, width):
    page, heard = opened(browser, service, scheme, width)
    page.goto(f"{service.url}/sign-in")
    check(page)
    page, more = result(browser, service, walk, scheme, width)
    check(page)
    lanes = [lane.bounding_box() for lane in page.locator(".lane svg").all()]
    assert len({(lane["x"], lane["width"]) for lane in lanes}) == 1, "both labels have one axis"
    for address in ("/", "/history", "/journal", "/users", "/history?words=nothing"):
        page.goto(service.url + address)
        check(page)
    assert not heard + more
    assert page.goto(f"{service.url}/view/{'0' * 32}").status == 404
    check(page)
    page.context.close()


def test_a_waiting_job_is_shown_and_can_be_cancelled(browser, service, images):
    (worker,) = service.processes("worker")
    service.suspend(worker)
    try:
        for scheme, width in LOOKS:
            page, heard = opened(browser, service, scheme, width)
            sign_in(page, service)
            drop(page, "patient.zip", zipped(patient_files(images / PATIENT)))
            predict(page)
            page.wait_for_url("**/view/*")
            page.get_by_text("waiting").wait_for()
            check(page)
            page.get_by_role("button", name="Cancel").click()
            page.wait_for_url("**/history")
            assert page.locator("tbody tr").first.get_by_role("cell", name="cancelled").count() == 1
            assert not heard
            page.context.close()
    finally:
        worker.resume()


def check(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url
    assert PURPOSE in page.locator("main").inner_text()
    violations = Axe().run(page).response["violations"]
    assert not [(page.url, each["id"]) for each in violations if each["impact"] in ("serious", "critical")]
    keep = os.environ.get("TEST_SCREENSHOTS")
    if keep:
        look = f"{page.viewport_size['width']}-{page.evaluate('matchMedia(`(prefers-color-scheme: dark)`).matches')}"
        name = page.url.split("/", 3)[3].replace("/", "-")[:12] or "upload"
        page.screenshot(path=Path(keep) / f"{name}-{look}.png", full_page=True)


def test_a_folder_can_be_chosen(browser, service, images):
    page, _ = opened(browser, service)
    sign_in(page, service)
    page.get_by_label("A folder of DICOM").set_input_files(images / "00004")
    predict(page)
    page.wait_for_url("**/view/*")
    page.context.close()


def test_what_is_refused_is_said_and_an_upload_can_be_cancelled(browser, service):
    page, _ = opened(browser, service)
    sign_in(page, service)
    predict(page)
    page.get_by_text("Choose a zip or files first.").wait_for()
    drop(page, "notes.txt", b"no image")
    predict(page)
    page.get_by_text("None of the files is DICOM or NIfTI").wait_for()
    page.route("**/predict", lambda route: None)  # it stays on the way
    predict(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("The upload was cancelled").wait_for()
    page.context.close()


def test_an_administrator_adds_a_user_who_sees_no_administration_and_nobody_elses_result(browser, service, walk):
    page, heard = opened(browser, service)
    sign_in(page, service)
    page.get_by_role("link", name="Users").click()
    page.get_by_label("Name").fill("ben")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Add").click()
    page.get_by_role("cell", name="ben", exact=True).wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    sign_in(page, service, "ben")
    assert page.get_by_role("link", name="Users").count() == 0
    page.goto(f"{service.url}/history")
    assert page.get_by_text("There is no result yet").count() == 1
    assert not heard
    assert page.goto(walk.address).status == 404
    assert page.goto(f"{service.url}/users").status == 403
    page.context.close()
