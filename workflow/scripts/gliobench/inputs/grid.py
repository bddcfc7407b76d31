"""The 3D input that channels are stacked from: all series of a patient on one grid."""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK

from gliobench.imaging.brain import stripped
from gliobench.imaging.intensity import rescale, standardise
from gliobench.imaging.registration import rigid
from gliobench.imaging.resample import Grid, box, sample, sample_mask
from gliobench.imaging.volume import Volume, regular
from gliobench.inputs.read import Read, check_covered, placed

MASKS = ("segmentation", "lesion")  # series that are masks; they lie in the space of the reference
INTENSITIES = {"standardise": standardise, "rescale": rescale}

Stripped = tuple[Volume, npt.NDArray[np.bool_]]


def in_millimetres(settings: dict[str, Any]) -> bool:
    """Whether the input needs the positions of its series in the patient: always, for it aligns them."""
    return True


def needs(name: str, settings: dict[str, Any]) -> list[str]:
    """
    Return the names of the series that the input of series `name` is made from.

    In addition to the series itself: the one that places the grid, and the target of registration. A lesion mask is not
    a series of ``series.tsv``.
    """
    names = [] if name == "lesion" else [name]
    if settings["around"] == "segmentation":
        names.append("segmentation")
    if settings["around"] == "brain" or settings["registration"] == "rigid":
        names.append(settings["reference"])
    return list(dict.fromkeys(names))


class Space:
    """
    The common space of a patient's series: the reference, its masks and the grid are made once.

    Parameters
    ----------
    read : callable
        Reads the patient's series.
    settings : dict
        As for `make_input`.
    """

    def __init__(self, read: Read, settings: dict[str, Any]):
        self.read = read
        self.settings = settings

    def placed(self, name: str) -> Volume:
        """Read a series with a position in the patient: slices equally spaced, masks as bool."""
        volume = placed(self.read, name)
        return regular(Volume(volume.voxels > 0, volume.affine, volume.places) if name in MASKS else volume)

    @cached_property
    def reference(self) -> Volume:
        """The series that others are aligned with."""
        return self.placed(self.settings["reference"])

    @cached_property
    def brain(self) -> Stripped:
        """The reference's brain, and its mask."""
        return stripped(self.reference, "auto")

    @cached_property
    def _reference_shown(self) -> Stripped:
        return stripped(self.reference, self.settings["skull_stripping"])

    @cached_property
    def segmentation(self) -> Volume:
        """The segmentation, as a mask."""
        return self.placed("segmentation")

    def shown(self, name: str) -> Stripped:
        """Return a series with ``skull_stripping`` applied, and the mask of its content."""
        if name == self.settings["reference"]:
            return self._reference_shown
        return stripped(self.placed(name), self.settings["skull_stripping"])

    @cached_property
    def grid(self) -> Grid:
        """The grid, placed according to ``around``."""
        if self.settings["around"] == "segmentation":
            corners = box(self.segmentation.voxels, self.segmentation.affine)
        else:
            volume, inside = self.brain
            corners = box(inside, volume.affine)
        spacing = np.broadcast_to(np.asarray(self.settings["spacing"], dtype=float), 3)
        return Grid(tuple(self.settings["shape"]), tuple(spacing.tolist()), corners.mean(axis=0))

    @cached_property
    def wanted(self) -> npt.NDArray[np.bool_]:
        """What every channel must show: the segmentation, or the reference's brain."""
        if self.settings["around"] == "segmentation":
            return sample_mask(self.segmentation.voxels, self.segmentation.affine, self.grid)
        volume, inside = self.brain
        return fill_holes(sample_mask(inside, volume.affine, self.grid))

    def sampled(
        self, name: str, volume: Volume, inside: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        """
        Resample a series and its content, as `shown` returned them, onto the grid; 0 where nothing inside is near.

        Raises
        ------
        NotCovered
            It shows less than 80 % of what every channel must show.
        """
        transform = None
        if self.settings["registration"] == "rigid" and name != self.settings["reference"]:
            transform = rigid(volume, self.shown(self.settings["reference"])[0])
        shown = fill_holes(sample_mask(inside, volume.affine, self.grid, transform))
        self.check_covered(name, shown)
        return sample(volume, self.grid, transform, inside), shown

    def check_covered(self, name: str, shown: npt.NDArray[np.bool_]) -> None:
        """Refuse a channel that shows too little of the brain or segmentation that places the grid."""
        share = int(np.count_nonzero(shown & self.wanted)) / max(int(np.count_nonzero(self.wanted)), 1)
        around = self.settings["around"]
        what = f"the brain in {self.settings['reference']}" if around == "brain" else "the segmentation"
        check_covered(name, share, what)


def make_input(space: Space, name: str, settings: dict[str, Any]) -> tuple[list[npt.NDArray[Any]], list[int | None]]:
    """
    Resample one series onto the patient's grid, which is the same for all of the patient's series.

    Parameters
    ----------
    space : Space
        The patient's; it keeps the grid for the next series.
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
        The series shows less than 80 % of the reference's brain or the segmentation, whichever places the grid.
    SeriesError
        A series has no position in millimetres, or the two hardly overlap.
    """
    if name in MASKS:
        mask = space.segmentation if name == "segmentation" else space.placed(name)
        return [sample_mask(mask.voxels, mask.affine, space.grid).astype(np.float16)], [None]
    values, shown = space.sampled(name, *space.shown(name))
    return [INTENSITIES[settings["intensity"]](values, shown).astype(np.float16)], [None]


def fill_holes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Fill the holes of a mask: fluid without signal inside the brain is not background."""
    filled = SimpleITK.BinaryFillhole(SimpleITK.GetImageFromArray(mask.astype(np.uint8)), foregroundValue=1)
    return SimpleITK.GetArrayFromImage(filled).astype(bool)
