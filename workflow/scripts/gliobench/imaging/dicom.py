"""A folder of DICOM files as one volume in space."""

import gzip
import hashlib
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.imaging import geometry
from gliobench.imaging.dicom_slice import GEOMETRY, GZIPPED, Slice, opened, read_slice
from gliobench.imaging.facts import SeriesError, SeriesFacts, why_implausible
from gliobench.imaging.tiles import is_tile_sheet
from gliobench.imaging.volume import Stored, Volume, shown, sizes, values

HEAD_BYTES = 65536  # reaches the pixel data of an ordinary file; a longer header is read too, only slower
MARK = slice(128, 132)
FIRST_TAGS = (b"\x02\x00", b"\x08\x00")  # groups that a file without a preamble begins with


def read_series(folder: str | Path) -> tuple[Volume, SeriesFacts]:
    """
    Read the DICOM files of one folder as one volume.

    Slices are ordered by their position along the slice normal; the modality look-up table (rescale slope and
    intercept) is applied; MONOCHROME1 is inverted, so that bright is large; the volume is turned as `shown` does. Files
    that are not DICOM, a DICOMDIR and hidden files are skipped; gzipped files and those without a preamble are read.
    Gaps between slices are left as they are: nothing is interpolated. A series without a position in millimetres is
    still read, and `facts.unplaced` says why.

    Parameters
    ----------
    folder : path
        The series' folder; sub-folders are not entered.

    Returns
    -------
    volume : Volume
        Voxels, shape (slices, rows, columns), with their affine.
    facts : SeriesFacts
        Its facts for the audit.

    Raises
    ------
    SeriesError
        The files are not one volume, or one of them is damaged; `facts` of the error holds what is known.
    """
    folder = Path(folder)
    heads = _heads(folder)
    facts = SeriesFacts(n_files=len(heads))
    try:
        slices, ordered_by = geometry.ordered([read_slice(path, head) for path, head in heads.items()])
        first = slices[0]
        said = geometry.statuses(slices)
        facts = replace(
            facts,
            transfer_syntax=first.transfer_syntax,
            manufacturer=first.manufacturer,
            series_uid=hashlib.sha256(first.series_uid.encode()).hexdigest()[:16] if first.series_uid else None,
            spacing_status=said["spacing"],
            position_status=said["position"],
            orientation_status=said["orientation"],
        )
        _check_one_volume(folder, slices, ordered_by)
        voxels, stored, blank_fraction = _load(slices)
        if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
            raise SeriesError(f"{folder}: its rescaled values are not all finite numbers; exclude the series.")
        if facts.position_status != "stated" and is_tile_sheet(voxels):
            raise SeriesError(
                f"{folder}: its images look like mosaics (one holds many slices as tiles), which are not supported; "
                "convert them to one file per slice, or exclude the series."
            )
    except SeriesError as error:
        error.facts = facts
        raise
    facts = replace(facts, ordered_by=ordered_by, blank_fraction=blank_fraction)
    return _placed(folder, voxels, stored, slices, facts)


def _placed(
    folder: Path, voxels: npt.NDArray[Any], stored: Stored, slices: list[Slice], facts: SeriesFacts
) -> tuple[Volume, SeriesFacts]:
    """Return the volume that slices in order make, and the facts with its measures."""
    first, stack = slices[0], geometry.stack(slices)
    volume = Volume(voxels, geometry.affine(slices, stack.step), stack.places, stored)
    volume = shown(volume) if first.orientation else volume
    facts = replace(
        facts,
        off_grid=stack.off_grid,
        plane=geometry.plane(first),
        **sizes(volume, pixels_known=first.pixel_spacing is not None, slices_known=stack.slice_spacing is not None),
    )
    reason = geometry.why_unplaced(slices, stack) or why_implausible(facts)
    return volume, replace(facts, unplaced=f"{folder}: {reason}" if reason else None)


def _heads(folder: Path) -> dict[Path, bytes]:
    """Return the beginnings of the folder's DICOM files, by path; empty where only pydicom reads the file."""
    if not folder.is_dir():
        raise SeriesError(f"{folder}: there is no such folder; check the path of the series.")
    there = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    paths = [path for path in there if path.is_file()]
    others = set(there) - set(paths)
    dangling = sorted(path for path in others if path.is_symlink() and not path.exists())
    if not paths and not dangling:
        what = f"holds only {len(there)} folders" if there else "is empty"
        todo = "name the folder of one series" if there else "fetch the series again"
        raise SeriesError(f"{folder}: the folder {what}; {todo}, or exclude it.")
    begun = {path: _head(path) for path in paths if not path.name.startswith("DICOMDIR")}
    heads = {path: head for path, head in begun.items() if head is not None}
    names = tuple({_without_numbers(path) for path in heads})
    lost = [path for path in dangling if not heads or _is_named_like(path, names)]
    if lost:
        raise SeriesError(
            f"{lost[0]}: it is a link to a file that is not there, one of {len(lost)} such links here; "
            "fetch the files or exclude the series."
        )
    if not heads:
        raise SeriesError(f"{folder}: none of its {len(paths)} files is DICOM; check the path of the series.")
    for path in (path for path in begun if path not in heads):
        if _is_named_like(path, names):
            raise SeriesError(
                f"{path}: it is named like a slice but is not DICOM; fetch the file again or exclude the series.",
                SeriesFacts(n_files=len(heads)),
            )
    return heads


def _is_named_like(path: Path, names: tuple[str, ...]) -> bool:
    """Whether a file is named like slices whose names, without numbers, are these."""
    return path.suffix.lower() == ".dcm" or _without_numbers(path).startswith(names)


def _head(path: Path) -> bytes | None:
    """Return the beginning of a DICOM file, empty where only pydicom can read it; None for other files."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        if head[MARK] == b"DICM":
            return head
        if head.startswith(FIRST_TAGS):
            return b""
        return b"" if head.startswith(GZIPPED) and _holds_dicom(path) else None
    except OSError as error:
        raise SeriesError(f"{path}: it cannot be opened ({error.strerror}); check its permissions.") from error


def _holds_dicom(path: Path) -> bool:
    """Whether a gzipped file holds DICOM; a damaged one holds nothing."""
    try:
        with opened(path) as file:
            head = file.read(MARK.stop)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return False
    return head[MARK] == b"DICM" or head.startswith(FIRST_TAGS)


def _without_numbers(path: Path) -> str:
    return re.sub(r"\d+", "#", path.name)


def _check_one_volume(folder: Path, slices: list[Slice], ordered_by: str | None) -> None:
    """Refuse slices that cannot be stacked."""
    series = {each.series_uid for each in slices if each.series_uid}
    if len(series) > 1:
        raise SeriesError(f"{folder}: its files belong to {len(series)} series; put each into a folder of its own.")
    for name, status in geometry.statuses(slices).items():
        if status == "partly stated":
            lacking = sum(each.stated[name] != "stated" for each in slices)
            raise SeriesError(
                f"{folder}: {lacking} of its {len(slices)} files have no usable {GEOMETRY[name]}, while others have; "
                "fetch those files again or exclude the series."
            )
    n_directions = geometry.directions(slices)
    if n_directions > 1:
        raise SeriesError(
            f"{folder}: its slices have {n_directions} orientations (a localiser or a reformat among them): "
            "not one volume; keep the slices of one orientation."
        )
    shapes = sorted({(each.rows, each.columns) for each in slices})
    if len(shapes) > 1:
        named = ", ".join(f"{rows}x{columns}" for rows, columns in shapes)
        raise SeriesError(f"{folder}: its slices have {len(shapes)} sizes ({named}); keep the slices of one size.")
    spacings = np.array([each.pixel_spacing for each in slices if each.pixel_spacing])
    if len(spacings) and not np.allclose(spacings, spacings[0], rtol=1e-3):
        raise SeriesError(f"{folder}: its slices differ in pixel spacing; keep the slices of one spacing.")
    if ordered_by == "position":
        _check_positions(folder, slices)
    if ordered_by is None and len(slices) > 1:
        raise SeriesError(
            f"{folder}: nothing orders its {len(slices)} files: positions are missing, instance numbers are missing or "
            "repeated, and no number in the names tells all files apart; number the names or exclude the series."
        )


def _check_positions(folder: Path, slices: list[Slice]) -> None:
    counts = geometry.position_counts(slices)
    fewest, most = counts.min(), counts.max()
    if most > 1:
        repeats = f"{most}" if fewest == most else f"{fewest} to {most}"
        raise SeriesError(
            f"{folder}: its {len(slices)} files lie at {len(counts)} positions, {repeats} at each: several time "
            "points, echoes or copies, not one volume; keep one file per position."
        )


def _load(slices: list[Slice]) -> tuple[npt.NDArray[Any], Stored, float]:
    """Return the values of the stacked slices, what the files hold, and the share of slices of one single value."""
    dtypes = {each.dtype for each in slices}
    dtype = np.dtype("float32") if np.dtype("float32") in dtypes else np.result_type(*dtypes)
    pixels = np.empty((len(slices), slices[0].rows, slices[0].columns), dtype)
    shown = tuple(each.load(target) for target, each in zip(pixels, slices, strict=True))
    voxels = values(pixels, shown)
    n_blank = sum(bool(image.min() == image.max()) for image in voxels)
    return voxels, Stored(pixels, shown), n_blank / len(slices)
