"""Shared code of approaches: devices, seeds, the loop over folds."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

OnEpoch = Callable[[dict[str, float]], None]


class Diverged(Exception):
    """The loss of a training became NaN or infinite."""


def first_line(error: Exception) -> str:
    """Describe an error of a framework in one line of at most 200 characters."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


@dataclass(frozen=True)
class Machine:
    """
    Resources of the machine for a training.

    Attributes
    ----------
    threads : int
        Threads per operation. Results on CPU repeat to the byte for the same number.
    device : {"auto", "cpu", "cuda"}
        ``auto`` uses a GPU if there is one.
    deterministic : bool
        Exact repeats on a GPU too, at the cost of speed; results on CPU always repeat.
    """

    threads: int = 1
    device: str = "auto"
    deterministic: bool = False


def keras_backend() -> str | None:
    """Return the backend of Keras in this process, or None if it is not loaded; nothing is loaded for this."""
    keras = sys.modules.get("keras")
    return keras.backend.backend() if keras else None


@dataclass(frozen=True)
class Part:
    """
    The patients of one role in a fold, or their slices.

    Attributes
    ----------
    inputs : ndarray
        Shape (n, ...).
    labels : ndarray
        Shape (n,), 0 or 1.
    patient_ids : ndarray
        Shape (n,), text; slices of one patient share its id.
    """

    inputs: np.ndarray
    labels: np.ndarray
    patient_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)
