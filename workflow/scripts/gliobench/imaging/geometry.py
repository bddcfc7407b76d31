"""Position of slices: their order, the step from one to the next, and the affine of their volume."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gliobench.imaging.dicom_slice import GEOMETRY, Slice
from gliobench.imaging.volume import PLANES

Array = npt.NDArray[np.float64]
SAME_POSITION = 0.01  # mm; slices of one volume are much further apart
SAME_DIRECTION = 0.01  # cosines, about half a degree; beyond what scanners lose by rounding
REGULAR = 0.1  # mm from a regular grid; headers round their positions
MISSING = 2  # consecutive slices that may be missing: the gap is interpolated
THICKEST = 10.0  # mm; a larger step in a header does not excuse a gap
PIXELS_ASIDE = 0.5  # tolerance for a slice out of line
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # used if the header states no orientation
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def ordered(slices: Sequence[Slice]) -> tuple[list[Slice], str | None]:
    """
    Order slices along their normal, by instance number, or by the number in the file name that tells all apart.

    Returns
    -------
    slices : list of Slice
        In the direction of the normal (row direction x column direction).
    ordered_by : {"position", "instance number", "file name"} or None
        The first of the three that all slices have (numbers: without repeats); None if they have none.
    """
    if _placed(slices):
        return [slices[k] for k in np.argsort(depths(slices), kind="stable")], "position"
    numbers = [each.instance_number for each in slices]
    if None not in numbers and len(set(numbers)) == len(numbers):
        return sorted(slices, key=lambda each: each.instance_number or 0), "instance number"
    in_names = _numbers_of([each.path.name for each in slices])
    return ([slices[k] for k in np.argsort(in_names)], "file name") if in_names else (list(slices), None)


def _placed(slices: Sequence[Slice]) -> bool:
    return all(each.orientation and each.position for each in slices)


def _numbers_of(names: Sequence[str]) -> list[int] | None:
    """
    Return the number of each name in the place where no two names share one; None if there is no such place.

    Places are counted from both ends, since what is around the number of a slice, such as a hash, may hold any count of
    numbers. Of several places, the one with the narrowest range: slices are numbered closely; else the last.
    """
    found = [[int(number) for number in re.findall(r"\d+", name)] for name in names]
    fewest = min(map(len, found))
    places = [[numbers[k] for numbers in found] for k in (*range(-1, -fewest - 1, -1), *range(fewest))]
    apart = [place for place in places if len(set(place)) == len(names)]
    return min(apart, key=lambda place: max(place) - min(place), default=None)


def statuses(slices: Sequence[Slice]) -> dict[str, str]:
    """Return what the headers say of spacing, position and orientation, by the names of `GEOMETRY`."""
    found = {name: {each.stated[name] for each in slices} for name in GEOMETRY}
    return {name: said.pop() if len(said) == 1 else "partly stated" for name, said in found.items()}


def depths(slices: Sequence[Slice]) -> Array:
    """Return the distance of each slice along the normal of the first, mm."""
    return np.array([each.position for each in slices]) @ normal(slices[0])


def normal(image: Slice) -> Array:
    """Return the unit vector (LPS+) of row direction x column direction."""
    across = np.cross(*np.reshape(image.orientation or AXIAL, (2, 3)))
    return across / np.linalg.norm(across)


def plane(image: Slice) -> str | None:
    """Return the name of the nearest anatomical plane."""
    return PLANES[int(np.argmax(np.abs(normal(image))))] if image.orientation else None


def directions(slices: Sequence[Slice]) -> int:
    """Count the different orientations among slices that state one."""
    kinds: list[Array] = []
    for cosines in {each.orientation for each in slices if each.orientation}:
        if not any(np.allclose(cosines, kind, rtol=0, atol=SAME_DIRECTION) for kind in kinds):
            kinds.append(np.array(cosines))
    return len(kinds)


def position_counts(slices: Sequence[Slice]) -> npt.NDArray[np.int64]:
    """Count the slices at each position, for slices ordered along their normal."""
    edges = np.flatnonzero(np.diff(depths(slices)) > SAME_POSITION)
    return np.diff(np.concatenate([[-1], edges, [len(slices) - 1]]))


@dataclass(frozen=True)
class Stack:
    """
    How the slices of a volume follow one another.

    Attributes
    ----------
    step : numpy.ndarray, shape (3,)
        The step from one slice to the next, LPS+ mm: the mean if the slices are equally spaced, else the median.
    slice_spacing : float or None
        Its length along the slice normal, mm; None if the header does not state it.
    places : numpy.ndarray, shape (slices,), or None
        Positions of unequally spaced slices, in steps from the first.
    off_grid : float or None
        Largest distance of a slice from the regular grid of that step, mm; None where positions are not known.
    aside : float
        Largest distance of a slice from the common line of the slices, mm.
    widest : float
        The widest gap between two slices, in slices: 1 where none is missing.
    """

    step: Array
    slice_spacing: float | None
    places: Array | None = None
    off_grid: float | None = None
    aside: float = 0.0
    widest: float = 1.0


def stack(slices: Sequence[Slice]) -> Stack:
    """
    Find the steps between slices, in order.

    Without positions, or for a single slice, the step is what the header states, or 1 mm if it states nothing.
    """
    first = slices[0]
    if len(slices) == 1 or not _placed(slices):
        return Stack(normal(first) * (first.slice_spacing or 1.0), first.slice_spacing)
    along = depths(slices) - depths(slices)[0]
    positions = np.array([each.position for each in slices]) - np.array(first.position)
    way, aside = _line(along, positions)
    gaps = np.diff(along)
    spacing = float(along[-1] / len(gaps))
    regular = np.abs(along - spacing * np.arange(len(along))).max() <= REGULAR
    if not regular:
        spacing = float(np.median(gaps))
    off_grid = np.linalg.norm(positions - np.outer(np.arange(len(along)) * spacing, way), axis=1).max()
    thick = np.array([min(each.slice_spacing or 0.0, THICKEST) for each in slices])
    widths = np.maximum(np.maximum(thick[:-1], thick[1:]), spacing)
    return Stack(
        step=way * spacing,
        slice_spacing=spacing,
        places=None if regular else along / spacing,
        off_grid=float(off_grid),
        aside=aside,
        widest=float((gaps / widths).max()),
    )


def _line(along: Array, positions: Array) -> tuple[Array, float]:
    """
    Return the line through slices, as the step per mm along the normal, and the largest distance from it.

    The median over all pairs of slices (Theil and Sen's line): a slice out of line does not bend it.
    """
    first, second = np.triu_indices(len(along), 1)
    way = np.median((positions[second] - positions[first]) / (along[second] - along[first])[:, None], axis=0)
    left = positions - np.outer(along, way)
    return way, float(np.linalg.norm(left - np.median(left, axis=0), axis=1).max())


def affine(slices: Sequence[Slice], step: Array) -> Array:
    """
    Return the 4 x 4 matrix from (slice, row, column) to RAS+ mm, for slices in order.

    If the header states nothing: axial directions, origin 0, 1 mm.
    """
    first = slices[0]
    along_row, along_column = np.reshape(first.orientation or AXIAL, (2, 3))
    row_distance, column_distance = first.pixel_spacing or (1.0, 1.0)
    matrix = np.eye(4)
    matrix[:3, 0] = step
    matrix[:3, 1] = along_column * row_distance
    matrix[:3, 2] = along_row * column_distance
    matrix[:3, 3] = first.position or (0, 0, 0)
    return LPS_TO_RAS @ matrix


def why_unplaced(slices: Sequence[Slice], found: Stack) -> str | None:
    """Return why slices have no position in millimetres, None if they have one."""
    for name, status in statuses(slices).items():
        if status != "stated":
            what = "lack" if status == "not stated" else "have no usable"
            return f"its files {what} {GEOMETRY[name]}"
    if found.widest > MISSING + 1.1:
        return f"about {round(found.widest) - 1} consecutive slices are missing"
    if found.aside > PIXELS_ASIDE * min(slices[0].pixel_spacing or (1.0,)):
        return f"a slice is {found.aside:.3g} mm out of line with the others"
    return None
