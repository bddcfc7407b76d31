"""The prediction for one new patient: a figure of the network's input, and a page that states its limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gliobench.evaluation.columns import CELL
from gliobench.files import read_table, write_text
from gliobench.reporting.display import EMPTY, Display
from gliobench.reporting.explanations import evidence_figure
from gliobench.reporting.html import render
from gliobench.reporting.montages import Images, input_images, inputs_montage
from gliobench.reporting.orientation import plane_of, planes_of
from gliobench.terms import GENERATED, MODALITIES

PARTS = {"test": "tested by it", "validation": "in its validation part", "train": "trained on", "whole": "trained on"}
FACTS = {"modality": "Series", "status": "Status", "n_files": "Files", "n_slices": "Slices", "rows": "Rows"}
FACTS |= {"columns": "Columns", "spacing": "Spacing, mm", "slice_spacing": "Slice spacing, mm", "plane": "Plane"}
FACTS |= {"manufacturer": "Manufacturer"}
SIDES = "R, L, A and P mark the patient's right, left, front and back."
CAM = (
    "Grad-CAM, the mean over the models, over slices of the input. Bright: evidence for the predicted label, which is "
    f"1 from a probability of 0.5 on and 0 below. {SIDES}"
)
SLICES = f"Evenly spaced slices of the input, series by series. {SIDES}"
MIDDLE = f"The middle slice of each series; this approach reads only numbers derived from the images. {SIDES}"


@dataclass(frozen=True)
class Shown:
    """
    What can be drawn of a prediction.

    Attributes
    ----------
    inputs : numpy.ndarray
        The patient's rows.
    index : pandas.DataFrame
        patient_id, modality and slice_index of each row.
    cam : numpy.ndarray
        Shape (x, y, z), the map in [0, 1], RAS+; empty if the approach makes none.
    series : pandas.DataFrame
        Table ``series``.
    thumbnails : numpy.ndarray, shape (rows of `series`, rows, columns)
        uint8.
    """

    inputs: np.ndarray
    index: pd.DataFrame
    cam: np.ndarray
    series: pd.DataFrame
    thumbnails: np.ndarray


def draw_prediction(shown: Shown, record: Mapping[str, Any]) -> tuple[Figure, str]:
    """
    Draw where the models looked or, without Grad-CAM, their input.

    Parameters
    ----------
    shown : Shown
        Arrays and tables of the patient.
    record : dict
        ``run.json`` of the run.

    Returns
    -------
    figure, caption
    """
    patient = str(shown.series["patient_id"].iloc[0])
    names = [f"patient {patient}", *(record[name] for name in ("approach", "variant", "modality"))]
    channels = [name for name in record["series"] if name in MODALITIES]
    if shown.cam.size:
        return evidence_figure(shown.cam, shown.inputs[0], channels, names), CAM
    if record["input"]["kind"] == "facts":
        planes = [plane_of(row) for row in shown.series.to_dict("records")]
        middles = Images(f"Patient {patient}", shown.thumbnails / 255, shown.series["modality"].tolist(), planes)
        return inputs_montage([middles], names), MIDDLE
    return inputs_montage(_images(record["input"]["kind"], shown, record["series"]), names), SLICES


def _images(kind: str, shown: Shown, series: Sequence[str]) -> list[Images]:
    """Return the images of each series."""
    patient = str(shown.index["patient_id"].iloc[0])
    names = {name: f"Patient {patient}, {name}" for name in series}
    planes = planes_of(shown.series)
    if kind == "slices":
        groups = {str(name): rows for name, rows in shown.index.groupby("modality", sort=False)}
        return [
            input_images(names[name], shown.inputs[rows.index], rows["slice_index"].tolist(), planes[patient, name])
            for name, rows in groups.items()
        ]
    row = shown.inputs[0]
    if kind == "grid":
        return [input_images(names[name], channel, [], None) for name, channel in zip(series, row, strict=True)]
    (name,), slices = series, row.transpose(2, 0, 1)
    return [Images(names[name], slices, range(len(slices)), [planes[patient, name]] * len(slices))]


def read_score(run: str | Path, model: Mapping[str, Any]) -> dict[str, Any] | None:
    """
    Find the row of a run's cell in the study's table.

    Parameters
    ----------
    run : path
        The run's folder within the study's results.
    model : dict
        Names of the run.

    Returns
    -------
    dict or None
        The cell's row of ``comparison.tsv`` for patients; None if the results are not there.
    """
    tables = (folder / "tables" / "comparison.tsv" for folder in Path(run).parents)
    path = next((table for table in tables if table.is_file()), None)
    if path is None:
        return None
    table = read_table(path, "comparison")
    mine = table[(table[CELL] == [model[name] for name in CELL]).all(axis=1) & (table["unit"] != "slice")]
    order = {"test": 0, "whole": 1, "validation": 2}
    rows = mine[mine["part"].isin(order)]
    if rows.empty:
        return None
    last_phase = rows[rows["phase"] == rows["phase"].iloc[-1]]
    return last_phase.loc[last_phase["part"].map(order).idxmin()].to_dict()


def score_sentence(row: Mapping[str, Any] | None, model: Mapping[str, Any]) -> str:
    """Say how well the approach distinguished patients in the study that trained it."""
    if row is None:
        return "The study's table is not stored with this run, so its scores there are not known here."
    if pd.isna(row["auc"]):
        return f"The study's table has no AUC for this cell: {row['reason'] or row['status']}."
    where = f"cohort {row['cohort']}" + (", which is generated" if model["cohort_kind"] in GENERATED else "")
    between = "" if pd.isna(row["auc_low"]) else f" (95 % interval {row['auc_low']:.2f} to {row['auc_high']:.2f})"
    said = (
        f"In the study that trained it, on {row['n_patients']} patients of {where} ({row['part']} part), this approach "
        f"reached an AUC of {row['auc']:.2f}{between}; 0.5 is chance."
    )
    if not pd.isna(row["auc_low"]) and row["auc_low"] <= 0.5 <= row["auc_high"]:
        said += " The interval includes chance: its predictions may mean nothing."
    return said + (f" Caveat there: {row['caveat']}." if not pd.isna(row["caveat"]) else "")


def answer_sentence(prediction: Mapping[str, Any]) -> str:
    """State the probability, and how far the models of the folds agree."""
    model, folds = prediction["model"], prediction["folds"]
    said = (
        f"{model['approach']} ({model['variant']}, {model['modality']}) gives a probability of "
        f"{prediction['probability']:.2f} for label 1, {prediction['label_name']}"
    )
    if len(folds) == 1:
        return f"{said}: the prediction of fold {folds[0]['fold']} only."
    answers = [fold["probability"] for fold in folds]
    return (
        f"{said}: the mean of {len(folds)} models, one per fold, which predict between {min(answers):.2f} and "
        f"{max(answers):.2f} (standard deviation {prediction['sd']:.2f})."
    )


def write_prediction_page(
    path: str | Path, prediction: Mapping[str, Any], score: str, figure: str, caption: str
) -> None:
    """
    Write the page of a prediction.

    Parameters
    ----------
    path : path
        The HTML file.
    prediction : dict
        As in the schema ``prediction``.
    score : str
        From `score_sentence`.
    figure : str
        File name of the figure next to the page.
    caption : str
        Its words, from `draw_prediction`.
    """
    page = render(
        "prediction.html.j2",
        prediction=prediction,
        answer=answer_sentence(prediction),
        score=score,
        folds=_folds(prediction),
        series=_facts(prediction),
        figure=figure,
        caption=caption,
        grad_cam=caption == CAM,
    )
    write_text(page, path)


def _folds(prediction: Mapping[str, Any]) -> Display:
    rows = [
        (str(fold["fold"]), f"{fold['probability']:.3f}", PARTS.get(fold["part"], "not met"))
        for fold in prediction["folds"]
    ]
    text = pd.DataFrame(rows, columns=["Fold", "Probability", "This id was"])
    caption = "One model per fold, and whether it has seen a patient with this id."
    return Display(text, frozenset(["Probability"]), caption, 1)


def _facts(prediction: Mapping[str, Any]) -> Display:
    text = pd.DataFrame(
        [[_fact(row[name]) for name in FACTS] for row in prediction["series"]], columns=list(FACTS.values())
    )
    numbers = frozenset(FACTS.values()) - {"Series", "Status", "Plane", "Manufacturer"}
    return Display(text, numbers, "The patient's series, as found by the audit.", 1)


def _fact(value: Any) -> str:
    if value is None:
        return EMPTY
    return f"{value:.2f}" if isinstance(value, float) else str(value)
