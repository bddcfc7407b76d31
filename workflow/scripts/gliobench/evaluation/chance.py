"""One-sided p from trainings on permuted labels."""

import numpy as np
from numpy.typing import ArrayLike

from gliobench.evaluation.columns import ROUNDING


def permutation_p(observed: float, permuted_aucs: ArrayLike) -> tuple[float, int]:
    """
    One-sided p, (1 + b) / (B + 1): b of B permutations reach the observed score (Phipson and Smyth 2010).

    Parameters
    ----------
    observed : float
        Score of the true labels.
    permuted_aucs : array-like of float, shape (B,)
        Score of each permutation; those that are not numbers do not count.

    Returns
    -------
    float
        At least 1 / (B + 1); not a number without an observed score or a permutation.
    int
        B.
    """
    defined = np.asarray(permuted_aucs, dtype=float)
    defined = defined[~np.isnan(defined)]
    if np.isnan(observed) or not len(defined):
        return float("nan"), len(defined)
    reached = int((defined >= observed - ROUNDING).sum())
    return (1 + reached) / (1 + len(defined)), len(defined)
