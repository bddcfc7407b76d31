"""What the answer for a patient is worth: which models know the patient, where it lies in the cohort, its limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.columns import CELL, PARTS, THRESHOLD
from gliobench.evaluation.one_patient import (
    OTHER_IMAGES,
    UNSEEN,
    identify,
    out_of_fold,
    parts_by_fold,
    placement,
    verdict,
)
from gliobench.files import check_table, join_tables, read_table
from gliobench.inputs.store import join_shards, without_input
from gliobench.predict.unlike import unlike_cohort
from gliobench.reporting.patient_answer import others_note, sentences
from gliobench.terms import GENERATED, USABLE, VOXELS_ONLY, parent_cohort

PURPOSE = "For research only: this is not a medical device and must not be used for patient care."
RUN_KEYS: tuple[str, ...] = ("cohort", "cohort_kind", "approach", "variant", "modality", "protocol")
RUN_KEYS += ("repeat", "seed_index", "batch", "weights")
SCORE = ("n_patients", "part", "auc", "auc_low", "auc_high", "caveat", "status", "reason")
DIFFERS = 0.005  # of probabilities: visible in two decimals


@dataclass(frozen=True)
class Study:
    """
    Tables of the study that trained a run, as far as they are stored with it.

    Attributes
    ----------
    predictions : DataFrame
        ``predictions.tsv`` of the run; without rows if it is not there.
    series : DataFrame or None
        ``series.tsv`` of the cohort.
    comparison : DataFrame or None
        ``comparison.tsv`` of the study.
    """

    predictions: pd.DataFrame
    series: pd.DataFrame | None
    comparison: pd.DataFrame | None


def read_study(tables: Mapping[str, str | Path]) -> Study:
    """
    Read the tables of `Study` by name.

    Parameters
    ----------
    tables : mapping of str to path
        As `gliobench.predict.request.Request.tables`.
    """
    predictions = _read(tables, "predictions")
    if predictions is None:
        predictions = check_table(join_tables([], "predictions"), "predictions", "no predictions")
    return Study(predictions, _read(tables, "series"), _read(tables, "comparison"))


def _read(tables: Mapping[str, str | Path], name: str) -> pd.DataFrame | None:
    return read_table(tables[name], name) if name in tables else None


def read_input(record: Mapping[str, Any], array: str | Path) -> tuple[np.ndarray, pd.DataFrame, str | None]:
    """
    Read the input of a patient.

    Parameters
    ----------
    record : dict
        ``run.json`` of the run.
    array : path
        The ``.npy`` file, with its index next to it.

    Returns
    -------
    inputs, index
        As `gliobench.inputs.store.join_shards` returns them; without rows if there is no input.
    str or None
        Why there is none.
    """
    index = read_table(Path(array).with_suffix(".tsv"), "index")
    for reason in without_input(index)["reason"]:
        return np.empty(0, np.float32), index, str(reason)
    return *join_shards(record["input"]["kind"], [array], record["series"]), None


def evidence(cams: np.ndarray, prediction: Mapping[str, Any]) -> np.ndarray:
    """
    Return the Grad-CAM map of a prediction, shape (x, y, z), from 0 to 1.

    It is the mean over the models behind the probability, for the label that this predicts: over those that did not
    train on the patient, if there are any.

    Parameters
    ----------
    cams : ndarray
        ``cams`` of `gliobench.predict.apply.Answer`.
    prediction : dict
        From `describe`.
    """
    unseen = [place for place, fold in enumerate(prediction["folds"]) if fold["part"] in UNSEEN]
    label = int(prediction["probability"] >= THRESHOLD)
    return np.mean(cams[unseen or slice(None), label], axis=0)


def describe(
    record: Mapping[str, Any], answer: Mapping[str, Any], series: pd.DataFrame, reason: str | None, study: Study
) -> dict[str, Any]:
    """
    Describe the answer of a run's models for a patient.

    Parameters
    ----------
    record : dict
        ``run.json`` of the run.
    answer : dict
        ``plain`` of `gliobench.predict.apply.Answer`.
    series : DataFrame
        As in the schema ``series``: the patient's, as the audit found them.
    reason : str or None
        Why there is no input.
    study : Study
        What is known of the run.

    Returns
    -------
    dict
        As in the schema ``prediction``.
    """
    identity, same_as = identify(series, study.series, set(study.predictions["patient_id"]))
    parts = parts_by_fold(study.predictions, same_as)
    folds = [fold | {"part": parts.get(fold["fold"])} for fold in answer["folds"]]
    unseen = [fold for fold in folds if fold["part"] in UNSEEN]
    tested = out_of_fold(study.predictions, record["phases"][-1])
    placed = placement(tested, unseen, same_as) if unseen else None
    score = cell_score(study.comparison, record)
    everything = [fold["probability"] for fold in folds]
    patient_id = str(series["patient_id"].iloc[0])
    prediction = {
        "purpose": PURPOSE,
        "patient_id": patient_id,
        "reason": reason,
        "probability": _mean([fold["probability"] for fold in unseen] or everything),
        "mean": _mean(everything),
        "sd": float(np.std(everything, ddof=1)) if len(folds) > 1 else None,
        "label_names": {label: record["label_names"].get(label, f"label {label}") for label in ("0", "1")},
        "identity": identity,
        "same_as": same_as,
        "folds": folds,
        "placement": placed,
        "score": score,
        "verdict": verdict(score, placed) if folds else None,
        "n_rows": answer["n_rows"],
        "phase": record["phases"][-1],
        "series": plain_rows(series),
        "model": {name: record[name] for name in RUN_KEYS},
        "device": answer["device"],
        "versions": answer["versions"],
    }
    return prediction | {
        "sentences": sentences(prediction),
        "notes": [
            *_note_of_cohort(record),
            *others_note(answer["folds"], parts_by_fold(study.predictions, [patient_id] * (identity == OTHER_IMAGES))),
            *_note_of_study(prediction, tested),
            *([] if reason else _notes_of_series(record, series)),  # nothing was scored, so nothing without them
            *unlike_cohort(series, study.series),
        ],
    }


def tabulate(predictions: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """
    Make the table ``patient_predictions`` of a list of patients.

    Parameters
    ----------
    predictions : dict of str to dict
        By page: as in the schema ``prediction``.
    """
    return pd.DataFrame([_row(prediction) | {"page": page} for page, prediction in predictions.items()])


def _row(prediction: Mapping[str, Any]) -> dict[str, Any]:
    same = ("patient_id", "probability", "verdict", "mean", "sd", "identity", "reason")
    return {name: prediction[name] for name in same} | {
        "status": "failed" if prediction["reason"] else "ok",
        "label_name": prediction["label_names"]["1"],
        "n_models": len(prediction["folds"]),
        "n_unseen": sum(fold["part"] in UNSEEN for fold in prediction["folds"]),
        "same_as": ", ".join(prediction["same_as"]) or None,
    }


def cell_score(comparison: pd.DataFrame | None, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the scores of a run's cell on patients in its last phase; None if the study's table lacks it."""
    if comparison is None:
        return None
    mine = comparison[(comparison[CELL] == [record[name] for name in CELL]).all(axis=1)]
    rows = mine[mine["unit"].ne("slice") & mine["part"].isin(PARTS)]
    if rows.empty:
        return None
    last_phase = rows[rows["phase"] == rows["phase"].iloc[-1]]
    row = last_phase.loc[last_phase["part"].map(PARTS.index).idxmin()]
    return {name: None if pd.isna(row[name]) else _plain(row[name]) for name in SCORE}


def plain_rows(series: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of the table ``series`` as plain values for JSON, None where a cell is empty."""
    checked = check_table(series, "series", "the patient's series")
    return checked.astype(object).where(checked.notna(), None).to_dict("records")  # type: ignore[return-value]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _note_of_cohort(record: Mapping[str, Any]) -> list[str]:
    if parent_cohort(record["cohort"]) != record["cohort"]:
        return ["The models were trained on permuted or drawn labels: their predictions mean nothing."]
    if record["cohort_kind"] not in GENERATED:
        return []
    return [
        f"The models were trained on generated images (cohort {record['cohort']}): "
        "they say nothing about a real patient."
    ]


def _note_of_study(prediction: Mapping[str, Any], tested: pd.DataFrame) -> list[str]:
    """Say if the study's own out-of-fold answer for the same patient was another one."""
    by = [fold["fold"] for fold in prediction["folds"] if fold["part"] == "test"]
    before = tested.loc[tested["patient_id"].isin(prediction["same_as"]) & tested["fold"].isin(by), "probability"]
    if before.empty or abs(before.mean() - prediction["probability"]) < DIFFERS:
        return []
    return [
        f"In the study, the same models gave this patient {before.mean():.2f}: the series or the software differ from "
        "those of the study."
    ]


def _notes_of_series(record: Mapping[str, Any], series: pd.DataFrame) -> list[str]:
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
