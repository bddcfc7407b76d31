"""How an input reads the series of one patient."""

from collections.abc import Callable

from gliobench.imaging.dicom import Volume
from gliobench.imaging.facts import SeriesFacts

# Name of a series (a modality, ``segmentation`` or ``lesion``) -> its voxels and facts
Read = Callable[[str], tuple[Volume, SeriesFacts]]
