"""The audit: each series is read once for its facts and gets a row, readable or not."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from typing import Any

import cv2
import numpy as np
import pandas as pd

from gliobench.cohorts import read_patient_series
from gliobench.errors import GlioBenchError
from gliobench.imaging.brain import stripped
from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.imaging.intensity import minmax
from gliobench.imaging.resample import box
from gliobench.imaging.volume import Volume, corners, regular
from gliobench.terms import MODALITIES, OK, USABLE, VOXELS_ONLY

THUMBNAIL = 160  # pixels per side
BRAIN = ("brain_x", "brain_y", "brain_z")
MARKED = "marked_ml"
SAME_PLACE = 0.1  # mm; tolerance for the corners of one grid, because headers are rounded
Grid = tuple[tuple[int, ...], np.ndarray]  # a volume's shape and its affine
Keep = Callable[[str, str, Volume, SeriesFacts], None]  # what is done with each series that can be read


def audit_patients(
    patient_ids: Iterable[str],
    names: Iterable[str],
    folder: Any,
    exclude: dict[str, dict[str, str]],
    kind: str,
    keep: Keep | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """
    Audit the series of each patient.

    Parameters
    ----------
    patient_ids : iterable of str
        Patients of the cohort.
    names : iterable of str
        Series to read: modalities, followed by the segmentation. It is compared with their grids, then with those of
        the other modalities, which are read for nothing else.
    folder : path
        The cohort, as ``locate`` of its kind takes it.
    exclude : dict
        Modality (or segmentation) to patient to reason: series that the config leaves out.
    kind : str
        The cohort's kind.
    keep : callable, optional
        Is given patient, name, volume and facts of each series that can be read and is not blank.

    Returns
    -------
    series : DataFrame
        As in the schema ``series``, one row per patient and name.
    thumbnails : ndarray
        Shape (rows of `series`, 160, 160), uint8: the middle slice, for a mask the largest; zeros if nothing was read.
    """
    rows, thumbnails = [], []
    names = list(names)
    for patient_id in patient_ids:
        grids: list[Grid] = []
        for name in names:
            row, thumbnail, grid = _audit_series(patient_id, name, folder, kind, keep)
            if name == "segmentation" and row["status"] in USABLE:
                others = _other_grids(patient_id, names, folder, kind)
                row |= _compare_grids(patient_id, grid, grids, others)
            if grid:
                grids.append(grid)
            reason = exclude.get(name, {}).get(patient_id)
            if reason:
                row |= {"status": "excluded", "reason": reason}
            rows.append(row)
            thumbnails.append(thumbnail)
    images = np.stack(thumbnails) if thumbnails else np.empty((0, THUMBNAIL, THUMBNAIL), np.uint8)
    columns = ["patient_id", "modality", *_told(SeriesFacts()), *BRAIN, MARKED, "content", "status", "reason"]
    return pd.DataFrame(rows, columns=columns), images


def check_something_left(series: pd.DataFrame, cohort: str) -> None:
    """Raise an error if the cohort has series, and none of them is usable."""
    if len(series) and not series["status"].isin(USABLE).any():
        first = series["reason"].iloc[0]
        raise GlioBenchError(
            f"cohort {cohort}: none of its {len(series)} series is usable; reason of the first: {first}"
        )


def _audit_series(
    patient_id: str, name: str, folder: Any, kind: str, keep: Keep | None
) -> tuple[dict, np.ndarray, Grid | None]:
    blank = np.zeros((THUMBNAIL, THUMBNAIL), np.uint8)
    names = {"patient_id": patient_id, "modality": name}
    try:
        volume, facts = read_patient_series(kind, folder, patient_id, name)
    except SeriesError as error:
        return names | _told(error.facts) | {"status": "failed", "reason": str(error)}, blank, None
    grid = (volume.voxels.shape, volume.affine)
    row = names | _told(facts) | {"content": voxel_digest(volume.voxels)}
    reason = _reason_to_exclude(name, volume, facts)
    if reason:
        return row | {"status": "excluded", "reason": reason}, blank, grid
    if keep:
        keep(patient_id, name, volume, facts)
    row |= _brain_size(name, volume, facts) | _marked(name, volume, facts)
    row |= {"status": OK, "reason": None}
    if facts.unplaced:
        reason = f"{facts.unplaced}: only inputs that do not need millimetres can use it."
        row |= {"status": VOXELS_ONLY, "reason": reason}
    return row, _thumbnail(volume, _telling_slice(name, volume.voxels)), grid


def _told(facts: SeriesFacts) -> dict[str, Any]:
    """Return the row of a series in ``series.tsv``; its status and reason report an unknown position."""
    told = asdict(facts)
    del told["unplaced"]
    return told


def _brain_size(name: str, volume: Volume, facts: SeriesFacts) -> dict[str, float]:
    """Return the size of the brain along the patient's axes, mm: what a field of view must cover."""
    if facts.unplaced or name not in MODALITIES:
        return {}
    evenly, mask = stripped(regular(volume), "auto")
    if not mask.any():
        return {}
    low, high = box(mask, evenly.affine)
    sides = high - low + np.abs(evenly.affine[:3, :3]).max(axis=1)  # a voxel reaches half of itself to each side
    return dict(zip(BRAIN, np.round(sides, 1).tolist(), strict=True))


def _marked(name: str, volume: Volume, facts: SeriesFacts) -> dict[str, float]:
    """Return the volume that a mask marks, ml."""
    if facts.unplaced or name in MODALITIES:
        return {}
    voxel = abs(float(np.linalg.det(volume.affine[:3, :3])))
    return {MARKED: round(np.count_nonzero(volume.voxels) * voxel / 1000, 3)}


def voxel_digest(voxels: np.ndarray) -> str:
    """Return a digest of a volume's shape and values: the same for the same image, as DICOM or as NIfTI."""
    digest = hashlib.sha256(repr(voxels.shape).encode())
    for pixels in voxels:
        digest.update(np.ascontiguousarray(pixels, np.float32).data)
    return digest.hexdigest()[:16]


def _reason_to_exclude(name: str, volume: Volume, facts: SeriesFacts) -> str | None:
    if name == "segmentation" and not volume.voxels.any():
        return "the segmentation is empty: it marks no voxel."
    if facts.blank_fraction == 1:
        return f"all {facts.n_slices} slices are blank."
    return None


def _other_grids(patient_id: str, names: Collection[str], folder: Any, kind: str) -> Iterator[Grid]:
    """Yield the grids of a patient's modalities that are not audited: the segmentation may be on one of them."""
    for name in MODALITIES:
        if name in names:
            continue
        try:
            volume, _ = read_patient_series(kind, folder, patient_id, name)
        except GlioBenchError:  # it is absent or unreadable, or the user's table has no such column
            continue
        yield volume.voxels.shape, volume.affine


def _compare_grids(patient_id: str, grid: Grid | None, images: list[Grid], others: Iterator[Grid]) -> dict[str, str]:
    """Return the changes to the row of a segmentation that is not on the grid of any of its images."""
    if grid is None or not images or any(_same(grid, image) for image in chain(images, others)):
        return {}
    reason = (
        f"patient {patient_id}: the segmentation is not on the grid of any of its images; "
        "resample it (nearest neighbour) to one of them."
    )
    return {"status": "failed", "reason": reason}


def _same(first: Grid, second: Grid) -> bool:
    """Whether two grids have one shape and their corners at the same places."""
    return first[0] == second[0] and float(np.abs(corners(*first) - corners(*second)).max()) < SAME_PLACE


def _telling_slice(name: str, voxels: np.ndarray) -> int:
    """Return the middle slice, for a mask the one it fills most."""
    if name in MODALITIES:
        return len(voxels) // 2
    return int(np.count_nonzero(voxels, axis=(1, 2)).argmax())


def _thumbnail(volume: Volume, number: int) -> np.ndarray:
    """Return a slice in true proportions, because reformatted slices have long pixels."""
    pixels = volume.voxels[number]
    extent = pixels.shape * np.linalg.norm(volume.affine[:3, 1:3], axis=0)
    height, width = (max(1, round(THUMBNAIL * side / extent.max())) for side in extent)
    small = cv2.resize(minmax(pixels), (width, height), interpolation=cv2.INTER_AREA)
    square = np.zeros((THUMBNAIL, THUMBNAIL), np.uint8)
    top, left = (THUMBNAIL - height) // 2, (THUMBNAIL - width) // 2
    square[top : top + height, left : left + width] = np.round(small * 255).astype(np.uint8)
    return square
