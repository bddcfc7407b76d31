"""scikit-learn in trainings: threads, and methods without epochs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from gliobench.errors import GlioBenchError
from gliobench.training import Machine, OnEpoch, Part
from gliobench.training.scores import fitted_scores


def prepare(machine: Machine) -> str:
    """Limit the threads of linear algebra; the device is always ``cpu``."""
    threadpool_limits(machine.threads)
    return "cpu"


def no_weights(approach: str, weights: str) -> None:
    """Raise an error unless `weights` is ``none``: the approach has no initial weights."""
    if weights != "none":
        raise GlioBenchError(
            f"{approach}: `weights: {weights}` cannot be used: of the choices none, imagenet or a file, it accepts "
            "only `none`, because it has no initial weights; set `weights: none`."
        )


@contextmanager
def one_epoch(
    train: Part, validation: Part, predict: Callable[[npt.NDArray[Any]], np.ndarray], on_epoch: OnEpoch
) -> Iterator[None]:
    """
    Fit a method without epochs inside this block; its scores are then reported as those of epoch 1.

    Parameters
    ----------
    train, validation : Part
        The patients scored.
    predict : callable
        Returns the log odds of inputs from the fitted model.
    on_epoch : callable
        As `fit` of an approach is given it.
    """
    start = time.perf_counter()
    yield
    scores = fitted_scores({"": train, "validation_": validation}, predict)
    on_epoch(scores | {"epoch": 1, "seconds": time.perf_counter() - start})
