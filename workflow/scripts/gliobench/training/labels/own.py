"""The labels of a cohort's table of patients."""

from collections.abc import Iterator, Mapping
from typing import Any

from gliobench.files import read_table
from gliobench.training.labels import Labelled


def labelled(given: Any, asked: Mapping[str, Any]) -> Iterator[Labelled]:
    """
    Yield the cohort.

    Parameters
    ----------
    given : object
        Paths ``patients`` and ``split``.
    asked : mapping
        ``seeds``: the cohort's base seed by its name.
    """
    for name, seed in asked["seeds"].items():
        yield Labelled(name, seed, read_table(given.patients, "patients"), read_table(given.split, "split"))
