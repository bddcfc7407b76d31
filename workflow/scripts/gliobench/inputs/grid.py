"""The 3D input that channels are stacked from: all series of a patient on one grid."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK

from gliobench.imaging.brain import stripped
from gliobench.imaging.dicom import Volume
from gliobench.imaging.intensity import rescale, standardise
from gliobench.imaging.registration import rigid
from gliobench.imaging.resample import Grid, box_centre, sample, sample_mask
from gliobench.inputs.read import Read

MASKS = ("segmentation", "lesion")  # series that are masks; they lie in the space of the reference
INTENSITIES = {"standardise": standardise, "rescale": rescale}

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
    """
    read_once = cache(read)
    strip: Stripped = cache(lambda series: stripped(read_once(series)[0], settings["skull_stripping"]))
    grid = place_grid(read_once, strip, settings)
    if name in MASKS:
        mask, _ = read_once(name)
        return [sample_mask(mask.voxels > 0, mask.affine, grid).astype(np.float16)], [None]
    volume, inside = strip(name)
    transform = None
    if settings["registration"] == "rigid" and name != settings["reference"]:
        transform = rigid(volume, strip(settings["reference"])[0])
    values = sample(volume, grid, transform)
    shown = fill_holes(sample_mask(inside, volume.affine, grid, transform))
    return [INTENSITIES[settings["intensity"]](values, shown).astype(np.float16)], [None]


def place_grid(read: Read, strip: Stripped, settings: dict[str, Any]) -> Grid:
    """Place the grid of one patient as ``around`` asks; see `make_input`."""
    if settings["around"] == "segmentation":
        segmentation, _ = read("segmentation")
        centre = box_centre(segmentation.voxels > 0, segmentation.affine)
    else:
        volume, inside = strip(settings["reference"])
        centre = box_centre(inside, volume.affine)
    spacing = np.broadcast_to(np.asarray(settings["spacing"], dtype=float), 3)
    return Grid(tuple(settings["shape"]), tuple(spacing.tolist()), centre)


def fill_holes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Fill the holes of a mask: fluid of no signal inside the brain is no background."""
    filled = SimpleITK.BinaryFillhole(SimpleITK.GetImageFromArray(mask.astype(np.uint8)), foregroundValue=1)
    return SimpleITK.GetArrayFromImage(filled).astype(bool)
