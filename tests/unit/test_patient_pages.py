"""The pages of patients: what they say is what the tables hold, and nothing external is loaded."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cell_files import make_cell, make_series
from gliobench.evaluation.cohort_tables import exclusions
from gliobench.evaluation.columns import CELL
from gliobench.evaluation.patient_scores import join_probabilities, patient_probabilities
from gliobench.evaluation.runs import patient_rows
from gliobench.files import table_schema
from gliobench.reporting.frame import file_stem, patient_address
from gliobench.reporting.patient_pages import CohortPatients, probability_text, write_patient_pages
from gliobench.reporting.patient_pictures import save_maps, save_thumbnails
from gliobench.wording import DASH

STUDY = {
    "name": "demo",
    "own": False,
    "cohort_kinds": {"planted": "synthetic"},
    "patient_cohorts": ["planted"],
    "explored": {},
    "approaches": {name: {"title": name, "page": f"approaches/{name}.html"} for name in ("cnn3d", "baseline")},
}
N = 6
ODD = ["a/b", "a b", "<b>bold</b>", "index", "MISTAKES", "..", "100%", "00005", 'q"uote']
EVERYBODY = pd.Series({name: name for name in (f"{number:05d}" for number in range(12))})


def method(variant="main", approach="cnn3d", caveat=None):
    names = dict(zip(CELL, ("planted", approach, variant, "FLAIR", "harmonised"), strict=True))
    return names | {"phase": "final", "caveat": caveat, "series": ["FLAIR"]}


def scored(made, ids=None, **changes):
    rows = patient_rows(*make_cell(n=N, **changes)[:2])
    table = patient_probabilities(rows, "final", EVERYBODY).assign(**{name: made[name] for name in CELL})
    return table.assign(patient_id=table["patient_id"].map(ids)) if ids else table


def patients(ids):
    columns = list(table_schema("patients")["properties"])
    rows = [
        {"patient_id": name, "label": place % 2, "label_name": ("un<b>methylated", "methylated")[place % 2]}
        for place, name in enumerate(ids)
    ]
    return pd.DataFrame(rows, columns=columns).assign(
        site=["north", None] * (len(ids) // 2) + ["north"] * (len(ids) % 2)
    )


def series_of(ids):
    table = make_series(n=len(ids)).assign(patient_id=np.repeat(list(ids), 2))
    return table.reindex(columns=list(table_schema("series")["properties"]))


def cohort(ids=tuple(f"{number:05d}" for number in range(N)), methods=None, probabilities=None, **more):
    methods = [method()] if methods is None else methods
    if probabilities is None:
        probabilities = join_probabilities([scored(each, repeats=2) for each in methods])
    series = series_of(ids)
    unused = exclusions("planted", series)
    return CohortPatients("planted", methods, patients(ids), series, unused, probabilities, **more)


class Read(HTMLParser):
    """Collects what a browser would load or follow, the rows of tables, and the tags."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.rows, self.tags, self.alternatives, self._inside = [], [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attrs = dict(attrs)
        self.addresses += [attrs[name] for name in ("src", "href", "srcset", "data", "action") if attrs.get(name)]
        self.alternatives += [attrs.get("alt", "")] if tag == "img" else []
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside = True

    def handle_endtag(self, tag):
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self._inside:
            self.rows[-1][-1] += data.strip()


def written(folder, shown):
    write_patient_pages(folder, STUDY, shown)
    home = folder / "patients" / "planted"
    return {path.name: path.read_text(encoding="utf-8") for path in home.glob("*.html")}


def visible(text):
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)).split())


@given(st.floats(0, 1))
def test_the_text_of_a_probability_is_on_the_same_side_of_the_threshold(value):
    shown = float(probability_text(value))
    assert (shown < 0.5, shown > 0.5) == (value < 0.5, value > 0.5)
    assert shown == pytest.approx(value, abs=0.005)


def test_a_probability_has_two_decimals_where_they_show_its_side():
    assert [probability_text(value) for value in (0.5, 0.444, 0.4951, 0.49996)] == ["0.50", "0.44", "0.495", "0.49996"]


def test_every_patient_has_a_page_whose_probabilities_are_those_of_the_table(tmp_path):
    shown = cohort(methods=[method(), method("other")])
    pages = written(tmp_path, shown)
    assert set(pages) == {"index.html", "mistakes.html", *(f"{number:05d}.html" for number in range(N))}
    for row in shown.probabilities.to_dict("records"):
        lines = {line[0]: line for line in Read(pages[f"{row['patient_id']}.html"]).rows}
        name = "cnn3d FLAIR" if row["variant"] == "main" else "cnn3d other FLAIR"
        line = lines[f"{name}harmonised, test"]
        assert line[1] == f"{row['mean']:.2f} ({row['low']:.2f}{DASH}{row['high']:.2f})"
        assert line[2] == str(row["n_runs"]) == "2"
        runs = f'href="../../approaches/cnn3d.html#runs-planted-cnn3d-{row["variant"]}-FLAIR-harmonised"'
        assert runs in pages[f"{row['patient_id']}.html"]
        called = ("un<b>methylated", "methylated")[int(row["mean"] >= 0.5)]
        assert line[3] == called + (": wrong" if (row["mean"] >= 0.5) != row["label"] else "")


def test_the_list_counts_the_methods_that_were_wrong(tmp_path):
    methods = [method(), method("other"), method("header", "baseline")]
    shown = cohort(methods=methods, probabilities=join_probabilities(
        [scored(each, random_seed=seed, signal=0) for seed, each in enumerate(methods)]
    ))  # fmt: skip
    rows = {row[0]: row for row in Read(written(tmp_path, shown)["index.html"]).rows[1:]}
    assert set(rows) == set(shown.patients["patient_id"])
    for patient, row in rows.items():
        mine = shown.probabilities[shown.probabilities["patient_id"] == patient]
        wrong = (mine["mean"] >= 0.5) != (mine["label"] == 1)
        network = mine["approach"] != "baseline"
        assert row[3] == f"{wrong[network].sum()} of 2"
        assert row[4] == f"{mine.loc[network, 'mean'].mean():.2f}"
        assert row[7] == f"{wrong[~network].sum()} of 1"


def test_a_method_that_did_not_score_a_patient_has_a_line_that_says_so(tmp_path):
    table = scored(method())
    shown = cohort(probabilities=join_probabilities([table[table["patient_id"] != "00002"]]))
    page = written(tmp_path, shown)["00002.html"]
    assert Read(page).rows[1][1:] == [DASH, "0", "not scored"]
    assert "No method scored this patient out of fold." in page


def test_series_and_patients_that_are_left_out_stand_with_their_reasons(tmp_path):
    pages = written(tmp_path, cohort())
    assert "Left out FLAIR: excluded: named in the config" in visible(pages["00003.html"])
    assert "Left out FLAIR: failed: no DICOM file in the folder" in visible(pages["00005.html"])
    assert "Nothing of this patient is left out." in pages["00000.html"]


def test_a_part_that_is_no_test_is_named_and_counts_as_no_mistake(tmp_path):
    each = method(caveat="scored on validation patients")
    shown = cohort(methods=[each], probabilities=join_probabilities([scored(each, test_part=None, signal=-9)]))
    pages = written(tmp_path, shown)
    assert "harmonised, validation part, scored on validation patients" in visible(pages["00000.html"])
    assert "No method but baselines scored a patient" in pages["mistakes.html"]


def test_a_patient_whom_a_run_has_seen_is_no_mistake_of_it(tmp_path):
    table = scored(method(), signal=-9).assign(seen=True)
    pages = written(tmp_path, cohort(probabilities=join_probabilities([table])))
    assert "test, other slices or scans of the patient in training or validation" in visible(pages["00000.html"])
    assert "No method but baselines scored a patient" in pages["mistakes.html"]


def test_odd_ids_are_escaped_and_every_address_is_a_file_of_the_report(tmp_path):
    ids = {f"{number:05d}": name for number, name in enumerate(ODD)}
    rows = patient_rows(*make_cell(n=len(ODD) + 1, signal=-2)[:2])
    table = patient_probabilities(rows, "final", EVERYBODY).assign(**{name: method()[name] for name in CELL})
    table = table.assign(patient_id=table["patient_id"].map(ids)).dropna(subset="patient_id")
    arrays = [np.full((2 * len(ODD), 8, 8), 99, np.uint8)]
    home = tmp_path / "patients" / "planted"
    thumbnails = save_thumbnails(home, [series_of(ODD)], arrays)
    shown = cohort(ODD, probabilities=join_probabilities([table]), thumbnails=thumbnails)
    pages = written(tmp_path, shown)
    assert len(pages) == len(ODD) + 2
    assert len(thumbnails) == len(list((home / "images").iterdir())) == 2 * len(ODD)
    for name in ODD:
        assert (tmp_path / unquote(patient_address("planted", name))).is_file()
    for text in pages.values():
        read = Read(text)
        assert "b" not in read.tags, "the id <b> is text"
        for address in read.addresses:
            assert ":" not in address
            assert not address.startswith("/")
            target = (home / unquote(address.partition("#")[0])).resolve()
            if target.is_relative_to(home) and not address.startswith("#"):
                assert target.is_file(), address


@given(st.sets(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=9), max_size=9))
def test_different_ids_have_different_files_none_of_them_another_page(ids):
    stems = {file_stem(name) for name in ids}
    assert len(stems) == len(ids)
    assert not stems & {"index", "mistakes"}
    assert all(re.fullmatch(r"[\w.~%-]+", stem) for stem in stems)


def test_a_picture_has_its_plane_sides_and_words(tmp_path):
    series = series_of(["00000", "00001"])
    arrays = np.zeros((4, 16, 16), np.uint8)
    arrays[0] = np.arange(256).reshape(16, 16)  # the others are blank
    home = tmp_path / "patients" / "planted"
    thumbnails = save_thumbnails(home, [series], [arrays])
    assert set(thumbnails) == {("00000", "FLAIR")}
    with Image.open(home / thumbnails["00000", "FLAIR"].file) as image:
        shown = np.asarray(image.convert("L"), float)
    assert shown.shape == (16, 16)
    assert np.abs(shown - arrays[0]).mean() < 12, "neither turned nor mirrored"
    page = Read(written(tmp_path, cohort(thumbnails=thumbnails))["00000.html"])
    assert page.alternatives == ["FLAIR: axial, R on the left and L on the right"]


def test_maps_stand_on_the_pages_of_their_patients(tmp_path):
    cams = pd.DataFrame([[0, "00001", 2, 1, 0.75, "TP", 1, 0.1, 0.5]], columns=list(table_schema("cams")["properties"]))
    cam = np.zeros((1, 4, 4, 3))
    cam[0, 1, 1, 2] = 1
    home = tmp_path / "patients" / "planted"
    maps = save_maps(home, cams, cam, np.ones((1, 1, 4, 4, 3)), ["FLAIR"], "cnn3d FLAIR, harmonised", 0)
    words = "cnn3d FLAIR, harmonised; fold 2, slice 2: true positive, probability 0.75, peak in the lesion"
    assert maps["00001"].words == words
    pages = written(tmp_path, cohort(maps={name: [picture] for name, picture in maps.items()}))
    assert Read(pages["00001.html"]).alternatives == [words]
    assert "Where networks looked" not in pages["00000.html"]


def test_without_images_the_pages_say_so(tmp_path):
    pages = written(tmp_path, cohort(images=False))
    assert not any(Read(text).alternatives for text in pages.values())
    for name in ("00000.html", "mistakes.html"):
        assert "show_images: false" in pages[name]


def test_a_mistake_has_plane_and_size_of_the_series_and_of_what_is_marked(tmp_path):
    series = series_of([f"{number:05d}" for number in range(N)])
    marked = series[series["modality"] == "T2w"].assign(modality="segmentation", marked_ml=12.34)
    shown = replace(
        cohort(probabilities=join_probabilities([scored(method(), signal=-9)])), series=pd.concat([series, marked])
    )
    cards = written(tmp_path, shown)["mistakes.html"].split("<article>")[1:]
    assert len(cards) == N
    (card,) = (visible(text) for text in cards if ">00002</a>" in text)
    assert "FLAIR , axial 22 slices of 64 x 48" in card
    assert "Segmentation: 12.3 ml." in card
    assert "T2w" not in card, "the method does not read it"


@pytest.mark.parametrize("n_methods", [1, 40])
def test_a_page_holds_one_or_forty_methods(tmp_path, n_methods):
    methods = [method(f"v{number}") for number in range(n_methods)]
    table = scored(methods[0])
    shown = cohort(
        methods=methods, probabilities=join_probabilities([table.assign(variant=each["variant"]) for each in methods])
    )
    page = written(tmp_path, shown)["00000.html"]
    assert len(Read(page).rows) == n_methods + 1
    assert Read(page).tags.count("svg") == 2 * n_methods
    assert len(page) < 100_000
