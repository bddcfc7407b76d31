"""Where slices lie: their order, their spacing, and the affine of the volume they make."""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gliobench.imaging.slices import Slice

Array = npt.NDArray[np.float64]
SAME_POSITION = 0.01  # mm; slices of one volume lie much further apart
SAME_DIRECTION = 0.01  # cosines, about half a degree; beyond what scanners lose by rounding
PLANES = ("sagittal", "coronal", "axial")  # by the patient axis (x, y, z) nearest to the normal
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # taken where the header states no orientation
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def ordered(slices: Sequence[Slice]) -> tuple[list[Slice], str]:
    """
    Order slices along their normal, or by instance number, or by the number in the file name.

    Returns
    -------
    slices : list of Slice
        In the direction of the normal (row direction x column direction).
    ordered_by : {"position", "instance number", "file name"}
        The first of the three that all slices have (instance numbers: without repeats).
    """
    if _placed(slices):
        return [slices[k] for k in np.argsort(depths(slices), kind="stable")], "position"
    numbers = [part.instance_number for part in slices]
    if None not in numbers and len(set(numbers)) == len(numbers):
        return sorted(slices, key=lambda part: part.instance_number or 0), "instance number"
    return sorted(slices, key=lambda part: _number_in(part.path.stem)), "file name"


def _placed(slices: Sequence[Slice]) -> bool:
    return all(part.orientation and part.position for part in slices)


def _number_in(name: str) -> tuple[int, str]:
    numbers = re.findall(r"\d+", name)
    return (int(numbers[-1]) if numbers else -1), name


def depths(slices: Sequence[Slice]) -> Array:
    """Return the distance of each slice along the normal of the first, mm."""
    return np.array([part.position for part in slices]) @ normal(slices[0])


def normal(part: Slice) -> Array:
    """Return the unit vector (LPS+) of row direction x column direction."""
    across = np.cross(*np.reshape(part.orientation or AXIAL, (2, 3)))
    return across / np.linalg.norm(across)


def plane(part: Slice) -> str | None:
    """Return the name of the nearest anatomical plane."""
    return PLANES[int(np.argmax(np.abs(normal(part))))] if part.orientation else None


def directions(slices: Sequence[Slice]) -> int:
    """Count the different orientations among slices that state one."""
    kinds: list[Array] = []
    for cosines in {part.orientation for part in slices if part.orientation}:
        if not any(np.allclose(cosines, kind, rtol=0, atol=SAME_DIRECTION) for kind in kinds):
            kinds.append(np.array(cosines))
    return len(kinds)


def position_counts(slices: Sequence[Slice]) -> npt.NDArray[np.int64]:
    """Count the slices at each position, for slices ordered along their normal."""
    edges = np.flatnonzero(np.diff(depths(slices)) > SAME_POSITION)
    return np.diff(np.concatenate([[-1], edges, [len(slices) - 1]]))


def slice_step(slices: Sequence[Slice]) -> tuple[Array, float | None]:
    """
    Return the way from one slice to the next (LPS+, mm), and its length along the normal, None where unknown.

    The length is the median of all gaps, so that a missing slice does not stretch the volume; a single slice or one
    without a position takes what its header states, and 1 mm where that is silent too.
    """
    first, last = slices[0], slices[-1]
    if len(slices) > 1 and _placed(slices):
        along = depths(slices)
        spacing = float(np.median(np.diff(along)))
        way = np.array(last.position) - np.array(first.position)
        return way * (spacing / (along[-1] - along[0])), spacing
    return normal(first) * (first.slice_spacing or 1.0), first.slice_spacing


def affine(slices: Sequence[Slice]) -> Array:
    """
    Return the 4 x 4 matrix from (slice, row, column) to RAS+ mm, for slices in order.

    Where the header is silent: axial directions, origin 0, 1 mm.
    """
    first = slices[0]
    along_row, along_column = np.reshape(first.orientation or AXIAL, (2, 3))
    row_distance, column_distance = first.pixel_spacing or (1.0, 1.0)
    matrix = np.eye(4)
    matrix[:3, 0] = slice_step(slices)[0]
    matrix[:3, 1] = along_column * row_distance
    matrix[:3, 2] = along_row * column_distance
    matrix[:3, 3] = first.position or (0, 0, 0)
    return LPS_TO_RAS @ matrix
