"""Copies of a cohort with permuted labels: what a method reaches by chance."""

import numpy as np
import pandas as pd

from gliobench.cohorts.owners import whose
from gliobench.seeds import derive_seed

LABEL = ["label", "label_name"]


def permute_labels(patients: pd.DataFrame, seed: int, within_sites: bool = False) -> pd.DataFrame:
    """
    Permute the labels of a cohort's patients at random; everything else stays with them. Scans of one share a label.

    Within sites, each known site keeps its labels, however small it is, and a patient of unknown site keeps its own:
    two of them may be of different hospitals.

    Parameters
    ----------
    patients : DataFrame
        As in the schema ``patients``.
    seed : int
        Base seed of the copy.
    within_sites : bool
        Whether labels are exchanged among patients of one known site only.

    Returns
    -------
    DataFrame
        The same patients in the same order, label and label_name permuted together; oracle_probability is
        empty, because it belonged to the true labels.
    """
    owners = whose(patients)
    first = ~owners.duplicated()
    rng = np.random.default_rng(derive_seed(seed, "labels"))
    drawn = patients[first]
    order = _order_within_sites(drawn["site"], rng) if within_sites else rng.permutation(len(drawn))
    permuted = drawn[LABEL].iloc[order].set_axis(owners[first]).loc[owners].set_axis(patients.index)
    return patients.assign(label=permuted["label"], label_name=permuted["label_name"], oracle_probability=np.nan)


def _order_within_sites(sites: pd.Series, rng: np.random.Generator) -> np.ndarray:
    order = np.arange(len(sites))
    for members in sites.reset_index(drop=True).groupby(sites.to_numpy()).groups.values():
        order[members] = rng.permutation(members)
    return order
