"""The page of a study: whole in one file, nothing loaded from elsewhere, and plain about what was found."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from cell_files import make_cell, make_series
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.leakage import leakage_table
from gliobench.files import check_table, table_schema
from gliobench.reporting.cohorts import exclusions
from gliobench.reporting.comparison import comparison_table
from gliobench.reporting.html import TEMPLATES
from gliobench.reporting.leakage import leakage_figure
from gliobench.reporting.montages import slice_montage
from gliobench.reporting.page import count_sentence, status_sentence, write_page
from gliobench.reporting.style import save_figure

STUDY = {"name": "demo", "base_seed": 2021, "cohort_kinds": {"planted": "synthetic"}, "config": "folds: 5 # <five>\n"}
NO_FIGURES = check_table(pd.DataFrame(columns=list(table_schema("published")["properties"])), "published", "the test")


@pytest.fixture(scope="module")
def comparison():
    metrics = score_cell(*make_cell()[:2], base_seed=1, resamples=50)
    cells = [metrics.iloc[0].to_dict(), metrics.iloc[0].to_dict() | {"variant": "<b>deep</b>"}]
    return comparison_table(metrics, cells, NO_FIGURES, {"planted": "synthetic"})


@pytest.fixture
def page(comparison, tmp_path):
    save_figure(slice_montage(np.zeros((4, 8, 8)), [False] * 4, "00001", "FLAIR"), tmp_path / "montage")
    picture = {"path": str(tmp_path / "montage.png"), "caption": "Four slices.", "label": "Slices"}
    figures = [picture | {"category": "planted / cnn3d"}, picture | {"category": "audit", "label": "Audit"}]
    tables = {"comparison": comparison, "exclusions": exclusions("planted", make_series())}
    write_page(tmp_path / "index.html", STUDY, tables, figures, {"numpy": "2.4.0"})
    return (tmp_path / "index.html").read_text(encoding="utf-8")


class Loads(HTMLParser):
    """Collects every address that a browser would load or follow."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.tags = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [
            value for name, value in attrs if name in ("src", "href", "srcset", "data", "action", "poster")
        ]


def test_the_page_loads_nothing_from_elsewhere(page):
    loads = Loads(page)
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in loads.addresses)
    assert not {"link", "iframe", "object", "embed", "base"} & set(loads.tags)
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest|import\(", page)


def test_every_link_of_the_page_leads_to_a_section(page):
    links = [address[1:] for address in Loads(page).addresses if address.startswith("#")]
    assert links
    assert set(links) <= set(re.findall(r'id="([^"]+)"', page))


def test_the_page_holds_its_figures_whole(page):
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(images) == 2
    assert all(base64.b64decode(image, validate=True).startswith(b"\x89PNG") for image in images)


def test_a_study_of_generated_cohorts_says_that_nothing_about_the_papers_was_found(page):
    assert "Nothing about the papers has been found yet" in page
    assert "every cohort here (planted) is generated" in page


def test_a_study_with_real_patients_names_them():
    sentence = status_sentence({"rsna": "rsna", "null": "synthetic"})
    assert sentence.startswith("Cohorts of real patients: rsna.")
    assert "controls: null" in sentence


def test_the_page_counts_cells_by_status(comparison):
    assert count_sentence(comparison) == "2 cells in the table: 1 ok, 1 missing."


def test_the_page_shows_exclusions_versions_seed_and_config(page):
    for words in ("no DICOM file in the folder", "2.4.0", "base seed 2021", "50 resamples"):
        assert words in page


def test_slice_leakage_has_a_section_with_its_table_and_figure(comparison, tmp_path):
    cells = [make_cell(variant=f"{name}_split", approach="resnet18", slices=2) for name in ("slice", "patient")]
    table = leakage_table([rows for cell in cells for rows in cell[0]], [one for cell in cells for one in cell[1]])
    save_figure(leakage_figure(table), tmp_path / "leakage")
    figures = [{"path": str(tmp_path / "leakage.png"), "caption": "C", "label": "", "category": "leakage"}]
    write_page(tmp_path / "index.html", STUDY, {"comparison": comparison, "leakage": table}, figures, {})
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    section = page.split('<section id="leakage">')[1].split("</section>")[0]
    assert "with slices split freely" in section
    assert section.count("<img") == 1
    assert 'class="wide"' in section
    assert '<a href="#leakage">' in page


def test_text_is_escaped(page):
    assert "&lt;b&gt;deep&lt;/b&gt;" in page
    assert "folds: 5 # &lt;five&gt;" in page


def test_a_page_without_optional_parts_stands(comparison, tmp_path):
    write_page(tmp_path / "index.html", STUDY, {"comparison": comparison}, [], {})
    page = (tmp_path / "index.html").read_text()
    assert "Every series is used." in page
    assert 'id="controls"' not in page


def test_every_caption_is_there_for_snakemakes_report():
    names = {path.stem for path in TEMPLATES.glob("*.rst")}
    assert names >= {"workflow", "comparison", "roc", "curves", "confusion", "montage", "audit", "controls"}
