"""The audit: each series read once for its facts, and a row for every one, readable or not."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from gliobench.cohorts.rsna import series_folder
from gliobench.errors import GlioBenchError
from gliobench.imaging.dicom import SeriesError, SeriesFacts, read_series
from gliobench.imaging.intensity import minmax

THUMBNAIL = 96  # pixels a side


def audit_patients(
    patient_ids: Iterable[str], modalities: Iterable[str], folder: str | Path, exclude: dict[str, dict[str, str]]
) -> tuple[pd.DataFrame, np.ndarray]:
    """
    Audit the series of each patient.

    Parameters
    ----------
    patient_ids : iterable of str
        Patients of the cohort.
    modalities : iterable of str
        Modalities to read.
    folder : path
        The cohort, in the competition's layout.
    exclude : dict
        Modality to patient to reason: series that the config leaves out.

    Returns
    -------
    series : DataFrame
        As in the schema ``series``, a row a patient and modality.
    thumbnails : ndarray
        Shape (rows of `series`, 96, 96), uint8: the middle slice, zeros where nothing could be read.
    """
    rows, thumbnails = [], []
    for patient_id in patient_ids:
        for modality in modalities:
            row, thumbnail = _audit_series(patient_id, modality, Path(folder))
            reason = exclude.get(modality, {}).get(patient_id)
            if reason:
                row |= {"status": "excluded", "reason": reason}
            rows.append(row)
            thumbnails.append(thumbnail)
    images = np.stack(thumbnails) if thumbnails else np.empty((0, THUMBNAIL, THUMBNAIL), np.uint8)
    columns = ["patient_id", "modality", *asdict(SeriesFacts()), "status", "reason"]
    return pd.DataFrame(rows, columns=columns), images


def check_something_left(series: pd.DataFrame, cohort: str) -> None:
    """Raise a sentence if no series of the cohort is usable."""
    if not (series["status"] == "ok").any():
        first = series["reason"].iloc[0] if len(series) else "it has no patients"
        raise GlioBenchError(f"cohort {cohort}: none of its {len(series)} series is usable; the first because: {first}")


def _audit_series(patient_id: str, modality: str, folder: Path) -> tuple[dict, np.ndarray]:
    blank = np.zeros((THUMBNAIL, THUMBNAIL), np.uint8)
    names = {"patient_id": patient_id, "modality": modality}
    path = series_folder(folder, patient_id, modality)
    if not path.is_dir():
        reason = f"patient {patient_id} has no {modality} series: there is no folder {path}."
        return names | asdict(SeriesFacts()) | {"status": "failed", "reason": reason}, blank
    try:
        volume, facts = read_series(path)
    except SeriesError as error:
        return names | asdict(error.facts) | {"status": "failed", "reason": str(error)}, blank
    if facts.blank_fraction == 1:
        reason = f"all {facts.n_slices} slices are blank."
        return names | asdict(facts) | {"status": "excluded", "reason": reason}, blank
    row = names | asdict(facts) | {"status": "ok", "reason": None}
    return row, _thumbnail(volume.voxels[len(volume.voxels) // 2])


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    scale = THUMBNAIL / max(pixels.shape)
    size = [max(1, round(side * scale)) for side in pixels.shape]
    small = cv2.resize(minmax(pixels), (size[1], size[0]), interpolation=cv2.INTER_AREA)
    square = np.zeros((THUMBNAIL, THUMBNAIL), np.uint8)
    top, left = (THUMBNAIL - size[0]) // 2, (THUMBNAIL - size[1]) // 2
    square[top : top + size[0], left : left + size[1]] = np.round(small * 255).astype(np.uint8)
    return square
