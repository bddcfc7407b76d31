"""Mosaics: images whose tiles are the slices of a volume."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 16  # tiles per side
SMALLEST = 16  # pixels per side of a tile
ALIKE = 0.7  # mean correlation of neighbouring tiles; the quarters of one head reach 0.4 or less


def is_tile_sheet(images: npt.NDArray[Any]) -> bool:
    """
    Whether images look like sheets of tiles: cut into n x n parts, each part resembles the next.

    Neighbouring slices of a head resemble each other; neighbouring parts of a single slice do not.

    Parameters
    ----------
    images : numpy.ndarray, shape (images, rows, columns)
        Only the middle one is checked.
    """
    image = images[len(images) // 2].astype(np.float64)
    possible = [n for n in range(2, MOST + 1) if all(side % n == 0 and side // n >= SMALLEST for side in image.shape)]
    return any(_likeness(image, n) >= ALIKE for n in possible)


def _likeness(image: npt.NDArray[np.float64], n: int) -> float:
    """Return the mean correlation of tiles that follow one another line by line; blank ones do not count."""
    rows, columns = (side // n for side in image.shape)
    tiles = image.reshape(n, rows, n, columns).swapaxes(1, 2).reshape(n * n, rows * columns)
    filled = [tile for tile in tiles if tile.std() > 0]
    found = [np.corrcoef(first, second)[0, 1] for first, second in pairwise(filled)]
    return float(np.mean(found)) if len(found) > 1 else 0.0
