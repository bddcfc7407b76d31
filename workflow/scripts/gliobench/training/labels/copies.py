"""Copies of a cohort with other labels, each with a split of its own."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from gliobench.files import check_table, read_table
from gliobench.splits import split_or_reason
from gliobench.training.labels import Labelled


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
