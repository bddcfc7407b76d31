"""The page of a prediction: the answer, its spread, what the table said, and its limits."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from markupsafe import escape

from gliobench.files import table_schema, write_table
from gliobench.reporting.prediction import (
    CAM,
    MIDDLE,
    SLICES,
    Shown,
    answer_sentence,
    draw_prediction,
    read_score,
    score_sentence,
    write_prediction_page,
)

MODEL = {
    "cohort": "clinic",
    "cohort_kind": "rsna",
    "approach": "cnn3d",
    "variant": "main",
    "modality": "FLAIR",
    "protocol": "harmonised",
    "repeat": 0,
    "seed_index": 0,
    "batch": 0,
    "weights": "none",
}
SERIES = {"patient_id": "p-1", "modality": "FLAIR", "n_files": 7, "n_slices": 7, "rows": 32, "columns": 24}
SERIES |= {
    "spacing": 0.5,
    "slice_spacing": 5.0,
    "orientation_status": "stated",
    "plane": "axial",
    "ordered_by": "position",
}
SERIES |= {
    "transfer_syntax": None,
    "manufacturer": "<b>maker</b>",
    "blank_fraction": 0.0,
    "status": "ok",
    "reason": None,
}
PREDICTION = {
    "purpose": "For research only: this is not a medical device and must not be used for patient care.",
    "patient_id": "p-1",
    "probability": 0.6,
    "sd": 0.1,
    "label_name": "methylated",
    "folds": [
        {"fold": 0, "probability": 0.5, "part": None},
        {"fold": 1, "probability": 0.6, "part": "test"},
        {"fold": 2, "probability": 0.7, "part": "train"},
    ],
    "n_rows": 1,
    "phase": "final",
    "notes": ["A note of <its> own."],
    "series": [SERIES],
    "model": MODEL,
    "device": "cpu",
    "versions": {"python": "3.11"},
}
CELL = {name: MODEL[name] for name in ("cohort", "approach", "variant", "modality", "protocol")}


def row(**values):
    empty = dict.fromkeys(table_schema("comparison")["properties"])
    told = {"phase": "final", "part": "test", "unit": "patient", "weights": "none", "status": "ok", "n_patients": 59}
    return empty | CELL | told | {"auc": 0.62, "auc_low": 0.55, "auc_high": 0.69} | values


def test_the_answer_says_the_probability_its_label_and_how_far_the_folds_agree():
    said = answer_sentence(PREDICTION)
    assert "probability of 0.60 for label 1, methylated" in said
    assert "3 models, one per fold, which predict between 0.50 and 0.70 (standard deviation 0.10)" in said


def test_one_fold_has_no_spread():
    said = answer_sentence(PREDICTION | {"sd": None, "folds": PREDICTION["folds"][:1]})
    assert said.endswith("the prediction of fold 0 only.")
    assert "deviation" not in said


def test_the_page_begins_with_what_it_is_not_for_and_loads_nothing(tmp_path):
    write_prediction_page(tmp_path / "index.html", PREDICTION, "A score.", "input.png", SLICES)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    words = re.sub(r"<[^>]+>", " ", page.split("<body>")[1]).split()
    assert " ".join(words).startswith(PREDICTION["purpose"])
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["input.png"]
    for expected in (
        "A score.",
        "0.600",
        "tested by it",
        "trained on",
        "not met",
        "Limits of the prediction",
        str(escape(SLICES)),
    ):
        assert expected in page
    assert "A note of &lt;its&gt; own." in page
    assert "<b>maker</b>" not in page
    assert "random weights" not in page, "there is no map to speak of"


def test_a_page_with_a_map_says_what_a_map_is_not(tmp_path):
    write_prediction_page(tmp_path / "index.html", PREDICTION, "A score.", "gradcam.png", CAM)
    assert "random weights" in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ({}, "rsna", "on 59 patients of cohort clinic (test part), this approach reached an AUC of 0.62"),
        ({}, "rsna", "(95 % interval 0.55 to 0.69); 0.5 is chance."),
        ({}, "synthetic", "cohort clinic, which is generated"),
        ({"auc_low": 0.45}, "rsna", "The interval includes chance"),
        ({"auc_low": None, "auc_high": None}, "rsna", "an AUC of 0.62; 0.5 is chance."),
        ({"caveat": "slice-level split"}, "rsna", "Caveat there: slice-level split."),
        (
            {"auc": None, "reason": "each run tests one patient"},
            "rsna",
            "no AUC for this cell: each run tests one patient.",
        ),
        ({"auc": None, "status": "diverged"}, "rsna", "no AUC for this cell: diverged."),
    ],
)
def test_the_tables_word_on_the_approach_is_repeated(values, kind, expected):
    table = pd.DataFrame([row(**values)]).to_dict("records")[0]
    assert expected in score_sentence(table, MODEL | {"cohort_kind": kind})


def test_an_interval_above_chance_is_not_said_to_hold_it():
    assert "The interval includes chance" not in score_sentence(row(), MODEL)


def test_a_run_without_its_study_says_so(tmp_path):
    assert read_score(tmp_path, MODEL) is None
    assert "is not stored with this run" in score_sentence(None, MODEL)


def write_comparison(folder: Path, *rows) -> Path:
    write_table(pd.DataFrame(rows), folder / "tables" / "comparison.tsv", "comparison")
    return folder / "clinic" / "runs" / "cnn3d" / "main" / "FLAIR" / "harmonised" / "repeat-0" / "seed-0" / "batch-0"


def test_the_row_is_the_cells_own_of_patients_tested_in_the_last_phase(tmp_path):
    run = write_comparison(
        tmp_path,
        row(variant="as_coded", auc=0.9),
        row(phase="transfer", auc=0.5),
        row(phase="finetuned", part="validation", auc=0.8),
        row(phase="finetuned", unit="slice", auc=0.7),
        row(phase="finetuned", auc=0.62),
    )
    assert read_score(run, MODEL)["auc"] == 0.62


def test_a_cell_that_the_table_lacks_has_no_row(tmp_path):
    run = write_comparison(tmp_path, row(variant="as_coded"))
    assert read_score(run, MODEL) is None


def shown(inputs, cam=None, slices=None):
    n = len(inputs)
    index = pd.DataFrame({"patient_id": ["p-1"] * n, "modality": ["FLAIR"] * n, "slice_index": slices or [None] * n})
    thumbnails = np.zeros((1, 96, 96), np.uint8)
    return Shown(inputs, index, np.empty(0) if cam is None else cam, pd.DataFrame([SERIES]), thumbnails)


def panels(figure):
    return sum(len(axes.images) for axes in figure.axes)


def test_a_map_is_drawn_over_each_channel_in_the_slice_of_its_peak():
    rng = np.random.default_rng(0)
    image, cam = rng.normal(size=(1, 2, 8, 10, 12)), np.zeros((8, 10, 12))
    cam[4, 5, 2] = 1
    record = MODEL | {"series": ["FLAIR", "T2w", "segmentation"], "input": {"kind": "grid"}}
    figure, caption = draw_prediction(shown(image, cam), record)
    assert caption == CAM
    assert any(axes.get_title("left") == "slice 2, peak" for axes in figure.axes)
    assert panels(figure) == 2 * 6 * 2, "two channels, five slices and the peak, an image and a map in each"


def test_an_empty_map_peaks_nowhere():
    record = MODEL | {"series": ["FLAIR"], "input": {"kind": "grid"}}
    figure, _ = draw_prediction(shown(np.ones((1, 1, 8, 8, 8)), np.zeros((8, 8, 8))), record)
    assert not any("peak" in axes.get_title("left") for axes in figure.axes)


@pytest.mark.parametrize(
    ("kind", "inputs", "slices", "images", "caption"),
    [
        ("volume", np.random.default_rng(0).random((1, 8, 8, 5)), None, 5, SLICES),
        ("grid", np.random.default_rng(0).random((1, 1, 8, 8, 20)), None, 8, SLICES),
        ("slices", np.full((3, 8, 8), 9, np.uint8), [4, 6, 8], 3, SLICES),
        ("facts", np.zeros((1, 1, 16)), None, 1, MIDDLE),
    ],
)
def test_every_kind_of_input_is_drawn(kind, inputs, slices, images, caption):
    record = MODEL | {"series": ["FLAIR"], "input": {"kind": kind}}
    figure, said = draw_prediction(shown(inputs, slices=slices), record)
    assert said == caption
    assert panels(figure) == images


@pytest.mark.parametrize(
    ("kind", "inputs", "marks"),
    [
        ("volume", np.ones((1, 8, 8, 5)), {"A", "P", "sagittal"}),
        ("slices", np.full((3, 8, 8), 9, np.uint8), {"A", "P", "sagittal"}),
        ("grid", np.random.default_rng(0).random((1, 1, 8, 8, 20)), {"R", "L", "axial"}),
        ("facts", np.zeros((1, 1, 16)), {"A", "P", "sagittal"}),
    ],
)
def test_a_series_is_marked_by_its_own_plane_and_a_volume_on_a_grid_as_axial(kind, inputs, marks):
    patient = shown(inputs, slices=[4, 6, 8] if kind == "slices" else None)
    series = patient.series.assign(plane="sagittal")
    patient = replace(patient, series=series, thumbnails=np.full((1, 96, 96), 9, np.uint8))
    record = MODEL | {"series": ["FLAIR"], "input": {"kind": kind}}
    figure, caption = draw_prediction(patient, record)
    said = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {text for text in said if text in {"A", "P", "R", "L", "axial", "coronal", "sagittal"}} == marks
    assert "the patient's right" in caption
