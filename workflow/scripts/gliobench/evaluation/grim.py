"""
Which numbers of patients could have given a printed proportion.

GRIM, "granularity-related inconsistency of means" (Brown and Heathers, Social Psychological and Personality Science
2017): of n patients a proportion is k/n, so few proportions of two to four decimals are possible. Documents round or
truncate; both count as possible.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

POSITIVE, NEGATIVE, MACRO = "positive class", "negative class", "macro"
TOLERANCE = 1e-9  # of floating point; the distance of k/n from a limit of rounding is larger

Counts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def prints(values: ArrayLike, printed: float, decimals: int) -> np.ndarray:
    """
    Whether numbers, rounded (halves either way) or truncated, print as a figure.

    Parameters
    ----------
    values : array-like
        The exact numbers.
    printed : float
        The figure.
    decimals : int
        How many decimals are printed.
    """
    exact, unit = np.asarray(values, float), 10.0**-decimals
    rounded = np.abs(exact - printed) <= unit / 2 + TOLERANCE
    truncated = (exact >= printed - TOLERANCE) & (exact < printed + unit - TOLERANCE)
    return rounded | truncated


def counts_of(printed: float, decimals: int, n: int) -> list[int]:
    """Return every k for which k/n prints as the figure."""
    return np.flatnonzero(prints(np.arange(n + 1) / n, printed, decimals)).tolist()


def sizes_of(shares: Sequence[float], total: int) -> list[int]:
    """Return every n within 1 of a share of the total, whichever way the share itself was rounded."""
    near = {n for share in shares for n in range(int(share * total) - 1, int(np.ceil(share * total)) + 2)}
    return sorted(n for n in near if n > 0)


def class_score(metric: str, averaging: str, counts: Counts) -> np.ndarray:
    """
    Precision, recall or F1 of confusion tables; one whose denominator is 0 counts as 0, as in scikit-learn.

    Parameters
    ----------
    metric : str
        ``precision``, ``recall`` or ``f1``.
    averaging : str
        `POSITIVE`, `NEGATIVE` or `MACRO`, the plain mean of both classes.
    counts : (hits, misses, alarms, rejections)
        True positives, false negatives, false positives and true negatives, of one shape.

    Returns
    -------
    numpy.ndarray
        Of that shape, 0 to 1.
    """
    hits, misses, alarms, rejections = counts
    if averaging == MACRO:
        return (class_score(metric, POSITIVE, counts) + class_score(metric, NEGATIVE, counts)) / 2
    if averaging == NEGATIVE:
        return class_score(metric, POSITIVE, (rejections, alarms, misses, hits))
    above, below = {
        "precision": (hits, hits + alarms),
        "recall": (hits, hits + misses),
        "f1": (2 * hits, 2 * hits + misses + alarms),
    }[metric]
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=np.asarray(below) > 0)


def tables_of(metric: str, averaging: str, printed: float, decimals: int, n_positive: int, n_negative: int) -> int:
    """Count the confusion tables of so many patients of each label whose score prints as the figure."""
    hits, rejections = np.meshgrid(np.arange(n_positive + 1), np.arange(n_negative + 1), indexing="ij")
    counts = hits, n_positive - hits, n_negative - rejections, rejections
    return int(prints(class_score(metric, averaging, counts), printed, decimals).sum())
