"""Intensity scales."""

from typing import Any

import numpy as np
import numpy.typing as npt


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
        float32 in [0, 1], same shape; zeros where the volume is constant or holds no finite value. Non-finite voxels
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
    scaled = ((volume - np.float64(low)) / (high - low)).astype(np.float32)
    return np.clip(np.nan_to_num(scaled, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
