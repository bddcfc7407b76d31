"""The tabular input: a patient's row in the tables of a group of features."""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from gliobench.imaging.facts import SeriesFacts


def needs(name: str, settings: dict[str, Any]) -> list[str]:
    """Return the names of the groups that the input of group `name` is made from."""
    return [name]


def make_input(
    read: Callable[[str], tuple[Any, SeriesFacts]], name: str, settings: dict[str, Any]
) -> tuple[list[npt.NDArray[Any]], list[int | None]]:
    """Return the values and kinds of one group, as `gliobench.cohorts.features.read_features` reads them."""
    return [read(name)[0]], [None]
