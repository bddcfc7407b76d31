"""Slices at the size an approach needs."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt


def resized(image: npt.NDArray[Any], rows: int, columns: int) -> npt.NDArray[np.float32]:
    """Resize a slice: the mean over each new pixel's area where it shrinks, bilinear where it grows."""
    shrinks = rows <= image.shape[0] and columns <= image.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image.astype(np.float32), (columns, rows), interpolation=way)
