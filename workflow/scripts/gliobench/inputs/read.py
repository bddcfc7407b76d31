"""How an input reads the series of one patient."""

from collections.abc import Callable

from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.imaging.volume import Volume

# Name of a series (a modality, ``segmentation`` or ``lesion``) -> its voxels and facts; of features -> their values
Read = Callable[[str], tuple[Volume, SeriesFacts]]


class NotCovered(SeriesError):
    """A series that shows too little of the patient to be a channel with the others."""
