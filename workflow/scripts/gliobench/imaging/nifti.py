"""A NIfTI file as one volume in space."""

import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from gliobench.imaging.dicom import SeriesError, SeriesFacts, Volume

UNREADABLE = (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, OverflowError, MemoryError, zlib.error)


def read_nifti(path: Path) -> tuple[Volume, SeriesFacts]:
    """
    Read a NIfTI file as the axial slices nearest to how it is stored; nothing is interpolated.

    Axes are flipped and swapped to the closest canonical (RAS+) orientation, then shown as a radiologist looks at
    them: slices from inferior to superior, rows from anterior to posterior, columns from the patient's right to left.

    Parameters
    ----------
    path : Path
        A ``.nii.gz`` or ``.nii`` file.

    Returns
    -------
    volume : Volume
        Voxels, shape (slices, rows, columns), scaled as the header says: the stored integers, or float32.
    facts : SeriesFacts
        Those of `volume`; what NIfTI does not tell is None.

    Raises
    ------
    SeriesError
        The file is damaged, not NIfTI, or not one volume of finite numbers in space.
    """
    facts = SeriesFacts(n_files=1)
    try:
        image = nib.load(path)
        _check_one_volume(path, image)
        image = nib.as_closest_canonical(image)
        stored = np.asanyarray(image.dataobj)
    except SeriesError as error:
        error.facts = facts
        raise
    except UNREADABLE as error:
        raise SeriesError(
            f"{path}: it cannot be read as NIfTI ({error}); fetch the file again or exclude the series.", facts
        ) from error
    voxels = np.ascontiguousarray(stored[::-1, ::-1].transpose(2, 1, 0), None if stored.dtype.kind in "iu" else "f4")
    if not np.isfinite(voxels).all():
        raise SeriesError(f"{path}: it holds values that are not finite numbers; replace them or exclude it.", facts)
    volume = Volume(voxels, _radiological(image))
    spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)
    facts = SeriesFacts(
        n_files=1,
        n_slices=voxels.shape[0],
        rows=voxels.shape[1],
        columns=voxels.shape[2],
        spacing=float(spacing[1]),
        slice_spacing=float(spacing[0]),
        plane="axial",
        blank_fraction=float((voxels.min(axis=(1, 2)) == voxels.max(axis=(1, 2))).mean()),
    )
    return volume, facts


def _check_one_volume(path: Path, image: Any) -> None:
    if not isinstance(image, nib.Nifti1Image):
        raise SeriesError(f"{path}: it is not NIfTI but {type(image).__name__}; convert it to NIfTI.")
    if len(image.shape) != 3 or 0 in image.shape:
        shape = "x".join(map(str, image.shape))
        raise SeriesError(f"{path}: its shape is {shape}, not that of one volume; keep one three-dimensional volume.")
    if image.get_data_dtype().kind not in "iuf":
        raise SeriesError(f"{path}: it holds {image.get_data_dtype()} values, not grey ones; convert it to one number.")
    if not np.isfinite(image.affine).all() or np.linalg.matrix_rank(image.affine[:3, :3]) < 3:
        raise SeriesError(f"{path}: its affine does not place it in space; correct its header or exclude the series.")


def _radiological(image: Any) -> npt.NDArray[np.float64]:
    """Return the affine from (slice, row, column) to RAS+ mm, where the canonical x and y run backwards."""
    x, y, _ = image.shape
    to_canonical = np.array([[0, 0, -1, x - 1], [0, -1, 0, y - 1], [1, 0, 0, 0], [0, 0, 0, 1]], np.float64)
    return np.asarray(image.affine, np.float64) @ to_canonical
