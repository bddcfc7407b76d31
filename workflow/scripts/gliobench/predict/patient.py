"""One new patient: the series audited, and the input made with the code used in training."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gliobench.cohorts import DECODED_KIND
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.decoded import keep_series
from gliobench.errors import GlioBenchError
from gliobench.inputs.make import make_inputs, needed_series, usable_series, usable_statuses
from gliobench.terms import ALL_SERIES, SEGMENTATION

LAYOUT = "single"


def audit_patient(patient: Path, record: dict[str, Any], decoded: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """
    Audit the series of a patient that a run's input is made from.

    Parameters
    ----------
    patient : Path
        The patient's folder.
    record : dict
        ``run.json`` of the run.
    decoded : Path
        Folder that keeps the series for `make_patient_inputs`.

    Returns
    -------
    series, thumbnails
        As `gliobench.cohorts.audit.audit_patients` returns them.

    Raises
    ------
    GlioBenchError
        The input cannot be made: a series is missing, unreadable or blank.
    """
    needed = series_of_run(record)
    # As in training, a segmentation may be on the grid of a series that the run itself does not read.
    names = ALL_SERIES if SEGMENTATION in needed else needed
    keep = partial(keep_series, decoded)
    series, thumbnails = audit_patients([patient.name], names, patient.parent, {}, LAYOUT, keep)
    mine = series["modality"].isin(needed)
    series, thumbnails = series[mine].reset_index(drop=True), thumbnails[mine.to_numpy()]
    unusable = series[~series["status"].isin(usable_statuses(record["input"]))]
    makeable = usable_series(series, record["series"], record["input"])
    # Slices of several series are rows of one input, and the available ones are scored, as in training. Other kinds are
    # channels.
    if len(unusable) and (record["input"]["kind"] != "slices" or not makeable):
        first = unusable.iloc[0]
        reason = str(first["reason"])
        named = reason if patient.name in reason else f"patient {patient.name}, {first['modality']}: {reason}"
        raise GlioBenchError(named)
    return series, thumbnails


def series_of_run(record: dict[str, Any]) -> list[str]:
    """Return the series that a run's input is made from: those it shows, and those that place its grid."""
    needed = {name for series in record["series"] for name in (series, *needed_series(series, record["input"]))}
    return [name for name in ALL_SERIES if name in needed]


def make_patient_inputs(
    patient: Path, series: pd.DataFrame, record: dict[str, Any], decoded: Path
) -> tuple[list[np.ndarray], pd.DataFrame]:
    """
    Make the inputs of a patient from the series of a run that are usable.

    Parameters
    ----------
    patient, record, decoded
        As for `audit_patient`, which kept the series.
    series : DataFrame
        From `audit_patient`.

    Returns
    -------
    arrays, index
        As `gliobench.inputs.make.make_inputs` returns them.

    Raises
    ------
    GlioBenchError
        A series shows too little of the patient to be a channel with the others.
    """
    names = usable_series(series, record["series"], record["input"]).get(patient.name, [])
    arrays, index = make_inputs(patient.name, names, decoded, DECODED_KIND, record["input"])
    for reason in index["reason"].dropna():
        raise GlioBenchError(f"patient {patient.name}: {reason}")
    return arrays, index
