"""The 3D input of one series: some of its slices as a small block."""

from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.imaging.intensity import foreground, minmax
from gliobench.imaging.resample import resized
from gliobench.imaging.volume import Volume, unwindowed
from gliobench.inputs.depth import central_slices, largest_slice, padding, slices_around
from gliobench.inputs.read import Read

WAYS = ("interpolation", "scale", "pad")  # keys that `volume_input` takes as they are


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
        ``shape``: rows, columns and depth. ``choose``: which slices (see `chosen_slices`). ``interpolation``, ``scale``
        and ``pad``, as for `volume_input`.
    """
    volume, _ = read(name)
    shape = tuple(settings["shape"])
    chosen = chosen_slices(volume, shape[2], settings.get("choose", "central"))
    ways = {key: settings[key] for key in WAYS if key in settings}
    return [volume_input(volume.voxels[chosen], shape, **ways)], [None]


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
