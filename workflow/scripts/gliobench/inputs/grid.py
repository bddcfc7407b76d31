"""The 3D input that channels are stacked from: all series of a patient on one grid."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK

from gliobench.imaging.brain import stripped
from gliobench.imaging.facts import SeriesError
from gliobench.imaging.intensity import rescale, standardise
from gliobench.imaging.registration import rigid
from gliobench.imaging.resample import Grid, box, sample, sample_mask
from gliobench.imaging.volume import Volume, regular
from gliobench.inputs.read import NotCovered, Read

MILLIMETRES = True  # it lays series over each other by their places in the patient
COVERED = 0.8  # of the reference's brain that a channel must show
MASKS = ("segmentation", "lesion")  # series that are masks; they lie in the space of the reference
INTENSITIES = {"standardise": standardise, "rescale": rescale}

Placed = Callable[[str], Volume]
Stripped = Callable[[str], tuple[Volume, npt.NDArray[np.bool_]]]


def needs(name: str, settings: dict[str, Any]) -> list[str]:
    """
    Return the names of the series that the input of series `name` is made from.

    Beside the series itself: the one that the grid is placed by, and the one that others are registered to. A lesion
    mask is no series of ``series.tsv``.
    """
    names = [] if name == "lesion" else [name]
    if settings["around"] == "segmentation":
        names.append("segmentation")
    if settings["around"] == "brain" or settings["registration"] == "rigid":
        names.append(settings["reference"])
    return list(dict.fromkeys(names))


def make_input(read: Read, name: str, settings: dict[str, Any]) -> tuple[list[npt.NDArray[Any]], list[int | None]]:
    """
    Resample one series onto the patient's grid, which is the same for all of the patient's series.

    Parameters
    ----------
    read : callable
        Reads the patient's series.
    name : str
        A modality, or ``segmentation`` or ``lesion`` for a mask (0 and 1).
    settings : dict
        ``shape``: voxels along x, y, z. ``spacing``: mm, one number or three. ``around``: the grid's centre is that of
        the bounding box of the ``brain`` in the ``reference`` series, or of the ``segmentation``. ``reference``: a
        modality. ``registration``: ``none``, or ``rigid`` to the reference, on top of the affines. ``skull_stripping``:
        ``auto``, ``none`` or ``always``, see `stripped`. ``intensity``: ``standardise`` or ``rescale`` over the brain.

    Returns
    -------
    arrays : list of one numpy.ndarray, shape (x, y, z)
        float16, axes RAS+, 0 outside the brain (or the head, where it keeps its skull).
    slice_indexes : list of one None
        As for every kind of whole volumes.

    Raises
    ------
    NotCovered
        The series shows less than 80 % of what the grid is placed around: the reference's brain, or the segmentation.
    SeriesError
        A series has no place in millimetres, or the two hardly overlap.
    """
    placed: Placed = cache(lambda series: _placed(read, series))
    brain: Stripped = cache(lambda series: stripped(placed(series), "auto"))
    strip: Stripped = cache(lambda series: stripped(placed(series), settings["skull_stripping"]))
    grid = place_grid(placed, brain, settings)
    if name in MASKS:
        mask = placed(name)
        return [sample_mask(mask.voxels, mask.affine, grid).astype(np.float16)], [None]
    volume, inside = strip(name)
    transform = None
    if settings["registration"] == "rigid" and name != settings["reference"]:
        transform = rigid(volume, strip(settings["reference"])[0])
    shown = fill_holes(sample_mask(inside, volume.affine, grid, transform))
    _check_covered(name, shown, placed, brain, grid, settings)
    values = sample(volume, grid, transform, inside)
    return [INTENSITIES[settings["intensity"]](values, shown).astype(np.float16)], [None]


def _placed(read: Read, name: str) -> Volume:
    """Read a series that has a place in the patient: slices equally spaced, masks as such."""
    volume, facts = read(name)
    if facts.unplaced:
        raise SeriesError(f"{facts.unplaced}; it cannot be laid over other series.")
    return regular(Volume(volume.voxels > 0, volume.affine, volume.places) if name in MASKS else volume)


def _check_covered(
    name: str,
    shown: npt.NDArray[np.bool_],
    placed: Placed,
    brain: Stripped,
    grid: Grid,
    settings: dict[str, Any],
) -> None:
    """Refuse a channel that shows too little of what the grid is placed around."""
    if settings["around"] == "segmentation":
        what, mask = "the segmentation", placed("segmentation")
        wanted = sample_mask(mask.voxels, mask.affine, grid)
    else:
        what = f"the brain that {settings['reference']} shows"
        reference, inside = brain(settings["reference"])
        wanted = fill_holes(sample_mask(inside, reference.affine, grid))
    share = int(np.count_nonzero(shown & wanted)) / max(int(np.count_nonzero(wanted)), 1)
    if share < COVERED:
        raise NotCovered(f"{name} covers {share:.0%} of {what}, and {COVERED:.0%} are needed.")


def place_grid(placed: Placed, brain: Stripped, settings: dict[str, Any]) -> Grid:
    """Place the grid of one patient as ``around`` asks; see `make_input`."""
    if settings["around"] == "segmentation":
        segmentation = placed("segmentation")
        corners = box(segmentation.voxels, segmentation.affine)
    else:
        volume, inside = brain(settings["reference"])
        corners = box(inside, volume.affine)
    spacing = np.broadcast_to(np.asarray(settings["spacing"], dtype=float), 3)
    return Grid(tuple(settings["shape"]), tuple(spacing.tolist()), corners.mean(axis=0))


def fill_holes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Fill the holes of a mask: fluid of no signal inside the brain is no background."""
    filled = SimpleITK.BinaryFillhole(SimpleITK.GetImageFromArray(mask.astype(np.uint8)), foregroundValue=1)
    return SimpleITK.GetArrayFromImage(filled).astype(bool)
