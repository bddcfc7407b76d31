"""What approaches share: devices, seeds, the loop over folds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

OnEpoch = Callable[[dict[str, float]], None]


class Diverged(Exception):
    """The loss of a training is no longer a number."""


@dataclass(frozen=True)
class Part:
    """
    The patients of one role in a fold.

    Attributes
    ----------
    inputs : ndarray
        Shape (n, ...).
    labels : ndarray
        Shape (n,), 0 or 1.
    patient_ids : ndarray
        Shape (n,), text.
    """

    inputs: np.ndarray
    labels: np.ndarray
    patient_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)
