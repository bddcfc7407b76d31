"""The baselines' input: header values of a series, and simple statistics of its intensities."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.intensity import foreground, minmax
from gliobench.terms import INTENSITY_STATISTICS

PLANES = ("axial", "coronal", "sagittal")
PERCENTILES = (5, 25, 50, 75, 95)  # as in INTENSITY
NUMBERS = ("n_slices", "rows", "columns", "spacing", "slice_spacing")
CATEGORICAL = ("plane", "manufacturer")  # codes: place in PLANES; CRC-32 of the text
HEADER = NUMBERS + CATEGORICAL
INTENSITY = INTENSITY_STATISTICS


def make_input(
    read: Callable[[str], tuple[Any, SeriesFacts]], name: str, settings: dict[str, Any]
) -> tuple[list[npt.NDArray[Any]], list[int | None]]:
    """Make the facts of one series: float64, in the order of ``HEADER`` and then ``INTENSITY``."""
    volume, facts = read(name)
    return [np.array(header_facts(facts) + intensity_facts(volume.voxels))], [None]


def header_facts(facts: SeriesFacts) -> list[float]:
    """Return the values of ``HEADER``, NaN where unknown; distances in mm."""
    numbers = [getattr(facts, name) for name in NUMBERS]
    plane = PLANES.index(facts.plane) if facts.plane else None
    manufacturer = zlib.crc32(facts.manufacturer.encode()) if facts.manufacturer else None
    return [np.nan if value is None else float(value) for value in [*numbers, plane, manufacturer]]


def intensity_facts(voxels: npt.NDArray[Any]) -> list[float]:
    """
    Return the values of ``INTENSITY``: statistics of the foreground in units of the series' range, 0 if there is none.

    Parameters
    ----------
    voxels : numpy.ndarray, shape (slices, rows, columns)
        A series; see `foreground` for which of its voxels count.
    """
    inside = foreground(voxels)
    if not inside.any():
        return [0.0] * len(INTENSITY)
    ends = [np.nanmin(voxels), np.nanmax(voxels)]  # the range of the whole series, background included
    values = minmax(np.append(ends, voxels[inside]))[2:].astype(np.float64)
    mean, sd = values.mean(), values.std()
    around = (values - mean) / (sd or 1.0)
    skewness = (around * around * around).mean()
    percentiles = np.percentile(values, PERCENTILES)
    return [float(value) for value in (mean, sd, skewness, *percentiles, inside.mean())]
