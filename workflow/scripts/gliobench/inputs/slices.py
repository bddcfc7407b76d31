"""The 2D input: some slices of a series, each a small image."""

from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.imaging.intensity import foreground, minmax
from gliobench.imaging.resample import resized
from gliobench.inputs.read import Read


def make_input(read: Read, name: str, settings: dict[str, Any]) -> tuple[list[npt.NDArray[Any]], list[int | None]]:
    """
    Make the slices of one series.

    They are resized as in `resized` and scaled together, by the smallest and the largest value among them, so that a
    dark slice remains darker than a bright one [silent in both documents].

    Parameters
    ----------
    read : callable
        Reads the patient's series.
    name : str
        The series.
    settings : dict
        ``shape``: rows and columns. ``choose``: ``central`` (see `central`, with ``share``) or ``nonblank`` (see
        `nonblank`, with ``minimum_foreground``). ``most``: maximum number, evenly spaced among the chosen; null or
        absent for all.

    Returns
    -------
    images : list of numpy.ndarray, shape (rows, columns)
        uint8, 0 to 255.
    slice_indexes : list of int
        Their places in the series, from 0.
    """
    voxels = read(name)[0].voxels
    if settings["choose"] == "central":
        chosen = central(len(voxels), settings["share"])
    else:
        chosen = nonblank(voxels, settings["minimum_foreground"])
    chosen = spread(chosen, settings.get("most"))
    rows, columns = settings["shape"]
    images = minmax(np.stack([resized(voxels[place], rows, columns) for place in chosen]))
    return list(np.rint(images * 255).astype(np.uint8)), chosen.tolist()


def central(n_slices: int, share: float) -> npt.NDArray[np.int64]:
    """Return the indices of the central slices: a share of all, rounded, at least one."""
    count = max(round(share * n_slices), 1)
    return np.arange(count) + (n_slices - count) // 2


def nonblank(voxels: npt.NDArray[Any], minimum_foreground: float) -> npt.NDArray[np.int64]:
    """
    Return the indices of slices that show enough of the head.

    Parameters
    ----------
    voxels : numpy.ndarray, shape (slices, rows, columns)
        A series.
    minimum_foreground : float
        Least number of foreground pixels in a slice, as a share of the fullest slice's (see `foreground`).
    """
    filled = np.count_nonzero(foreground(voxels), axis=(1, 2))
    return np.flatnonzero(filled >= max(minimum_foreground * filled.max(), 1))


def spread(places: npt.NDArray[np.int64], most: int | None) -> npt.NDArray[np.int64]:
    """Return at most `most` of the indices, evenly spaced from the first to the last (one: the middle)."""
    if most is None or len(places) <= most:
        return places
    ends = (0, len(places) - 1) if most > 1 else (len(places) // 2,) * 2
    return places[np.rint(np.linspace(*ends, most)).astype(int)]
