"""Copies of a cohort with permuted labels: what a method reaches by chance."""

import numpy as np
import pandas as pd

from gliobench.cohorts.patients import whose
from gliobench.seeds import derive_seed

LABEL = ["label", "label_name"]


def permute_labels(patients: pd.DataFrame, seed: int) -> pd.DataFrame:
    """
    Permute the labels of a cohort's patients at random; everything else stays with them. Scans of one share a label.

    Parameters
    ----------
    patients : DataFrame
        As in the schema ``patients``.
    seed : int
        Base seed of the copy.

    Returns
    -------
    DataFrame
        The same patients in the same order, label and label_name permuted together; oracle_probability is
        empty, because it belonged to the true labels.
    """
    owners = whose(patients)
    first = ~owners.duplicated()
    order = np.random.default_rng(derive_seed(seed, "labels")).permutation(first.sum())
    permuted = patients.loc[first, LABEL].iloc[order].set_axis(owners[first]).loc[owners].set_axis(patients.index)
    return patients.assign(label=permuted["label"], label_name=permuted["label_name"], oracle_probability=np.nan)
