"""The models of a run applied to one patient: each fold's probability, their mean and spread, and their limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from gliobench.errors import GlioBenchError
from gliobench.files import check_table, read_table
from gliobench.inputs.patient_facts import KIND, with_patient_facts
from gliobench.inputs.store import join_shards
from gliobench.predict.request import find_models, fold_of
from gliobench.terms import GENERATED, USABLE, VOXELS_ONLY, parent_cohort
from gliobench.training import Machine
from gliobench.training.job import load_model, versions
from gliobench.training.scores import mean_log_odds

PURPOSE = "For research only: this is not a medical device and must not be used for patient care."
RUN: tuple[str, ...] = ("cohort", "cohort_kind", "approach", "variant", "modality", "protocol")
RUN += ("repeat", "seed_index", "batch", "weights")
WHERE = {"test": "tested by", "validation": "in the validation part of", "train": "trained on by", "whole": "part of"}


@dataclass(frozen=True)
class Answer:
    """
    Prediction of a run's models for a patient.

    Attributes
    ----------
    prediction : dict
        As in the schema ``prediction``.
    cam : ndarray or None
        Shape (x, y, z), the mean of the folds' Grad-CAM maps, each from 0 to 1; None if the approach makes none.
    """

    prediction: dict[str, Any]
    cam: np.ndarray | None


def predict_patient(
    run: Path, record: dict[str, Any], arrays: Sequence[str | Path], series: pd.DataFrame, machine: Machine,
    fold: int | None = None,
) -> Answer:  # fmt: skip
    """
    Apply the models of a run to a patient.

    Parameters
    ----------
    run : Path
        The run's folder.
    record : dict
        Its ``run.json``.
    arrays : sequence of path
        The patient's inputs.
    series : DataFrame
        As in the schema ``series``: the patient's, as the audit found them.
    machine : Machine
        Threads and device.
    fold : int, optional
        The only fold to use; all by default.

    Raises
    ------
    GlioBenchError
        The input has another shape than the training's, a model cannot be read, or a prediction is NaN or infinite.
    """
    approach = import_module(f"gliobench.approaches.{record['approach']}")
    device = approach.prepare(machine)
    kind = record["input"]["kind"]
    inputs, _ = join_shards(kind, arrays, record["series"])
    inputs = with_patient_facts(inputs) if kind == KIND else inputs
    if list(inputs.shape[1:]) != record["shape"]:
        raise GlioBenchError(
            f"the input has the shape {list(inputs.shape[1:])}, but {run} was trained on {record['shape']}; "
            "its record and its models are from different trainings: give another run."
        )
    paths = find_models(run, fold)
    models = [load_model(approach, path) for path in paths]
    probabilities = [float(expit(mean_log_odds(approach.predict(model, inputs)))) for model in models]
    if not np.isfinite(probabilities).all():
        raise GlioBenchError(f"{run}: a model's prediction is NaN or infinite; give another run.")
    patient_id = str(series["patient_id"].iloc[0])
    parts = _parts(run, patient_id)
    folds = [
        {"fold": fold_of(path), "probability": probability, "part": parts.get(fold_of(path))}
        for path, probability in zip(paths, probabilities, strict=True)
    ]
    mean = float(np.mean(probabilities))
    prediction = {
        "purpose": PURPOSE,
        "patient_id": patient_id,
        "probability": mean,
        "sd": float(np.std(probabilities, ddof=1)) if len(probabilities) > 1 else None,
        "label_name": record["label_names"].get("1", "label 1"),
        "folds": folds,
        "n_rows": len(inputs),
        "phase": record["phases"][-1],
        "notes": notes(record, folds, series),
        "series": plain_rows(series),
        "model": {name: record[name] for name in RUN},
        "device": device,
        "versions": versions(),
    }
    return Answer(prediction, _evidence(approach, models, inputs, int(mean >= 0.5)) if record["grad_cam"] else None)


def notes(record: dict[str, Any], folds: list[dict[str, Any]], series: pd.DataFrame) -> list[str]:
    """List the limits of a prediction: generated training images, a patient known to the run, other kinds of series."""
    return [*_note_of_cohort(record), *_note_of_parts(folds), *_notes_of_series(record, series)]


def _note_of_cohort(record: dict[str, Any]) -> list[str]:
    if parent_cohort(record["cohort"]) != record["cohort"]:
        return ["The models were trained on permuted or drawn labels: their predictions mean nothing."]
    if record["cohort_kind"] not in GENERATED:
        return []
    return [
        f"The models were trained on generated images (cohort {record['cohort']}): "
        "they say nothing about a real patient."
    ]


def _note_of_parts(folds: list[dict[str, Any]]) -> list[str]:
    met = [f"{WHERE[each['part']]} fold {each['fold']}" for each in folds if each["part"]]
    if not met:
        return []
    unseen = [str(each["fold"]) for each in folds if each["part"] in (None, "test")]
    honest = f"only fold {' and '.join(unseen)} never saw it" if unseen else "every fold saw it in training"
    return [f"A patient with this id was {', '.join(met)}: if it is the same patient, {honest}."]


def _notes_of_series(record: dict[str, Any], series: pd.DataFrame) -> list[str]:
    left_out = series[~series["status"].isin(USABLE)]
    found = [f"Scored without {row['modality']}: {row['reason']}" for row in left_out.to_dict("records")]
    unplaced = series[series["status"] == VOXELS_ONLY]
    found += [
        f"{row['modality']} has no position in millimetres: {row['reason']}" for row in unplaced.to_dict("records")
    ]
    images = series[series["status"].isin(USABLE) & (series["modality"] != "segmentation")]
    nifti = images.loc[images["ordered_by"].isna(), "modality"]  # files of slices have an order; one volume has none
    trained_on = GENERATED.get(record["cohort_kind"], record["cohort_kind"])
    if trained_on == "rsna" and len(nifti):
        found.append(
            f"{', '.join(nifti)}: NIfTI does not state the slice axis; the axis of the largest spacing was used. The "
            "models were trained on DICOM, which states it."
        )
    return found


def _parts(run: Path, patient_id: str) -> dict[int, str]:
    """Return the part of a patient with this id in each fold of a run."""
    path = run / "predictions.tsv"
    if not path.is_file():
        return {}
    table = read_table(path, "predictions")
    rows = table[(table["patient_id"] == patient_id) & table["slice_index"].isna()]
    return {int(fold): str(part) for fold, part in zip(rows["fold"], rows["part"], strict=True)}


def plain_rows(series: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of the table ``series`` as plain values for JSON, None where a cell is empty."""
    checked = check_table(series, "series", "the patient's series")
    return checked.astype(object).where(checked.notna(), None).to_dict("records")  # type: ignore[return-value]


def _evidence(approach: Any, models: Sequence[Any], inputs: np.ndarray, answer: int) -> np.ndarray:
    """Return the mean of the models' Grad-CAM maps for one answer."""
    from gliobench.training.gradcam import grad_cam  # only in PyTorch

    return np.mean([grad_cam(model, approach.cam_layer(model), inputs[0], answer) for model in models], axis=0)
