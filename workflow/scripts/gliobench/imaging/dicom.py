"""A folder of DICOM files as one volume in space."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.imaging import geometry
from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.imaging.slices import Slice, read_slice

__all__ = ["SeriesError", "SeriesFacts", "Volume", "read_series"]

HEAD_BYTES = 65536  # reaches the pixel data of an ordinary file; a longer header is read too, only slower
MARK = slice(128, 132)


@dataclass(frozen=True)
class Volume:
    """
    Voxels and where they lie.

    Attributes
    ----------
    voxels : numpy.ndarray, shape (slices, rows, columns)
        C-contiguous; the stored integers, or float32 where a header rescales them.
    affine : numpy.ndarray, shape (4, 4)
        From (slice, row, column) to RAS+ mm.
    """

    voxels: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]


def read_series(folder: str | Path, voi_lut: bool = False) -> tuple[Volume, SeriesFacts]:
    """
    Read the DICOM files of one folder as one volume.

    Slices are ordered by their position along the slice normal; the modality look-up table (rescale slope and
    intercept) is applied; MONOCHROME1 is inverted, so that bright is large. Files that are not DICOM, a DICOMDIR and
    hidden files are passed over. Gaps between slices are left as they are: nothing is interpolated.

    Parameters
    ----------
    folder : path
        The series' folder; sub-folders are not entered.
    voi_lut : bool
        Also apply each slice's VOI look-up table or window.

    Returns
    -------
    volume : Volume
        Voxels, shape (slices, rows, columns), with their affine.
    facts : SeriesFacts
        What the audit tells of it.

    Raises
    ------
    SeriesError
        The files are not one volume, or one of them is damaged; `facts` of the error holds what is known.
    """
    folder = Path(folder)
    heads = _heads(folder)
    facts = SeriesFacts(n_files=len(heads))
    try:
        slices, ordered_by = geometry.ordered([read_slice(path, head, voi_lut) for path, head in heads.items()])
        first = slices[0]
        facts = replace(facts, transfer_syntax=first.transfer_syntax, manufacturer=first.manufacturer)
        _check_one_volume(folder, slices, ordered_by)
        voxels, blank_fraction = _load(slices)
        if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
            raise SeriesError(f"{folder}: its rescaled values are not all finite numbers; exclude the series.")
    except SeriesError as error:
        error.facts = facts
        raise
    facts = replace(
        facts,
        n_slices=len(slices),
        rows=first.rows,
        columns=first.columns,
        spacing=first.pixel_spacing[0] if first.pixel_spacing else None,
        slice_spacing=geometry.slice_step(slices)[1],
        plane=geometry.plane(first),
        ordered_by=ordered_by,
        blank_fraction=blank_fraction,
    )
    return Volume(voxels, geometry.affine(slices)), facts


def _heads(folder: Path) -> dict[Path, bytes]:
    """Return the beginnings of the folder's DICOM files, by path."""
    if not folder.is_dir():
        raise SeriesError(f"{folder}: there is no such folder; check the path of the series.")
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if not paths:
        raise SeriesError(f"{folder}: the folder is empty; fetch the series again or exclude it.")
    begun = {path: _head(path) for path in paths if not path.name.startswith("DICOMDIR")}
    heads = {path: head for path, head in begun.items() if head[MARK] == b"DICM"}
    if not heads:
        raise SeriesError(f"{folder}: none of its {len(paths)} files is DICOM; check the path of the series.")
    names = {_without_numbers(path) for path in heads}
    for path in (path for path in begun if path not in heads):
        if path.suffix.lower() == ".dcm" or _without_numbers(path) in names:
            raise SeriesError(
                f"{path}: it is named as a slice but is not DICOM; fetch the file again or exclude the series.",
                SeriesFacts(n_files=len(heads)),
            )
    return heads


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError as error:
        raise SeriesError(f"{path}: it cannot be opened ({error.strerror}); check its permissions.") from error


def _without_numbers(path: Path) -> str:
    return re.sub(r"\d+", "#", path.name)


def _check_one_volume(folder: Path, slices: list[Slice], ordered_by: str) -> None:
    """Refuse slices that cannot be stacked."""
    series = {part.series_uid for part in slices if part.series_uid}
    if len(series) > 1:
        raise SeriesError(f"{folder}: its files belong to {len(series)} series; put each into a folder of its own.")
    n_directions = geometry.directions(slices)
    if n_directions > 1:
        raise SeriesError(
            f"{folder}: its slices have {n_directions} orientations (a localiser or a reformat among them): "
            "not one volume; keep the slices of one orientation."
        )
    sizes = sorted({(part.rows, part.columns) for part in slices})
    if len(sizes) > 1:
        named = ", ".join(f"{rows}x{columns}" for rows, columns in sizes)
        raise SeriesError(f"{folder}: its slices have {len(sizes)} sizes ({named}); keep the slices of one size.")
    spacings = np.array([part.pixel_spacing for part in slices if part.pixel_spacing])
    if len(spacings) and not np.allclose(spacings, spacings[0], rtol=1e-3):
        raise SeriesError(f"{folder}: its slices differ in pixel spacing; keep the slices of one spacing.")
    if ordered_by == "position":
        _check_positions(folder, slices)


def _check_positions(folder: Path, slices: list[Slice]) -> None:
    counts = geometry.position_counts(slices)
    fewest, most = counts.min(), counts.max()
    if most > 1:
        repeats = f"{most}" if fewest == most else f"{fewest} to {most}"
        raise SeriesError(
            f"{folder}: its {len(slices)} files lie at {len(counts)} positions, {repeats} at each: several time "
            "points, echoes or copies, not one volume; keep one file a position."
        )


def _load(slices: list[Slice]) -> tuple[npt.NDArray[Any], float]:
    """Return the stacked pixels, and the share of slices of one single value."""
    dtypes = {part.dtype for part in slices}
    dtype = np.dtype("float32") if np.dtype("float32") in dtypes else np.result_type(*dtypes)
    voxels = np.empty((len(slices), slices[0].rows, slices[0].columns), dtype)
    n_blank = 0
    for target, part in zip(voxels, slices, strict=True):
        part.load(target)
        n_blank += bool(target.min() == target.max())
    return voxels, n_blank / len(slices)
