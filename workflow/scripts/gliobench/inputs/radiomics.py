"""The radiomics input: IBSI features of regions of a series, as columns that `gliobench.approaches.tabular` reads."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.cohorts.features import ABSENT, NUMBER
from gliobench.cohorts.names import REGIONS
from gliobench.imaging.ibsi import intensity_features, intensity_names, shape_features, shape_names
from gliobench.imaging.resample import Grid, box, sample_mask
from gliobench.imaging.volume import Volume, regular
from gliobench.inputs import grid
from gliobench.inputs.grid import in_millimetres, needs
from gliobench.terms import SEGMENTATION

__all__ = ["Space", "column_names", "in_millimetres", "make_input", "needs"]
FEWEST = 27  # voxels of a region: a cube of 3, the smallest with a voxel that has all neighbours
BRAIN = "brain"
FILLED = "The median of the training patients is taken."
Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]


class Space(grid.Space):
    """
    The common space of a patient's series: a grid that just holds the regions.

    Parameters
    ----------
    read, settings
        As for `make_input`.

    Attributes
    ----------
    remarks : list of (str, str)
        Series, and which features have no value and why.
    """

    def __init__(self, read: grid.Read, settings: dict[str, Any]):
        super().__init__(read, settings)
        self.remarks: list[tuple[str, str]] = []

    @cached_property
    def grid(self) -> Grid:
        """The grid: cubes over the bounding box of the segmentation or the brain."""
        if self.settings["around"] == SEGMENTATION:
            inside, affine = self.segmentation.voxels, self.segmentation.affine
        else:
            inside, affine = self.brain[1], self.brain[0].affine
        half_a_voxel = np.abs(affine[:3, :3]).sum(axis=1) / 2
        low, high = box(inside, affine) + np.array([-half_a_voxel, half_a_voxel])
        spacing = self.settings["spacing"]
        shape = np.ceil((high - low) / spacing).astype(int)
        return Grid(tuple(shape.tolist()), (spacing,) * 3, (low + high) / 2)

    @cached_property
    def regions(self) -> dict[str, Mask]:
        """The regions on the grid: those of the segmentation by name, or the brain."""
        if self.settings["around"] == BRAIN:
            return {BRAIN: self.wanted}
        labelled, _ = self.read(SEGMENTATION)
        return {name: self._region(labelled, name) for name in self.settings["regions"]}

    def remark(self, series: str, sentence: str) -> None:
        """Note once, for the first series, that features have no value."""
        if sentence not in [said for _, said in self.remarks]:
            self.remarks.append((series, sentence))

    def standardised(self, name: str) -> tuple[Values, Mask]:
        """Return a series on the grid, mean 0 and standard deviation 1 over its brain, and the mask of its content."""
        volume, inside = self.shown(name)
        values, shown = self.sampled(name, volume, inside)
        brain = volume.voxels[inside].astype(np.float64)
        brain = brain[np.isfinite(brain)]
        return (values - brain.mean()) / (brain.std() or 1.0), shown

    def _region(self, labelled: Volume, name: str) -> Mask:
        inside = labelled.voxels > 0 if name == "whole" else np.isin(labelled.voxels, REGIONS[name])
        mask = regular(Volume(inside, labelled.affine, labelled.places))
        return sample_mask(mask.voxels, mask.affine, self.grid)


def column_names(name: str, settings: dict[str, Any]) -> list[str]:
    """
    Return the names of the columns of a series: of each region its features, as mirp names them.

    Parameters
    ----------
    name, settings
        As for `make_input`.
    """
    regions = settings["regions"] if settings["around"] == SEGMENTATION else [BRAIN]
    features = shape_names() if name == SEGMENTATION else intensity_names()
    return [f"{region}_{feature}" for region in regions for feature in features]


def make_input(space: Space, name: str, settings: dict[str, Any]) -> tuple[list[npt.NDArray[Any]], list[int | None]]:
    """
    Compute the features of one series: of its intensities in each region, or of the shape of each region.

    Parameters
    ----------
    space : Space
        The patient's; it keeps the regions for the next series.
    name : str
        A modality, or ``segmentation`` for the shape of its regions.
    settings : dict
        ``around``: ``segmentation`` or ``brain``. ``regions``: names of those of the segmentation.
        ``spacing``: mm of the cubes that the series is resampled to. ``reference``, ``registration`` and
        ``skull_stripping``, as for the input ``grid``. ``bins`` and ``outliers``, as for `intensity_features`.

    Returns
    -------
    arrays : list of one ndarray, shape (2, columns)
        float64: the values of `column_names`, NaN where one is not defined (see ``remarks`` of the space), and 0 for
        numbers, as `gliobench.cohorts.features.read_features` returns them. Series with fewer columns end with absent
        ones, NaN in both.
    slice_indexes : list of one None
        As for every kind without slices.

    Raises
    ------
    NotCovered
        The series shows less than 80 % of the segmentation or the brain.
    SeriesError
        A series has no position in millimetres, or the two hardly overlap.
    """
    if name == SEGMENTATION:
        of_regions = _of_regions(space, name, space.regions, partial(shape_features, spacing=settings["spacing"]))
    else:
        scaled, shown = space.standardised(name)
        regions = {region: mask & shown for region, mask in space.regions.items()}
        ways = {key: settings[key] for key in ("spacing", "bins", "outliers")}
        of_regions = _of_regions(space, name, regions, partial(intensity_features, scaled, **ways))
    values = np.concatenate(list(of_regions))
    width = max(len(column_names(each, settings)) for each in (name, SEGMENTATION, settings["reference"]))
    padded = np.full((2, width), ABSENT)
    padded[0, : len(values)] = values
    padded[1, : len(values)] = NUMBER
    return [padded], [None]


def _of_regions(
    space: Space, name: str, regions: Mapping[str, Mask], features: Callable[[Mask], Values]
) -> Iterator[Values]:
    """Yield the features of each region, NaN for one that is too small; what has no value becomes a remark."""
    n_features = len(shape_names() if name == SEGMENTATION else intensity_names())
    for region, mask in regions.items():
        n_voxels = int(np.count_nonzero(space.regions[region]))
        values = features(mask) if np.count_nonzero(mask) >= FEWEST else np.full(n_features, np.nan)
        missing = int(np.count_nonzero(np.isnan(values)))
        if n_voxels < FEWEST:
            small = f"has {n_voxels} of the {FEWEST} voxels that features need" if n_voxels else "is empty"
            space.remark(name, f"region {region} {small}: it has no features. {FILLED}")
        elif missing:
            space.remark(name, f"region {region} in {name}: {missing} of {n_features} features have no value. {FILLED}")
        yield values
