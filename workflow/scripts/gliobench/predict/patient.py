"""One new patient: the series audited, and the input made with the code used in training."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gliobench.cohorts import DECODED_KIND, read_patient_series
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.decoded import keep_series
from gliobench.errors import GlioBenchError
from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.volume import Volume, windowed
from gliobench.inputs.make import make_inputs, needed_series, shared, usable_series, usable_statuses
from gliobench.inputs.store import SHARD_INDEX, without_input
from gliobench.terms import ALL_SERIES

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
    """
    keep = partial(keep_series, decoded)
    return audit_patients([patient.name], series_of_run(record), patient.parent, {}, LAYOUT, keep)


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
        As `gliobench.inputs.make.make_inputs` returns them; if there is no input, the index has a row with the reason.
    """
    usable = usable_series(series, record["series"], record["input"]).get(patient.name, [])
    reason = _why_not(patient.name, series, usable, record["input"])
    if not reason:
        try:
            arrays, index = make_inputs(patient.name, usable, decoded, DECODED_KIND, record["input"])
        except GlioBenchError as error:
            reason = str(error)
        else:
            named = f"patient {patient.name}: " + index["reason"].astype("str")
            return arrays, index.assign(reason=named.where(index["reason"].notna(), None))
    return [], pd.DataFrame([(patient.name, record["series"][0], None, reason)], columns=SHARD_INDEX)


def input_affine(patient_id: str, record: dict[str, Any], decoded: Path) -> np.ndarray | None:
    """
    Return where the input of a patient, and so its Grad-CAM map, lies.

    Parameters
    ----------
    patient_id : str
        Name of the patient's folder.
    record, decoded
        As for `audit_patient`, which kept the series.

    Returns
    -------
    ndarray or None
        From (x, y, z) to RAS+ mm, shape (4, 4); None if the kind of input is not a grid in space.
    """

    def read(name: str) -> tuple[Volume, SeriesFacts]:  # as for the input itself
        volume, facts = read_patient_series(DECODED_KIND, decoded, patient_id, name)
        return windowed(volume) if record["input"].get("voi_lut") else volume, facts

    space = shared(read, record["input"])
    return space.grid.affine if hasattr(space, "grid") else None


def _why_not(patient_id: str, series: pd.DataFrame, usable: list[str], settings: dict[str, Any]) -> str | None:
    """Say which series prevents the input, if one does."""
    unusable = series[~series["status"].isin(usable_statuses(settings))]
    # Slices of several series are rows of one input, and the available ones are scored, as in training. Other kinds are
    # channels.
    if unusable.empty or (usable and settings["kind"] == "slices"):
        return None
    first = unusable.iloc[0]
    reason = str(first["reason"])
    return reason if patient_id in reason else f"patient {patient_id}, {first['modality']}: {reason}"


def check_made(index: pd.DataFrame) -> None:
    """Raise an error with the reason of an index from `make_patient_inputs`, if there is no input."""
    for reason in without_input(index)["reason"]:
        raise GlioBenchError(str(reason))
