"""Intervals by Student's t, over independent cohorts or other independent values."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from gliobench.evaluation.bootstrap import CONFIDENCE
from gliobench.evaluation.columns import ROUNDING


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval over `n` values; the ends are not numbers if n is below 2."""

    mean: float
    low: float
    high: float
    n: int

    def bounded(self) -> "Interval":
        """Return the interval of a score between 0 and 1, with its ends there."""
        low, high = (float(np.clip(end, 0, 1)) for end in (self.low, self.high))
        return replace(self, low=low, high=high)


def t_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """
    Mean of independent values with Student's t interval.

    Parameters
    ----------
    values : array-like, shape (n,)
        One value per independent cohort; those that are not numbers are left out. A single value, or equal values,
        have no interval: agreeing by chance does not make them more certain.
    confidence : float
        Of the interval, 0 to 1.
    """
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[~np.isnan(numbers)]
    mean = float(numbers.mean()) if len(numbers) else float("nan")
    if len(numbers) < 2 or np.ptp(numbers) < ROUNDING:
        return Interval(mean, float("nan"), float("nan"), len(numbers))
    half = stats.t.ppf((1 + confidence) / 2, len(numbers) - 1) * stats.sem(numbers)
    return Interval(mean, mean - float(half), mean + float(half), len(numbers))


def interval_of_aucs(aucs: ArrayLike) -> Interval:
    """Return the t interval within 0 to 1; of several that are the same, as perfect ones are, that value."""
    found = t_interval(aucs).bounded()
    alike = found.n > 1 and np.isnan(found.low)
    return replace(found, low=found.mean, high=found.mean) if alike else found


def paired_t_interval(first: ArrayLike, second: ArrayLike) -> Interval:
    """Mean of `first` minus `second`, value by value, with its 95 % t interval."""
    return t_interval(np.asarray(first, dtype=float) - np.asarray(second, dtype=float))
