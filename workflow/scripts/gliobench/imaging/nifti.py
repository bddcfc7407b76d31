"""A NIfTI file as one volume in space."""

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.openers import ImageOpener
from nibabel.spatialimages import HeaderDataError

from gliobench.imaging.facts import SeriesError, SeriesFacts, why_implausible
from gliobench.imaging.volume import Volume, corners, shown, sizes, slice_plane

UNREADABLE = (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error)
MILLIMETRES = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}  # files that name no unit are in mm
EQUAL = 0.01  # spacings that differ by a smaller share count as equal
SAME_PLACE = 0.5  # voxels; tolerance between the two affines at a corner


def read_nifti(path: Path) -> tuple[Volume, SeriesFacts]:
    """
    Read a NIfTI file as the slices that were acquired; nothing is interpolated.

    NIfTI does not define the slice axis: see `slice_axis`. Slices are turned as `shown` does. Trailing axes of
    length 1 are dropped. Lengths are in the header's unit, in mm if it names none. A
    file without a position in millimetres is still read, and `facts.unplaced` says why.

    Parameters
    ----------
    path : Path
        A ``.nii.gz`` or ``.nii`` file.

    Returns
    -------
    volume : Volume
        Voxels, shape (slices, rows, columns), scaled as the header says: the stored integers, or float32.
    facts : SeriesFacts
        Those of `volume`; None if NIfTI does not contain it.

    Raises
    ------
    SeriesError
        The file is damaged, not NIfTI, or not one volume of finite numbers in space.
    """
    facts = SeriesFacts(n_files=1)
    try:
        image = nib.load(path)
        _check_one_volume(path, image)
        stored = np.asanyarray(image.dataobj).reshape(image.shape[:3])
        spaced = bool(image.header["sform_code"]) or _has_voxel_size(path, image)
    except SeriesError as error:
        error.facts = facts
        raise
    except UNREADABLE as error:
        raise SeriesError(
            f"{path}: it cannot be read as NIfTI ({error}); fetch the file again or exclude the series.", facts
        ) from error
    if stored.dtype.kind == "f":
        with np.errstate(over="ignore"):
            stored = stored.astype(np.float32)
        if not np.isfinite(stored).all():
            raise SeriesError(
                f"{path}: it holds values that are not finite numbers of 32 bits; replace them or exclude it.", facts
            )
    return _placed(path, image, stored, spaced)


def _has_voxel_size(path: Path, image: Any) -> bool:
    """Whether a file states a size of its voxels, which only an sform can do without: nibabel reads a 0 as 1."""
    with ImageOpener(path) as file:
        sizes_stated = type(image.header).from_fileobj(file, check=False)["pixdim"][1:4]
    return bool((np.isfinite(sizes_stated) & (sizes_stated != 0)).all())


def _placed(path: Path, image: Any, voxels: npt.NDArray[Any], spaced: bool) -> tuple[Volume, SeriesFacts]:
    """Return the volume that an image makes, and its facts; `spaced`: whether the file states the voxels' size."""
    header, affine = image.header, _millimetres(image)
    sform, qform = int(header["sform_code"]), int(header["qform_code"])
    first = slice_axis(affine, header.get_dim_info()[2])
    order = [first, *(axis for axis in (2, 1, 0) if axis != first)]
    volume = shown(Volume(voxels.transpose(order), affine[:, [*order, 3]]))
    stated = "stated" if sform or qform else "not stated"
    second = _qform(header)
    one_way = not (sform and qform) or (
        second is not None and nib.aff2axcodes(header.get_sform()) == nib.aff2axcodes(second)
    )
    facts = SeriesFacts(
        n_files=1,
        spacing_status="stated" if spaced else "invalid",
        position_status=stated,
        orientation_status=stated if one_way else "invalid",
        off_grid=0.0,
        sform_code=sform,
        qform_code=qform,
        units=header.get_xyzt_units()[0],
        plane=slice_plane(volume.affine) if stated == "stated" else None,
        blank_fraction=float((volume.voxels.min(axis=(1, 2)) == volume.voxels.max(axis=(1, 2))).mean()),
        **sizes(volume, spaced, spaced),
    )
    reason = _why_unplaced(image, spaced) or why_implausible(facts)
    return volume, replace(facts, unplaced=f"{path}: {reason}" if reason else None)


def slice_axis(affine: npt.NDArray[np.float64], stated: int | None = None) -> int:
    """
    Return the slice axis of a volume as acquired.

    The axis of the largest spacing, to 1 %. If two share it, the third, because pixels are square. If all three are
    equal, the one named by the header's ``dim_info``, else the one nearest to the patient's feet-to-head axis.

    Parameters
    ----------
    affine : numpy.ndarray, shape (4, 4)
        From voxel indices to RAS+ mm.
    stated : int, optional
        The slice axis of ``dim_info``.
    """
    spacings = np.linalg.norm(affine[:3, :3], axis=0)
    largest = np.flatnonzero(spacings >= spacings.max() * (1 - EQUAL))
    if len(largest) == 1:
        return int(largest[0])
    if len(largest) == 2:
        return int(3 - largest.sum())
    return int(np.argmax(np.abs(affine[2, :3]))) if stated is None else stated


def _millimetres(image: Any) -> npt.NDArray[np.float64]:
    affine = np.asarray(image.affine, np.float64).copy()
    affine[:3] *= MILLIMETRES[image.header.get_xyzt_units()[0]]
    return affine


def _why_unplaced(image: Any, spaced: bool) -> str | None:
    """Return why a header does not position its voxels, None if it does."""
    sform, s_code = image.header.get_sform(coded=True)
    qform, q_code = _qform(image.header), int(image.header["qform_code"])
    if not s_code and not q_code:
        return "its header gives no position (sform and qform codes are 0)"
    if not spaced:
        return "its header gives a voxel size of 0, or none in finite numbers"
    if s_code and q_code:
        if qform is None:
            return "its qform is no rotation and spacing in finite numbers"
        apart = np.linalg.norm(corners(image.shape[:3], sform) - corners(image.shape[:3], qform), axis=1).max()
        if apart > SAME_PLACE * np.linalg.norm(sform[:3, :3], axis=0).min():
            return f"its sform and its qform disagree by up to {apart:.3g} {image.header.get_xyzt_units()[0]}"
    return None


def _qform(header: Any) -> npt.NDArray[np.float64] | None:
    """Return the affine of a header's quaternion, None if there cannot be one: nibabel checks only what it uses."""
    try:
        affine = header.get_qform()
    except (ValueError, HeaderDataError):
        return None
    return affine if np.isfinite(affine).all() else None


def _check_one_volume(path: Path, image: Any) -> None:
    if not isinstance(image, nib.Nifti1Image):
        raise SeriesError(f"{path}: it is not NIfTI but {type(image).__name__}; convert it to NIfTI.")
    if len(image.shape) < 3 or 0 in image.shape or max(image.shape[3:], default=1) > 1:
        shape = "x".join(map(str, image.shape))
        raise SeriesError(f"{path}: its shape is {shape}, which is not one volume; keep one three-dimensional volume.")
    if image.get_data_dtype().kind not in "iuf":
        raise SeriesError(
            f"{path}: it holds {image.get_data_dtype()} values, not grey values; convert them to one number."
        )
    if not np.isfinite(image.affine).all() or np.linalg.matrix_rank(image.affine[:3, :3]) < 3:
        raise SeriesError(
            f"{path}: its affine does not position it in space; correct its header or exclude the series."
        )
    if _unit(image) not in MILLIMETRES:
        raise SeriesError(f"{path}: its header has an unknown unit of length; correct it.")


def _unit(image: Any) -> str | None:
    """Return the unit of length, None if its code, or that of the unit of time, is none of NIfTI's."""
    try:
        return str(image.header.get_xyzt_units()[0])
    except KeyError:
        return None
