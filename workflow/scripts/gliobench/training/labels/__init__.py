"""The labels that a job trains on, by their kind: the cohort's own, permuted, or drawn from a measured quantity."""

from dataclasses import dataclass

import pandas as pd

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
