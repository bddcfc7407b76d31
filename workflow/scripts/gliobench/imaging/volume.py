"""Voxels and their position."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from gliobench.imaging.presentation import Presentation

Array = npt.NDArray[np.float64]

PLANES = ("sagittal", "coronal", "axial")  # by the patient axis (x, y, z) of the slices
# Standard radiological view of each plane: the patient axis, and its direction (RAS+), of slices, rows and columns
SHOWN = {
    "sagittal": ((0, 1), (2, -1), (1, -1)),  # from left to right; downwards; to the back
    "coronal": ((1, -1), (2, -1), (0, -1)),  # from front to back; downwards; to the left
    "axial": ((2, 1), (1, -1), (0, -1)),  # upwards; to the back; to the left
}


@dataclass(frozen=True)
class Stored:
    """
    What DICOM files hold of a volume.

    Attributes
    ----------
    pixels : numpy.ndarray
        Like the voxels, before slope, intercept and windows.
    shown : sequence of Presentation
        How each slice of them becomes values.
    """

    pixels: npt.NDArray[Any]
    shown: Sequence["Presentation"]


@dataclass(frozen=True)
class Volume:
    """
    Voxels and their position.

    Attributes
    ----------
    voxels : numpy.ndarray, shape (slices, rows, columns)
        C-contiguous; the stored integers, or float32 where a header rescales them.
    affine : numpy.ndarray, shape (4, 4)
        From (slice, row, column) to RAS+ mm.
    places : numpy.ndarray, shape (slices,), optional
        Positions of unequally spaced slices, as increasing slice indices of the affine from 0; None if they are 0, 1, 2
        and so on.
    stored : Stored, optional
        Content of the files, for a volume read from DICOM.
    """

    voxels: npt.NDArray[Any]
    affine: Array
    places: Array | None = None
    stored: Stored | None = None


def values(pixels: npt.NDArray[Any], shown: Sequence["Presentation"]) -> npt.NDArray[Any]:
    """Return the values of stored pixels: the pixels themselves, float32 where a slope and intercept rescale them."""
    if all(each.as_stored for each in shown):
        return pixels
    made = np.empty(pixels.shape, np.float32 if any(each.rescales for each in shown) else pixels.dtype)
    for target, each, image in zip(made, shown, pixels, strict=True):
        target[...] = each.values(image)
    return made


def windowed(volume: Volume) -> Volume:
    """
    Return a volume after each slice's VOI look-up table or window, float32; as it is where it was not read from DICOM.

    Raises
    ------
    SeriesError
        A window cannot be applied.
    """
    if volume.stored is None:
        return volume
    made = np.empty(volume.voxels.shape, np.float32)
    for target, each, image in zip(made, volume.stored.shown, volume.stored.pixels, strict=True):
        target[...] = each.windowed(image)
    return replace(volume, voxels=made)


def unwindowed(volume: Volume) -> npt.NDArray[Any]:
    """Return the voxels of a volume as they were before `windowed`."""
    return values(volume.stored.pixels, volume.stored.shown) if volume.stored else volume.voxels


def cut(volume: Volume, box: tuple[slice, slice, slice]) -> Volume:
    """Return some slices, rows and columns of a volume with equally spaced slices, each a slice with both ends."""
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [part.start for part in box]
    stored = volume.stored
    if stored:
        stored = Stored(stored.pixels[box], stored.shown[box[0]])
    return Volume(np.ascontiguousarray(volume.voxels[box]), affine, None, stored)


def corners(shape: tuple[int, ...], affine: Array) -> Array:
    """Return where the middles of a volume's eight corner voxels are, shape (8, 3), in the space of the affine."""
    places = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [*(np.array(shape) - 1), 1]
    return places @ affine[:3].T


def slice_plane(affine: Array) -> str:
    """Return the name of the anatomical plane nearest to the slices of a volume with that affine."""
    return PLANES[int(np.argmax(np.abs(np.cross(affine[:3, 1], affine[:3, 2]))))]


def sizes(volume: Volume, pixels_known: bool = True, slices_known: bool = True) -> dict[str, Any]:
    """Return a volume's shape, spacings and field of view as `SeriesFacts` names them; None for mm not known."""
    n_slices, rows, columns = volume.voxels.shape
    slice_step, row_step, column_step = volume.affine[:3, :3].T
    height, width = np.linalg.norm(row_step), np.linalg.norm(column_step)
    across = np.cross(row_step, column_step)
    thickness = abs(slice_step @ across) / np.linalg.norm(across)
    n_places = n_slices if volume.places is None else volume.places[-1] + 1
    facts: dict[str, Any] = {"n_slices": n_slices, "rows": rows, "columns": columns}
    if pixels_known:
        facts |= {"spacing": height, "fov_rows": rows * height, "fov_columns": columns * width}
    if slices_known:
        facts |= {"slice_spacing": thickness, "fov_slices": n_places * thickness}
    return {name: value if isinstance(value, int) else round(float(value), 6) for name, value in facts.items()}


def shown(volume: Volume) -> Volume:
    """
    Turn a volume to the standard radiological view of its plane; no voxel changes its position in the patient.

    Slices remain slices. Rows and columns are swapped and mirrored, and the order of slices reversed, as needed, so
    that a volume is the same whether stored as DICOM or as NIfTI.
    """
    plane = SHOWN[slice_plane(volume.affine)]
    along = np.abs(volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0))
    (_, rows, columns) = [axis for axis, _ in plane]
    affine, places, order = volume.affine, volume.places, [0, 1, 2]
    mirrored: list[int] = []
    if along[rows, 2] + along[columns, 1] > along[rows, 1] + along[columns, 2]:
        order, affine = [0, 2, 1], affine[:, [0, 2, 1, 3]]
    for axis, (patient_axis, direction) in enumerate(plane):
        if affine[patient_axis, axis] * direction < 0:
            last = places[-1] if axis == 0 and places is not None else volume.voxels.shape[order[axis]] - 1
            affine = _reversed(affine, axis, last)
            places = last - places[::-1] if axis == 0 and places is not None else places
            mirrored.append(axis)
    voxels = _turned(volume.voxels, order, mirrored)
    stored = volume.stored
    if stored:
        pixels = voxels if stored.pixels is volume.voxels else _turned(stored.pixels, order, mirrored)
        stored = Stored(pixels, stored.shown[::-1] if 0 in mirrored else stored.shown)
    return Volume(voxels, affine, places, stored)


def _turned(voxels: npt.NDArray[Any], order: list[int], mirrored: list[int]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(np.flip(voxels.transpose(order), tuple(mirrored)))


def _reversed(affine: Array, axis: int, last: float) -> Array:
    turned = affine.copy()
    turned[:3, 3] += last * affine[:3, axis]
    turned[:3, axis] *= -1
    return turned


def regular(volume: Volume) -> Volume:
    """
    Return a volume with equally spaced slices: unequal ones are interpolated linearly between neighbours.

    Masks (bool) take the nearer neighbour. Volumes of equal spacing are returned as they are.
    """
    if volume.places is None:
        return volume
    wanted = np.arange(int(np.floor(volume.places[-1] + 1e-6)) + 1)
    after = np.clip(np.searchsorted(volume.places, wanted), 1, len(volume.places) - 1)
    before = after - 1
    share = (wanted - volume.places[before]) / (volume.places[after] - volume.places[before])
    if volume.voxels.dtype == bool:
        return Volume(volume.voxels[np.where(share < 0.5, before, after)], volume.affine)
    weight = np.clip(share, 0, 1).astype(np.float32)[:, None, None]
    return Volume(volume.voxels[before] * (1 - weight) + volume.voxels[after] * weight, volume.affine)
