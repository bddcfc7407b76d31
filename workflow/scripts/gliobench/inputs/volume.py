"""The 3D input of one series: some of its slices as a small block."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.imaging.facts import SeriesError
from gliobench.imaging.intensity import foreground, minmax
from gliobench.imaging.resample import resized
from gliobench.imaging.volume import Volume, cut, regular, unwindowed
from gliobench.inputs.depth import central_slices, largest_slice, padding, slices_around
from gliobench.inputs.read import Read, check_covered, placed
from gliobench.terms import SEGMENTATION

Box = tuple[slice, slice, slice]

WAYS = ("interpolation", "scale", "pad")  # keys that `volume_input` takes as they are


def in_millimetres(settings: dict[str, Any]) -> bool:
    """Whether the input needs the positions of its series in the patient: to find the segmentation in them."""
    return settings.get("around") == SEGMENTATION


def needs(name: str, settings: dict[str, Any]) -> list[str]:
    """Return the names of the series that the input of series `name` is made from: itself, and what places its box."""
    return [name, SEGMENTATION] if settings.get("around") == SEGMENTATION else [name]


def make_input(read: Read, name: str, settings: dict[str, Any]) -> tuple[list[npt.NDArray[Any]], list[int | None]]:
    """
    Make the input of one series.

    Parameters
    ----------
    read : callable
        Reads the patient's series.
    name : str
        The series.
    settings : dict
        ``shape``: rows, columns and depth. ``around`` and ``margin``: whether the series is cut first (see
        `box_around`). ``choose``: which slices (see `chosen_slices`). ``interpolation``, ``scale`` and ``pad``, as for
        `volume_input`.

    Raises
    ------
    NotCovered
        The series shows less than 80 % of the segmentation around which it is cut.
    SeriesError
        It or the segmentation has no position in millimetres, or the segmentation is empty.
    """
    if settings.get("around") == SEGMENTATION:
        volume = regular(placed(read, name))
        volume = cut(volume, box_around(volume, placed(read, SEGMENTATION), settings["margin"], name))
    else:
        volume, _ = read(name)
    shape = tuple(settings["shape"])
    chosen = chosen_slices(volume, shape[2], settings.get("choose", "central"))
    ways = {key: settings[key] for key in WAYS if key in settings}
    return [volume_input(volume.voxels[chosen], shape, **ways)], [None]


def box_around(volume: Volume, segmentation: Volume, margin: float, name: str) -> Box:
    """
    Return the part of a series around a segmentation.

    Within a slice it is as many mm high as wide, so that resizing to a square distorts nothing. A box beyond the edge
    of an image is moved inwards; one that is larger than the image ends at its edges.

    Parameters
    ----------
    volume : Volume
        The series, slices equally spaced.
    segmentation : Volume
        The mask, on any grid.
    margin : float
        mm added on each side of the mask's bounding box along the axes of the series.
    name : str
        The series, for messages.

    Returns
    -------
    tuple of slice
        Slices, rows and columns.

    Raises
    ------
    NotCovered
        The series shows less than 80 % of the segmentation.
    SeriesError
        The segmentation is empty.
    """
    points = _marked(segmentation, volume.affine)
    shape = np.array(volume.voxels.shape)
    check_covered(name, float(((points > -0.5) & (points < shape - 0.5)).all(axis=1).mean()), "the segmentation")
    low, high = points.min(axis=0), points.max(axis=0)
    steps = np.linalg.norm(volume.affine[:3, :3], axis=0)
    first = max(math.ceil(low[0] - margin / steps[0] - 0.5), 0)
    last = min(math.floor(high[0] + margin / steps[0] + 0.5), shape[0] - 1)
    half = (((high - low) * steps)[1:].max() / 2 + margin) / steps
    rows, columns = (_moved_inside((low[axis] + high[axis]) / 2, half[axis], shape[axis]) for axis in (1, 2))
    return slice(first, last + 1), rows, columns


def _marked(segmentation: Volume, affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the places of a mask's voxels as indices of a volume with that affine, shape (voxels, 3)."""
    mask = regular(Volume(segmentation.voxels > 0, segmentation.affine, segmentation.places))
    marked = np.argwhere(mask.voxels)
    if not len(marked):
        raise SeriesError("the segmentation that the input is cut around is empty; exclude it.")
    to_series = np.linalg.inv(affine) @ mask.affine
    return marked @ to_series[:3, :3].T + to_series[:3, 3]


def _moved_inside(middle: float, half: float, length: int) -> slice:
    """Return the pixels from `half` before a place to `half` behind it, moved so that they lie in 0 to `length`."""
    size = min(round(2 * half) + 1, length)
    start = min(max(round(middle - (size - 1) / 2), 0), length - size)
    return slice(start, start + size)


def chosen_slices(volume: Volume, depth: int, choose: str = "central") -> slice:
    """
    Return which slices of a series the input shows.

    Parameters
    ----------
    volume : Volume
        The series.
    depth : int
        Most slices of the input.
    choose : {"central", "largest"}
        ``central``: half of them on each side of the middle of the series, or all there are [code of `cnn3d`].
        ``largest``: those around the slice with the largest bounding box of foreground, before any window, fewer at the
        ends of the series [code of `resnet10_3d`, where all pixels but the zeros of the background count].
    """
    if choose == "central":
        return central_slices(len(volume.voxels), depth)
    return slices_around(largest_slice(foreground(unwindowed(volume))), len(volume.voxels), depth)


def volume_input(
    voxels: npt.NDArray[Any],
    shape: tuple[int, int, int],
    interpolation: str = "area",
    scale: str = "block",
    pad: str = "both",
) -> npt.NDArray[np.float32]:
    """
    Make a block of slices.

    The defaults are those of `cnn3d` [doc: 128x128, min-max, zero slices front and back; silent about interpolation].
    Zero slices are added after scaling, so they are 0 whatever the smallest value [silent].

    Parameters
    ----------
    voxels : numpy.ndarray, shape (slices, rows, columns)
        The chosen slices in their order, at least one; more than the depth are cut to the central ones.
    shape : tuple of int
        Rows, columns and depth of the input.
    interpolation : {"area", "bilinear"}
        As for `resized`.
    scale : {"block", "slice"}
        What is scaled to [0, 1] by its smallest and largest value: all slices together, or each by its own.
    pad : {"both", "behind"}
        Where the missing slices are added: as many in front as behind, one more behind if the number is odd; or all
        behind.

    Returns
    -------
    numpy.ndarray, shape (rows, columns, depth)
        float32 in [0, 1].
    """
    rows, columns, depth = shape
    central = voxels[central_slices(len(voxels), depth)]
    images = [resized(image, rows, columns, interpolation) for image in central]
    block = minmax(np.stack(images)) if scale == "block" else np.stack([minmax(image) for image in images])
    made = np.zeros(shape, np.float32)
    front = padding(len(block), depth)[0] if pad == "both" else 0
    made[:, :, front : front + len(block)] = block.transpose(1, 2, 0)
    return made
