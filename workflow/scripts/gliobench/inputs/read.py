"""How an input reads the series of one patient."""

from collections.abc import Callable
from typing import Any, TypeVar

from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.imaging.volume import Volume

# Name of a series (a modality, ``segmentation`` or ``lesion``) -> its voxels and facts
Read = Callable[[str], tuple[Volume, SeriesFacts]]


T = TypeVar("T")


class Patient:
    """
    Reads the series of one patient, and keeps what the inputs of several series share.

    Parameters
    ----------
    read : callable
        Reads a series.
    """

    def __init__(self, read: Read):
        self.read = read
        self.kept: dict[str, Any] = {}

    def __call__(self, name: str) -> tuple[Volume, SeriesFacts]:
        """Read a series."""
        return self.read(name)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Return the result of the first call of `make`."""
        if key not in self.kept:
            self.kept[key] = make()
        found: T = self.kept[key]
        return found


class NotCovered(SeriesError):
    """A series that shows too little of the patient to be a channel with the others."""
