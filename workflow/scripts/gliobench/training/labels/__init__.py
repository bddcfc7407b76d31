"""The labels that a job trains on, by their kind: the cohort's own, permuted, or drawn from a measured quantity."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gliobench.files import check_table, read_table
from gliobench.splits import split_or_reason
from gliobench.terms import copy_number


@dataclass(frozen=True)
class Labelled:
    """
    The patients of a cohort or of a copy with other labels, split.

    Attributes
    ----------
    cohort : str
        Name of the cohort or copy.
    seed : int
        Its base seed.
    patients, split : DataFrame
        As in the schemas of these names.
    """

    cohort: str
    seed: int
    patients: pd.DataFrame
    split: pd.DataFrame

    @property
    def copy(self) -> int | None:
        """The number of the copy; None for a cohort, and for a copy that is the only one of its kind."""
        return copy_number(self.cohort)


def drawn(
    relabel: Callable[[pd.DataFrame, int], pd.DataFrame], given: Any, asked: Mapping[str, Any]
) -> Iterator[Labelled]:
    """
    Yield copies of a cohort with other labels, each with a split of its own.

    Parameters
    ----------
    relabel : callable
        Returns the patients with other labels, from the cohort's own and the seed of a copy.
    given : object
        Paths ``patients`` and ``series`` of the cohort.
    asked : mapping
        ``seeds``: base seed of each copy by its name; ``scheme``: settings of the split scheme.
    """
    own, series = read_table(given.patients, "patients"), read_table(given.series, "series")
    for name, seed in asked["seeds"].items():
        patients = check_table(relabel(own, seed), "patients", name)
        split = split_or_reason(patients, series, asked["scheme"], seed)
        yield Labelled(name, seed, patients, check_table(split, "split", name))
