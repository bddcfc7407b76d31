"""Which slices of a series an input of kind `volume` shows, and how many zero slices it adds."""

import numpy as np
import numpy.typing as npt


def central_slices(n_slices: int, depth: int) -> slice:
    """Return which of `n_slices` the input shows: half of `depth` on each side of the middle, or all there are."""
    start = max(n_slices // 2 - depth // 2, 0)
    return slice(start, start + depth)


def slices_around(middle: int, n_slices: int, depth: int) -> slice:
    """Return the half of `depth` slices before `middle` and the half from it on, as far as a series has them."""
    start = middle - depth // 2
    return slice(max(start, 0), min(start + depth, n_slices))


def largest_slice(inside: npt.NDArray[np.bool_]) -> int:
    """Return the slice of a mask (slices, rows, columns) with the largest bounding box; the first of equals."""
    return int(np.argmax(_extents(inside, along=1) * _extents(inside, along=2)))


def _extents(inside: npt.NDArray[np.bool_], along: int) -> npt.NDArray[np.int64]:
    """Return how far each slice's True pixels extend along the rows (1) or the columns (2), 0 without any."""
    lines = np.any(inside, axis=3 - along)
    first = lines.argmax(axis=1)
    behind = lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    return np.where(lines.any(axis=1), behind - first, 0)


def padding(n_slices: int, depth: int) -> tuple[int, int]:
    """Return how many zero slices the input has in front of a series of `n_slices`, and how many behind."""
    missing = max(depth - n_slices, 0)
    return missing // 2, missing - missing // 2
