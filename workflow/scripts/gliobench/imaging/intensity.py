"""Intensity scales."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
STRIPPED_SHARE = 0.25  # of a volume; a tightly cropped brain fills pi/6 of its box
OUTLIERS = (0.5, 99.5)  # percentiles


def minmax(volume: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """
    Scale a volume so that its smallest finite value becomes 0 and its largest 1.

    Parameters
    ----------
    volume : numpy.ndarray
        Any shape, integers or floats.

    Returns
    -------
    numpy.ndarray
        float32 in [0, 1], same shape; zeros if the volume is constant or holds no finite value. Non-finite voxels
        become 0 (NaN, minus infinity) or 1 (infinity).
    """
    finite = np.isfinite(volume)
    if not finite.any():
        return np.zeros(volume.shape, np.float32)
    everywhere = finite.all()
    low = float(volume.min() if everywhere else volume[finite].min())
    high = float(volume.max() if everywhere else volume[finite].max())
    if low == high:
        return np.zeros(volume.shape, np.float32)
    if np.isinf(high - low):  # the range is larger than the largest float64
        volume, low, high = volume / 2, low / 2, high / 2
    scaled = ((volume - np.float64(low)) / (high - low)).astype(np.float32)
    return np.clip(np.nan_to_num(scaled, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)


def background(voxels: npt.NDArray[Any]) -> float | None:
    """
    Return the value outside the brain of a skull-stripped series, or None for a series that is not stripped.

    A series counts as stripped if the most frequent value of its eight corner voxels fills at least a quarter of the
    volume: air around a head is noise, stripping leaves one exact value. (A head with air set to one value counts too.)
    """
    values, counts = np.unique(voxels[np.ix_([0, -1], [0, -1], [0, -1])], return_counts=True)
    value = values[counts.argmax()]
    share = np.count_nonzero(voxels == value) / voxels.size
    return float(value) if share >= STRIPPED_SHARE else None


def foreground(voxels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return the mask of voxels that differ from the background of a stripped series, else of those above the mean."""
    value = background(voxels)
    return voxels > voxels.mean() if value is None else voxels != value


def standardise(values: npt.NDArray[Any], inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """
    Scale values to mean 0 and standard deviation 1 over a mask; 0 outside it, and everywhere if they are constant.

    Values are finite and of any shape, the mask of the same.
    """
    return _scaled(values, inside, lambda chosen: (chosen - chosen.mean()) / (chosen.std() or 1.0))


def rescale(values: npt.NDArray[Any], inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """
    Scale values to [0, 1] by their 0.5th and 99.5th percentile over a mask, clipped beyond; 0 outside it.

    Values and mask as for `standardise`.
    """

    def between(chosen: Floats) -> Floats:
        low, high = np.percentile(chosen, OUTLIERS)
        return np.clip((chosen - low) / ((high - low) or 1.0), 0, 1)

    return _scaled(values, inside, between)


def _scaled(
    values: npt.NDArray[Any], inside: npt.NDArray[np.bool_], scale: Callable[[Floats], Floats]
) -> npt.NDArray[np.float32]:
    made = np.zeros(values.shape, np.float32)
    if inside.any():
        made[inside] = scale(values[inside].astype(np.float64))
    return made
