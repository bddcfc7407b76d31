"""The page of a prediction: the answer, its spread, what the table said, and its limits."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from markupsafe import escape

from gliobench.evaluation.one_patient import NEW, OTHER_IMAGES, PIXELS, SAME_ID, SERIES_UID, UNCHECKED
from gliobench.figures.placement import MOST_LINES, placement_caption, placement_figure
from gliobench.files import check_record, table_schema, write_json, write_table
from gliobench.predict.describe import cell_score, tabulate
from gliobench.predict.request import FILES, Request
from gliobench.reporting.patient_answer import others_note, score_sentence, sentences
from gliobench.reporting.prediction import CAM, MIDDLE, NO_INPUT, SLICES, Shown, draw_prediction, write_prediction_page
from gliobench.reporting.terminal import SCREEN, print_answer, print_patients

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
LABELS = [{"label": 0, "n": 50, "lower": 31, "higher": 19}, {"label": 1, "n": 60, "lower": 24, "higher": 35}]
PLACEMENT = {"labels": LABELS, "plausible": [0, 1], "median": 0.47, "models_above": 2, "models_below": 1}
SCORE = {"n_patients": 59, "part": "test", "auc": 0.62, "auc_low": 0.55, "auc_high": 0.69}
SCORE |= {"caveat": None, "status": "ok", "reason": None}
FOLDS = [
    {"fold": 0, "probability": 0.4, "log_odds": -0.4, "part": None},
    {"fold": 1, "probability": 0.6, "log_odds": 0.4, "part": None},
    {"fold": 2, "probability": 0.8, "log_odds": 1.4, "part": None},
]
PREDICTION = {
    "purpose": "For research only: this is not a medical device and must not be used for patient care.",
    "patient_id": "p-1",
    "reason": None,
    "probability": 0.6,
    "mean": 0.6,
    "sd": 0.2,
    "label_names": {"0": "unmethylated", "1": "methylated"},
    "identity": NEW,
    "same_as": [],
    "folds": FOLDS,
    "placement": PLACEMENT,
    "score": SCORE,
    "verdict": "in the middle",
    "n_rows": 1,
    "phase": "final",
    "series": [SERIES],
    "model": MODEL,
    "device": "cpu",
    "versions": {"python": "3.11"},
    "sentences": ["A first sentence.", "A second one."],
    "notes": ["A note of <its> own."],
}
NO_PREDICTION = {"reason": "patient p-1 has no FLAIR series.", "probability": None, "mean": None, "sd": None}
NO_PREDICTION |= {"folds": [], "placement": None, "verdict": None, "n_rows": 0}
CELL = {name: MODEL[name] for name in ("cohort", "approach", "variant", "modality", "protocol")}


def row(**values):
    empty = dict.fromkeys(table_schema("comparison")["properties"])
    told = {"phase": "final", "part": "test", "unit": "patient", "weights": "none", "status": "ok", "n_patients": 59}
    return empty | CELL | told | {"auc": 0.62, "auc_low": 0.55, "auc_high": 0.69} | values


def met(*parts, **changes):
    folds = [fold | {"part": part} for fold, part in zip(FOLDS, parts, strict=True)]
    return PREDICTION | {"identity": PIXELS, "same_as": ["00003"], "folds": folds} | changes


def test_the_example_is_a_prediction():
    check_record(PREDICTION, "prediction", "this prediction")
    check_record(PREDICTION | NO_PREDICTION, "prediction", "this prediction")


def test_a_new_patient_gets_the_mean_its_place_and_what_it_cannot_tell():
    assert sentences(PREDICTION) == [
        "cnn3d (main, FLAIR) gives a probability of 0.60 for the label methylated: the mean of 3 models, one per fold, "
        "which answer 0.40 to 0.80.",
        "New to the models: none of its series has the pixels or the SeriesInstanceUID of a series of the cohort.",
        "It is higher than 62 % of the 50 unmethylated and 40 % of the 60 methylated patients, each model compared "
        "with those it tested.",
        "This cannot be distinguished from the middle: of the models, 2 answer above the tested patients' median of "
        "0.47 and 1 below; it is higher than 50 % of all tested patients, in the middle half.",
        "Neither label can be ruled out: 38 % of the unmethylated patients are as high or higher and 42 % of the "
        "methylated patients are as low or lower.",
        score_sentence(SCORE, MODEL),
    ]


def test_a_patient_of_the_cohort_gets_the_out_of_fold_answer_first_and_the_mean_with_a_warning():
    said = sentences(met("train", "test", "validation", probability=0.6, mean=0.61))
    assert said[0].endswith(
        "0.60 for the label methylated: out of fold, from the model of fold 1, which did not see this patient in "
        "training."
    )
    assert said[1] == (
        "It is in the cohort, as 00003, by its pixels: fold 0 trained on it; fold 1 tested it; fold 2 chose its epoch "
        "with it. The mean of all 3 models, 0.61, is not a test."
    )
    assert "40 % of the 60 methylated patients that the same model tested." in said[2]


def test_a_patient_whom_every_model_met_in_training_has_no_test():
    said = sentences(met("train", "train", "whole", placement=None))
    assert "which is not a test: the models of folds 0, 1 and 2 saw this patient in training." in said[0]
    assert said[1].startswith("It is in the cohort, as 00003, by its pixels: folds 0, 1 and 2 trained on it.")
    assert said[2] == "All of these models have seen this patient, so the answer has nothing to be compared with."
    assert len(said) == 4


def test_a_model_that_tested_nobody_else_has_nothing_to_compare_with():
    said = sentences(met("test", "train", "train", placement=None))
    assert any(each.startswith("The models that have not seen this patient tested no other patient") for each in said)


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (NEW, "New to the models"),
        (OTHER_IMAGES, "the cohort has this id, but other images"),
        (UNCHECKED, "could not be checked"),
        (SERIES_UID, "as 00003, by its SeriesInstanceUID, with other pixels: none of these models trained on it"),
        (SAME_ID, "it is treated as the same, because no images could be compared: none of these models"),
    ],
)
def test_the_comparison_with_the_cohort_is_a_sentence(identity, expected):
    assert expected in sentences(PREDICTION | {"identity": identity, "same_as": ["00003"]})[1]


def test_a_patient_with_a_known_id_and_other_images_is_warned_of():
    (note,) = others_note(FOLDS, {0: "train", 1: "test", 2: "train"})
    assert note.endswith(
        "is the same one, folds 0 and 2 trained on it; fold 1 tested it, and the out-of-fold answer is 0.60."
    )
    (note,) = others_note(FOLDS[:1], {0: "train"})
    assert note.endswith("fold 0 trained on it, and every model has seen it.")
    assert others_note(FOLDS, {}) == []


def test_one_fold_has_no_spread():
    said = sentences(PREDICTION | {"sd": None, "folds": FOLDS[:1]})[0]
    assert said.endswith("the answer of the model of fold 0 alone.")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"plausible": [1], "labels": [LABELS[0] | {"lower": 49, "higher": 1}, LABELS[1]]}, "Unusual: 2 % of the"),
        ({"plausible": []}, "This cannot be distinguished from the middle: it lies between the answers"),
        ({"labels": [LABELS[0] | {"n": 6, "lower": 6, "higher": 0}, LABELS[1]]}, "are too few for that and 42 %"),
        ({"labels": [LABELS[0] | {"n": 0, "lower": 0, "higher": 0}, LABELS[1]]}, "than 40 % of the 60 methylated"),
    ],
)  # fmt: skip
def test_what_the_place_tells_is_a_sentence(changes, expected):
    placement = PLACEMENT | {"models_below": 0} | changes
    assert any(expected in each for each in sentences(PREDICTION | {"placement": placement}))


def test_a_patient_without_an_input_has_its_reason_alone():
    assert sentences(PREDICTION | NO_PREDICTION) == ["No prediction: patient p-1 has no FLAIR series."]


CAPTIONS = {"cohort.png": "Where it lies.", "input.png": SLICES}


def test_the_page_begins_with_what_it_is_not_for_and_loads_nothing(tmp_path):
    write_prediction_page(tmp_path / "index.html", met("train", "test", None), CAPTIONS)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    words = re.sub(r"<[^>]+>", " ", page.split("<body>")[1]).split()
    assert " ".join(words).startswith(PREDICTION["purpose"])
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["cohort.png", "input.png"]
    for expected in (
        "A second one.",
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
    counted = re.findall(r'<td class="text">(yes|no)</td>', page)
    assert counted == ["no", "yes", "yes"]


def test_a_page_with_a_map_says_what_a_map_is_not(tmp_path):
    write_prediction_page(tmp_path / "index.html", PREDICTION, {"cohort.png": "", "gradcam.png": CAM})
    assert "random weights" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_page_without_a_prediction_shows_no_figure(tmp_path):
    write_prediction_page(tmp_path / "index.html", PREDICTION | NO_PREDICTION, CAPTIONS)
    assert "src=" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def patients_of(n_folds):
    rows = [(fold, f"{fold}-{n}", n % 2, n / 10) for fold in range(n_folds) for n in range(10)]
    return pd.DataFrame([*rows, (0, "00003", 1, 0.5)], columns=["fold", "patient_id", "label", "probability"])


def test_the_figure_has_every_tested_patient_but_this_one_and_an_answer_of_each_model():
    prediction = met("test", "train", None)
    axes = placement_figure(prediction, patients_of(4)).axes[0]
    drawn = sum(len(dots.get_offsets()) for dots in axes.collections if len(dots.get_offsets()) > 1)
    assert drawn == 3 * 10
    assert [line.get_xdata()[1] for line in axes.lines] == [0.4, 0.6, 0.8]
    hollow = [line.get_markerfacecolor() == "white" for line in axes.lines]
    assert hollow == [False, True, False]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["fold 0", "fold 1", "fold 2"]
    assert axes.get_xlabel() == "Probability of methylated"
    assert "hollow" in placement_caption(prediction)


def test_many_folds_share_a_line_with_the_answer_for_the_patient():
    folds = [FOLDS[0] | {"fold": fold} for fold in range(MOST_LINES + 1)]
    prediction = PREDICTION | {"folds": folds}
    axes = placement_figure(prediction, patients_of(MOST_LINES + 1)).axes[0]
    assert [line.get_xdata()[1] for line in axes.lines] == [PREDICTION["probability"]]
    assert "hollow" not in placement_caption(prediction)


def test_a_figure_without_tested_patients_says_so():
    axes = placement_figure(PREDICTION | {"placement": None}, patients_of(0)).axes[0]
    assert "no other patient" in " ".join(text.get_text().replace("\n", " ") for text in axes.texts)


def test_the_terminal_shows_the_sentences_and_the_warnings_on_short_lines(tmp_path):
    prediction = PREDICTION | {"sentences": sentences(PREDICTION)}
    write_json(prediction, tmp_path / "prediction.json")
    said = print_answer(tmp_path)
    for expected in [*prediction["sentences"], *prediction["notes"], PREDICTION["purpose"]]:
        assert expected in " ".join(said.split())
    assert said.endswith(f"Prediction: {tmp_path / 'index.html'}")
    assert max(map(len, said.splitlines()[:-1])) <= SCREEN


def test_a_list_of_patients_has_a_row_for_each_with_the_reason_where_it_failed(tmp_path):
    predictions = {"p-1/index.html": met("train", "test", None), "p-2/index.html": PREDICTION | NO_PREDICTION}
    table = tabulate(predictions)
    write_table(table, tmp_path / "list.tsv", "patient_predictions")
    assert table["status"].tolist() == ["ok", "failed"]
    assert table["n_unseen"].tolist() == [2, 0]
    assert table["same_as"].tolist()[0] == "00003"
    said = print_patients(tmp_path / "list.tsv")
    assert "1 of 2 patients have a prediction." in said
    assert "patient p-1 has no FLAIR series." in said
    assert re.search(r"^p-1 +0\.60 +in the middle +same pixels: 00003$", said, re.MULTILINE)
    assert said.endswith(f"Predictions: {tmp_path / 'list.tsv'}")


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ({}, "rsna", "on 59 patients of cohort clinic (test part), this approach reached an AUC of 0.62"),
        ({}, "rsna", "(95 % interval 0.55 to 0.69); 0.5 is chance."),
        ({}, "synthetic", "cohort clinic, which is generated"),
        (
            {"auc_low": 0.45},
            "rsna",
            "The interval includes chance, so this answer is not known to carry any information.",
        ),
        ({"auc_low": None, "auc_high": None}, "rsna", "an AUC of 0.62; 0.5 is chance."),
        ({"caveat": "slice-level split"}, "rsna", "Caveat there: slice-level split."),
        (
            {"status": "failed", "reason": "1 of 5 folds failed: no memory."},
            "rsna",
            "It is not a whole score: 1 of 5 folds failed: no memory.",
        ),
        (
            {"auc": None, "reason": "each run tests one patient"},
            "rsna",
            "no AUC for this cell: each run tests one patient.",
        ),
        ({"auc": None, "status": "diverged"}, "rsna", "no AUC for this cell: diverged."),
    ],
)
def test_the_tables_word_on_the_approach_is_repeated(values, kind, expected):
    score = cell_score(pd.DataFrame([row(**values)]), MODEL)
    assert expected in score_sentence(score, MODEL | {"cohort_kind": kind})


def test_an_interval_above_chance_is_not_said_to_hold_it():
    assert "The interval includes chance" not in score_sentence(SCORE, MODEL)


def test_a_run_without_its_study_says_so():
    assert cell_score(None, MODEL) is None
    assert "how good its models are is not known" in score_sentence(None, MODEL)


def test_the_row_is_the_cells_own_of_patients_tested_in_the_last_phase():
    rows = [
        row(variant="as_coded", auc=0.9),
        row(phase="transfer", auc=0.5),
        row(phase="finetuned", part="validation", auc=0.8),
        row(phase="finetuned", unit="slice", auc=0.7),
        row(phase="finetuned", auc=0.62),
    ]
    assert cell_score(pd.DataFrame(rows), MODEL)["auc"] == 0.62
    assert cell_score(pd.DataFrame(rows[:1]), MODEL) is None


def test_tables_are_the_runs_own_or_the_nearest_above_it(tmp_path):
    run = tmp_path / "study" / "clinic" / "runs" / "batch-0"
    (tmp_path / "study" / "tables").mkdir(parents=True)
    run.mkdir(parents=True)
    places = [tmp_path / "study" / path for path in FILES.values()]
    for path in [*places, tmp_path / "study" / "clinic" / "series.tsv"]:
        path.touch()
    found = Request({}, run, {}).tables
    assert found == {"series": str(tmp_path / "study/clinic/series.tsv"), "comparison": str(places[2])}
    for name in ("series.tsv", "predictions.tsv"):
        (run / name).touch()
    found = Request({}, run, {}).tables
    assert (found["series"], found["predictions"]) == (str(run / "series.tsv"), str(run / "predictions.tsv"))


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
        ("volume", np.empty(0), None, 0, NO_INPUT),
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
