"""The prediction for one new patient: a figure of the network's input, and a page that states its limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gliobench.evaluation.one_patient import UNSEEN
from gliobench.figures.explanations import evidence_figure
from gliobench.figures.montages import Images, input_images, inputs_montage
from gliobench.figures.orientation import plane_of, planes_of
from gliobench.figures.style import new_figure, say_why_empty, styled
from gliobench.files import write_text
from gliobench.reporting.display import Display
from gliobench.reporting.html import render
from gliobench.terms import MODALITIES, WITHOUT_IMAGES
from gliobench.wording import EMPTY

IN_WORDS = {
    "test": "tested by it",
    "validation": "in its validation part",
    "train": "trained on",
    "whole": "trained on",
}
NOT_MET = "not met"
YES_NO = {True: "yes", False: "no"}
FACTS = {"modality": "Series", "status": "Status", "n_files": "Files", "n_slices": "Slices", "rows": "Rows"}
FACTS |= {"columns": "Columns", "spacing": "Spacing, mm", "slice_spacing": "Slice spacing, mm", "plane": "Plane"}
FACTS |= {"manufacturer": "Manufacturer"}
SIDES = "R, L, A and P mark the patient's right, left, front and back."
CAM = (
    "Grad-CAM, the mean over the models behind the probability, over slices of the input. Bright: evidence for the "
    f"predicted label, which is 1 from a probability of 0.5 on and 0 below. {SIDES}"
)
SLICES = f"Evenly spaced slices of the input, series by series. {SIDES}"
NO_INPUT = "There is no input."
MIDDLE = f"The middle slice of each series; this approach reads only numbers derived from the images. {SIDES}"


@dataclass(frozen=True)
class Shown:
    """
    What can be drawn of a prediction.

    Attributes
    ----------
    inputs : numpy.ndarray
        The patient's rows; none if there is no input.
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
    if not len(shown.inputs):
        return _no_input(), NO_INPUT
    names = [f"patient {patient}", *(record[name] for name in ("approach", "variant", "modality"))]
    channels = [name for name in record["series"] if name in MODALITIES]
    if shown.cam.size:
        return evidence_figure(shown.cam, shown.inputs[0], channels, names), CAM
    if record["input"]["kind"] in WITHOUT_IMAGES:
        planes = [plane_of(row) for row in shown.series.to_dict("records")]
        middles = Images(f"Patient {patient}", shown.thumbnails / 255, shown.series["modality"].tolist(), planes)
        return inputs_montage([middles], names), MIDDLE
    return inputs_montage(_images(record["input"]["kind"], shown, record["series"]), names), SLICES


@styled
def _no_input() -> Figure:
    figure = new_figure(4, 2)
    axes = figure.subplots()
    axes.set_axis_off()
    say_why_empty(axes, "there is no input.")
    return figure


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


def write_prediction_page(path: str | Path, prediction: Mapping[str, Any], captions: Mapping[str, str]) -> None:
    """
    Write the page of a prediction.

    Parameters
    ----------
    path : path
        The HTML file.
    prediction : dict
        As in the schema ``prediction``.
    captions : dict of str to str
        Of two figures next to the page, by file name: the patient in the cohort, and that from `draw_prediction`.
    """
    (placement, placement_caption), (shown, caption) = captions.items()
    page = render(
        "prediction.html.j2",
        prediction=prediction,
        folds=_folds(prediction),
        series=_facts(prediction),
        placement=placement,
        placement_caption=placement_caption,
        figure=shown,
        caption=caption,
        grad_cam=caption == CAM,
    )
    write_text(page, path)


def _folds(prediction: Mapping[str, Any]) -> Display:
    counted = [fold for fold in prediction["folds"] if fold["part"] in UNSEEN] or prediction["folds"]
    rows = [
        (str(fold["fold"]), f"{fold['probability']:.3f}", IN_WORDS.get(fold["part"], NOT_MET), YES_NO[fold in counted])
        for fold in prediction["folds"]
    ]
    text = pd.DataFrame(rows, columns=["Fold", "Probability", "This patient was", "Counts"])
    caption = "One model per fold, whether it saw this patient, and whether the probability above counts it."
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
