"""The `cnn3d` input: one series as a small block of central slices."""

from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.imaging.intensity import minmax
from gliobench.imaging.resample import resized
from gliobench.inputs.depth import central_slices, padding
from gliobench.inputs.read import Read


def make_input(read: Read, name: str, settings: dict[str, Any]) -> tuple[list[npt.NDArray[Any]], list[int | None]]:
    """Make the input of one series with the approach's ``shape``; see `volume_input`."""
    volume, _ = read(name)
    return [volume_input(volume.voxels, tuple(settings["shape"]))], [None]


def volume_input(voxels: npt.NDArray[Any], shape: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """
    Make the `cnn3d` input of one series.

    The central slices are kept, half of them on each side of the middle [code]; each is resized to rows x columns
    [doc: 128x128; interpolation not stated, here the mean over each new pixel's area when shrinking,
    else bilinear]; the block is scaled to [0, 1] by its smallest and largest value [doc]; a series with fewer slices
    gets zero slices, as many in front as behind, one more behind if the number is odd [doc: zero slices front and
    back]. They are added after scaling, so they are 0 whatever the series' smallest value [silent].

    Parameters
    ----------
    voxels : numpy.ndarray, shape (slices, rows, columns)
        A series, in the order of its slices.
    shape : tuple of int
        Rows, columns and depth of the input; (128, 128, 32) as published.

    Returns
    -------
    numpy.ndarray, shape (rows, columns, depth)
        float32 in [0, 1].
    """
    rows, columns, depth = shape
    central = voxels[central_slices(len(voxels), depth)]
    block = minmax(np.stack([resized(image, rows, columns) for image in central]))
    made = np.zeros(shape, np.float32)
    front = padding(len(voxels), depth)[0]
    made[:, :, front : front + len(block)] = block.transpose(1, 2, 0)
    return made
