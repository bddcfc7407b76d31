"""The report of a study: pages that open offline from their folder, and plain about what was found."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from cell_files import make_cell, make_series
from gliobench import plan
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.cohort_tables import exclusions
from gliobench.evaluation.comparison import comparison_table
from gliobench.evaluation.copies import copies_table
from gliobench.evaluation.leakage import leakage_table
from gliobench.evaluation.runs import cell_rows
from gliobench.evaluation.verdicts import Scores, verdict_table
from gliobench.figures.controls import leakage_figure
from gliobench.figures.montages import Images, slice_montage
from gliobench.figures.style import save_figure
from gliobench.files import read_table, table_schema
from gliobench.paths import REPORT_SCRIPTS
from gliobench.reporting import page
from gliobench.reporting.alternatives import text_alternative
from gliobench.reporting.page import write_report
from gliobench.reporting.summary import count_sentence, status_sentence
from gliobench.study import Study
from gliobench.wording import DASH

ROOT = Path(__file__).parents[2]
STUDY = {
    "name": "demo",
    "title": None,
    "question": None,
    "own": False,
    "base_seed": 2021,
    "cohort_kinds": {"planted": "synthetic"},
    "replicates_of": {},
    "patient_cohorts": [],
    "approaches": {
        "cnn3d": {
            "title": "3D CNN",
            "page": "approaches/cnn3d.html",
            "source": "Bui & Fleming",
            "variants": {"main": "The paper's method.", "deep": "One more layer."},
            "changes": {"parameters": {"epochs": 3}},
        },
        "toy": {
            "title": "Toy",
            "page": "approaches/toy.html",
            "source": "nobody",
            "variants": {"main": "All of it."},
            "changes": {},
        },
    },
    "origin": {"version": "1.2.3", "commit": "abc", "written": "today", "machine": "<this>"},
    "explored": {"planted": "explore/planted.html"},
    "config": {"folds": "<five>"},
}
FIDELITY = "# Fidelity\n\n## `cnn3d`\n\n[Table](elsewhere.md) of <choices>:\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
PUBLISHED = read_table(ROOT / "config" / "published.tsv", "published")
MADE_ON = {
    "versions": {"numpy": "2.4.0"},
    "device": "cpu",
    "threads": 2,
    "processor": {"portable": False, "instructions": ["avx2"], "libraries": {}},
    "phases": ["final"],
    "input": {},
    "series": ["FLAIR"],
}
SENTENCES = ["First of <five>.", "Second.", "Third.", "Fourth.", "Fifth."]


@pytest.fixture(scope="module")
def comparison():
    metrics = score_cell(*make_cell()[:2], base_seed=1, resamples=50)
    cells = [metrics.iloc[0].to_dict(), metrics.iloc[0].to_dict() | {"variant": "<b>deep</b>"}]
    return comparison_table(metrics, cells, PUBLISHED, {"planted": "synthetic"})


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    stem = tmp_path_factory.mktemp("drawn") / "montage"
    images = Images("Patient 00001", np.zeros((4, 8, 8)), range(4), ["axial"] * 4)
    save_figure(slice_montage([images], [[False] * 4], ["planted"]), stem)
    return f"{stem}.png"


def figure(path, kind, category="", approach="", label="A label"):
    file = f"figures/{category}/{approach}/{kind}-{label}.png".replace("//", "/").replace(" ", "-")
    about = {"kind": kind, "category": category, "approach": approach, "label": label}
    about |= {"cohort": category, "variant": label, "modality": "FLAIR", "protocol": "harmonised", "phase": "final"}
    return {"path": str(path), "file": file} | about


@pytest.fixture
def write(monkeypatch, comparison, tmp_path):
    """Write a report and return its pages by name, as text."""
    monkeypatch.setattr(page, "sentences", lambda *_: SENTENCES)

    def write(figures=(), study=STUDY, **tables):
        tables = {"comparison": comparison, "published": PUBLISHED} | tables
        predictions = cell_rows(*make_cell()[:2])
        variants = ("main", "<b>deep</b>")
        records = [
            record | MADE_ON
            for variant in variants
            for record in make_cell(variant=variant, parameters={"rate": "<fast>"})[1]
        ]
        write_report(tmp_path / "report", study, tables, figures, records, FIDELITY, predictions)
        pages = (tmp_path / "report").rglob("*.html")
        return {str(path.relative_to(tmp_path / "report")): path.read_text(encoding="utf-8") for path in pages}

    return write


@pytest.fixture
def pages(write, picture):
    figures = [
        figure(picture, "audit", "planted"),
        figure(picture, "forest", "overview"),
        figure(picture, "overlay_roc", "planted, curves"),
        figure(picture, "roc", "planted", "cnn3d", "main"),
        figure(picture, "roc", "planted", "cnn3d", "deep"),
    ]
    return write(figures, exclusions=exclusions("planted", make_series()))


class Loads(HTMLParser):
    """Collects every address that a browser would load or follow, and the places that can be linked to."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.tags, self.places = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        loading = ("src", "href", "srcset", "data", "action", "poster")
        self.addresses += [value for name, value in attrs if name in loading]
        self.places |= {value for name, value in attrs if name == "id"}


def test_the_pages_are_those_that_the_workflow_expects(tmp_path, write):
    study = Study(yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8")), ROOT)
    expected = set(plan.report_pages(study))
    facts = plan.report_facts(study) | {"config": {}, "origin": STUDY["origin"]}
    assert set(write(study=facts)) | {REPORT_SCRIPTS} == expected
    assert {f"approaches/{name}.html" for name in study.approaches} < expected


def test_every_address_is_a_file_of_the_report_or_a_place_on_the_page(pages, tmp_path):
    for name, text in pages.items():
        loads = Loads(text)
        for address in loads.addresses:
            file, _, place = address.partition("#")
            target = (tmp_path / "report" / name).parent / file if file else tmp_path / "report" / name
            assert target.is_file(), f"{name} refers to {address}"
            assert target.resolve().is_relative_to(tmp_path / "report")
            if place:
                assert place in Loads(target.read_text(encoding="utf-8")).places, f"{name} refers to {address}"


def test_no_page_loads_anything_from_elsewhere(pages):
    for text in pages.values():
        assert not {"link", "iframe", "object", "embed", "base"} & set(Loads(text).tags)
        assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest|import\(", text)


def test_figures_are_copied_whole(pages, picture, tmp_path):
    copies = list((tmp_path / "report" / "figures").rglob("*.png"))
    assert len(copies) == 5
    assert all(copy.read_bytes() == Path(picture).read_bytes() for copy in copies)


def test_every_page_leads_to_every_other(pages):
    for name, text in pages.items():
        root = "../" * name.count("/")
        assert {f"{root}{other}" for other in pages} <= set(Loads(text).addresses)
        assert text.count('aria-current="page"') == 1


def test_every_page_has_a_title_and_says_that_it_is_for_research_only(pages):
    assert len({re.search("<title>(.*?)</title>", text)[1] for text in pages.values()}) == len(pages)
    assert all("not a medical device" in text for text in pages.values())


def test_every_picture_says_what_it_shows(pages):
    for text in pages.values():
        for image in re.findall("<img[^>]*>", text):
            assert re.search(r'alt="[^"]+"', image)


def test_text_alternatives_of_figures_from_scores_hold_the_scores(pages, comparison):
    row = comparison[comparison["part"].eq("test") & comparison["variant"].eq("main")].iloc[0]
    told = f"AUC {row['auc']:.2f} ({row['auc_low']:.2f}{DASH}{row['auc_high']:.2f})"
    assert f'alt="main: {told} of {row["n_patients"]} patients."' in pages["approaches/cnn3d.html"]
    assert told in re.search(r'figures/overview/forest-.*?alt="([^"]+)"', pages["index.html"])[1]
    assert 'alt="A label"' in pages["cohorts.html"], "pictures of patients have no score"


def test_the_words_for_a_figure_name_the_scores_that_it_draws():
    def row(auc, **changes):
        names = {"cohort": "planted", "approach": "cnn3d", "variant": "main", "modality": "FLAIR"}
        names |= {"protocol": "harmonised", "phase": "final", "part": "test", "unit": "patient", "status": "ok"}
        return names | {"n_patients": 40, "auc": auc, "auc_low": auc - 0.1, "auc_high": auc + 0.1} | changes

    baselines = [row(auc, approach="baseline", variant=name) for auc, name in ((0.5, "prior"), (0.6, "header"))]
    members = [row(auc, cohort=f"many-0{number}") for number, auc in ((1, 0.1), (2, 0.9))]
    first = row(0.9, phase="transfer")
    rows = [first, row(0.7), row(0.95, variant="as_coded"), row(0.99, part="validation"), *baselines, *members]
    comparison = pd.DataFrame(rows, columns=list(table_schema("comparison")["properties"]))
    mean = row(0.5, cohort_group="many", control="mean", metric="auc", mean=0.5, low=0.4, high=0.6, n=2)
    tables = {"comparison": comparison, "replicates": pd.DataFrame([mean])}
    groups = {"many": ["many-01", "many-02"]}
    overlay = {"kind": "overlay_roc", "category": "planted", "label": "ROC"}
    assert text_alternative(overlay, "", tables, groups) == (
        f"ROC: AUC from 0.60 (0.50{DASH}0.70), baseline header FLAIR on planted, to 0.70 (0.60{DASH}0.80), cnn3d FLAIR "
        "on planted; 2 scores."
    )
    forest = {"kind": "forest", "category": "overview", "label": "Forest"}
    said = text_alternative(forest, "", tables, groups)
    assert "many-0" not in said
    assert said.endswith("cnn3d as_coded FLAIR on planted; 6 scores.")


@pytest.mark.parametrize(
    ("sizes", "card"),
    [
        ([40], ("40", "patients with a label")),
        ([40, 40], ("40", "patients with a label in a cohort")),
        ([60, 40], (f"40{DASH}60", "patients with a label in a cohort")),
    ],
)
def test_patients_of_several_cohorts_are_not_added_up_because_cohorts_may_share_them(write, sizes, card):
    counts = dict.fromkeys(("positive", "series_ok", "series_voxels_only", "series_excluded", "series_failed"), 20)
    rows = [
        counts | {"cohort": f"c{number}", "modality": "FLAIR", "patients": size, "label_names": "no / yes"}
        for number, size in enumerate(sizes)
    ]
    table = pd.DataFrame(rows, columns=list(table_schema("cohorts")["properties"]))
    first = write(cohorts=table)["index.html"]
    number, words = card
    assert f"<dt>{words}</dt><dd>{number}</dd>" in "".join(first.split("\n"))


def test_a_figure_stands_on_its_own_page(pages):
    places = {
        "index.html": "forest",
        "cohorts.html": "audit",
        "comparison.html": "overlay_roc",
        "approaches/cnn3d.html": "roc",
    }
    for name, kind in places.items():
        assert [other for other, text in pages.items() if re.search(rf'src="[^"]*/{kind}-', text)] == [name]


def test_a_caption_that_figures_share_stands_once(pages):
    assert pages["approaches/cnn3d.html"].count("ROC curves (the title") == 1


def test_the_first_page_has_the_sentences_the_status_and_the_main_results(pages):
    first = pages["index.html"]
    assert "First of &lt;five&gt;." in first
    assert [f"<li>{one}</li>" in first for one in SENTENCES[1:]] == [True] * 4
    assert "Nothing about the papers has been found yet" in first
    assert "3D CNN" in first


def test_an_approach_has_its_claims_its_rows_and_what_departs_from_the_paper(pages):
    text = pages["approaches/cnn3d.html"]
    assert "In tables and settings it is called <code>cnn3d</code>." in text
    assert "Bui &amp; Fleming" in text
    assert "0.525" in text
    assert "look swapped" in text
    assert "0.5568" not in text, "another paper's figure"
    assert "The paper&#39;s method." in text
    assert "One more layer." not in text, "a variant that this study does not run"
    assert "<td>1</td>" in text
    assert "of &lt;choices&gt;" in text
    assert "epochs: 3" in text


def test_an_approach_without_paper_or_document_says_so(pages):
    text = pages["approaches/toy.html"]
    assert "No score is published for this approach." in text
    assert "has no section on this approach" in text


def test_a_study_of_generated_cohorts_says_that_nothing_about_the_papers_was_found():
    sentence = status_sentence({"planted": "synthetic"})
    assert "Nothing about the papers has been found yet" in sentence
    assert "every cohort here (planted) is generated" in sentence


def test_a_study_with_real_patients_names_them():
    sentence = status_sentence({"rsna": "rsna", "no-signal": "synthetic"})
    assert sentence.startswith("Cohorts of real patients: rsna.")
    assert "controls: no-signal" in sentence


def test_a_users_own_patients_are_neither_generated_nor_a_papers():
    sentence = status_sentence({"mine": "table", "no-signal": "synthetic"})
    assert sentence.startswith("Cohorts of real patients: mine.")
    assert "generated" not in sentence.split("Generated")[0]
    assert "mine" in status_sentence({"rsna": "rsna", "mine": "table"})


OWN = {
    "study": "mine",
    "title": "MGMT in our clinic",
    "seed": 1,
    "cohorts": {"clinic": {"kind": "table", "table": "clinic/patients.tsv", "features": {
        "clinical": {"table": "clinical.csv", "id": "ID", "numbers": ["Age"]}}}},
    "runs": [{"approach": path.stem} for path in sorted((ROOT / "config" / "approaches").glob("*.yaml"))],
    "settings": {"cnn3d": {"parameters": {"epochs": 3}}},
}  # fmt: skip
NONE = {name: pd.DataFrame(columns=list(table_schema(name)["properties"])) for name in ("variance", "repeats")}


def shown(page):
    """Return the words that a reader sees."""
    return re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL))


def test_a_study_of_its_own_patients_leads_with_its_title_and_question_and_no_page_talks_about_papers(
    write, comparison, picture
):
    facts = plan.report_facts(Study(OWN, ROOT)) | {"config": OWN, "origin": STUDY["origin"]}
    table = comparison.assign(
        cohort="clinic", settings=["changed", "paper", "paper"], published_source="not comparable: another cohort"
    )
    verdicts = verdict_table(PUBLISHED, Scores(table, NONE["variance"], NONE["repeats"]), {}, {})
    assert set(verdicts["verdict"]) == {"not run"}
    forest = figure(picture, "forest", "overview")
    pages = write([forest], facts, comparison=table, published_vs_reproduced=verdicts)
    n_pages = len(plan.PAGES) + len([plan.PATIENTS_PAGE]) + len(OWN["runs"]) + len(facts["explored"])
    assert len(pages) == n_pages
    assert "<h1>MGMT in our clinic</h1>" in pages["index.html"]
    assert "Can the labels be told apart (label 1 against label 0), and better than by a" in pages["index.html"]
    assert '<p class="status">clinic, label 1 against label 0: ' in pages["index.html"]
    assert "Settings changed in this study" in pages["approaches/cnn3d.html"]
    for name, text in pages.items():
        assert re.findall(r".*(?:paper|publish).*", shown(text), re.IGNORECASE) == [], name


def test_a_study_about_the_papers_may_have_a_title_and_a_question(write):
    index = write(study=STUDY | {"title": "Ours", "question": "Is it <so>?"})["index.html"]
    assert "<h1>Ours</h1>" in index
    assert "Is it &lt;so&gt;?" in index
    assert "Several studies report" in index
    assert "Published figures, one by one" in index


def test_a_row_leads_to_the_runs_behind_it_with_their_settings(pages):
    for name, root in (("comparison.html", ""), ("approaches/cnn3d.html", "../")):
        assert f'href="{root}approaches/cnn3d.html#runs-planted-cnn3d-main-FLAIR-harmonised"' in pages[name]
    text = (
        pages["approaches/cnn3d.html"].split('id="runs-planted-cnn3d-main-FLAIR-harmonised"')[1].split("</details>")[0]
    )
    assert "planted/runs/cnn3d/main/FLAIR/harmonised" in text
    assert text.count("<td") == 3 * 10, "three folds"
    assert "rate: &lt;fast&gt;" in text


def test_tables_can_be_downloaded_with_all_their_digits(pages, comparison, tmp_path):
    assert 'href="tables/comparison.tsv" download' in pages["comparison.html"]
    pd.testing.assert_frame_equal(read_table(tmp_path / "report/tables/comparison.tsv", "comparison"), comparison)


def test_a_partial_report_names_what_is_missing(write, pages):
    part = write(study=STUDY | {"about": "So far."})["index.html"].split('<section id="missing"')[1]
    assert part.split("</section>")[0].count("&lt;b&gt;deep&lt;/b&gt;") == 1
    assert 'id="missing"' not in pages["index.html"]


def test_the_method_names_commit_date_and_machines(pages):
    text = " ".join(pages["method.html"].split())
    assert "by GlioBench 1.2.3 (commit abc), today, on &lt;this&gt;." in text
    assert "<li>2 on cpu, 2 threads, avx2</li>" in text


def test_cells_are_counted_by_status(comparison):
    assert count_sentence(comparison) == "2 cells in the table: 1 ok, 1 missing."


def test_exclusions_versions_seed_intervals_and_config_are_shown(pages):
    assert "no DICOM file in the folder" in pages["cohorts.html"]
    for words in ("2.4.0", "base seed 2021", "because training varies", "folds: &lt;five&gt;"):
        assert words in pages["method.html"]


def test_what_a_study_file_says_once_for_two_cohorts_is_written_out_for_both(write):
    generator = {"patients": 40}
    shared = {"a": {"generator": generator}, "b": {"generator": generator}}
    text = write(study=STUDY | {"config": {"cohorts": shared}})["method.html"]
    assert "&amp;id001" not in text
    assert text.count("patients: 40") == 2


def test_copies_with_other_labels_stand_under_controls(write):
    cells = [make_cell(cohort=f"brains/permutations/{number:03}", random_seed=number) for number in (1, 2, 3)]
    table = copies_table([rows for cell in cells for rows in cell[0]], [one for cell in cells for one in cell[1]])
    part = write(copies=table)["controls.html"].split('<section id="copies">')[1].split("</section>")[0]
    assert "over 3 permutations" in part
    assert 'id="copies"' not in write()["controls.html"]


def test_slice_leakage_stands_under_controls_with_its_table_and_figure(write, tmp_path):
    cells = [make_cell(variant=f"{name}_split", approach="resnet18", slices=2) for name in ("slice", "patient")]
    table = leakage_table([rows for cell in cells for rows in cell[0]], [one for cell in cells for one in cell[1]])
    save_figure(leakage_figure(table), tmp_path / "leakage")
    made = write([figure(tmp_path / "leakage.png", "leakage")], leakage=table)
    part = made["controls.html"].split('<section id="leakage">')[1].split("</section>")[0]
    assert "with slices split freely" in part
    assert part.count("<img") == 1
    assert 'class="wide"' in part


def test_verdicts_are_counted_on_the_first_page(write, monkeypatch):
    rows = [
        {"approach": "cnn3d", "metric": metric, "verdict": verdict}
        for metric, verdict in enumerate(("lower", "cannot tell", "cannot tell", "not run"))
    ]
    monkeypatch.setitem(page.SHOW, "published_vs_reproduced", page.SHOW["exclusions"])
    monkeypatch.setattr(page, "write_table", lambda *_: None)  # which would miss the other columns
    names = ("cohort", "variant", "modality", "published_protocol", "phase", "part", "unit", "epoch", "subgroup")
    names += ("averaging", "published_source", "published", "published_n")
    made = write(published_vs_reproduced=pd.DataFrame(rows).assign(**dict.fromkeys(names, "x")))
    chips = re.findall(r'<li class="([\w-]+)"><strong>(\d+)</strong>', made["index.html"])
    assert chips == [("lower", "1"), ("cannot-tell", "2"), ("not-run", "1")]
    assert "<details open>" in made["index.html"], "verdicts on real cohorts are not folded away"
    assert '<p class="status"><strong>Of 3 comparisons of a published figure' in made["index.html"]
    assert made["index.html"].index('<section id="verdicts">') < made["index.html"].index('<section id="result">')


def test_the_sum_of_all_costs_stands_above_their_table(write, monkeypatch):
    monkeypatch.setitem(page.SHOW, "cost", page.SHOW["exclusions"])
    monkeypatch.setattr(page, "write_table", lambda *_: None)  # which would miss the other columns
    monkeypatch.setattr(page, "cost_sentence", lambda cost: f"{cost['n_jobs'].iloc[-1]} jobs in all.")
    cost = pd.DataFrame({"stage": ["train", "study"], "n_jobs": [1, 12], "a": "x", "b": "y"})
    assert '<p class="status">12 jobs in all.</p>' in write(cost=cost)["cost.html"]


def test_text_is_escaped(pages):
    assert "&lt;b&gt;deep&lt;/b&gt;" in pages["comparison.html"]
    assert "<b>deep</b>" not in "".join(pages.values())


def test_a_report_without_optional_parts_stands(write):
    made = write()
    assert "No cohort has been read yet." in made["cohorts.html"]
    assert "Nothing has been measured yet." in made["cost.html"]
    assert 'id="leakage"' not in made["controls.html"]
