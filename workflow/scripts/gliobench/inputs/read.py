"""How an input reads the series of one patient."""

from collections.abc import Callable

from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.imaging.volume import Volume

COVERED = 0.8  # of a brain or segmentation that an input around it must show

# Name of a series (a modality, ``segmentation`` or ``lesion``) -> its voxels and facts; of features -> their values
Read = Callable[[str], tuple[Volume, SeriesFacts]]


class NotCovered(SeriesError):
    """A series that shows too little of the patient to be a channel with the others."""


def placed(read: Read, name: str) -> Volume:
    """
    Read a series with a position in the patient.

    Raises
    ------
    SeriesError
        Its position is not known.
    """
    volume, facts = read(name)
    if facts.unplaced:
        raise SeriesError(f"{facts.unplaced}; it cannot be aligned with other series.")
    return volume


def check_covered(name: str, share: float, what: str) -> None:
    """
    Refuse a series that shows too small a share of what an input is placed by.

    Raises
    ------
    NotCovered
        The share is below 80 %.
    """
    if share < COVERED:
        raise NotCovered(f"{name} covers {share:.0%} of {what}, but {COVERED:.0%} are needed.")
