"""Intervals: by patient for one cell, and by Student's t over independent cohorts."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from gliobench.evaluation.bootstrap import CONFIDENCE, RESAMPLES, ROUNDING, bca_intervals, resample
from gliobench.evaluation.columns import METRICS, UNDEFINED
from gliobench.evaluation.delong import logit_interval
from gliobench.evaluation.metrics import Sample, confusion, score, unit_weights

# So near to 0 or 1 the bootstrap is replaced: measured by perf/coverage.py, described in docs/method.md.
EDGE_OF_PROPORTION = 5
EDGE_OF_AUC = 3

Ends = dict[str, tuple[float, float]]
Methods = dict[str, list[str]]


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval over `n` values; the ends are not numbers if n is below 2."""

    mean: float
    low: float
    high: float
    n: int


def patient_intervals(sample: Sample, seed: int, resamples: int = RESAMPLES) -> tuple[Ends, Methods]:
    """
    95 % intervals for every score of a sample, by resampling its patients within label.

    A drawn patient brings its scores from all repeats and seeds. The interval is the bias-corrected and accelerated
    bootstrap (Efron 1987), except near 0 and 1, where the bootstrap is unreliable:

    - A proportion (accuracy, precision, recall, specificity) of a single round with fewer than `EDGE_OF_PROPORTION`
      patients on one side has Wilson's interval; so does one with an undefined bootstrap.
    - An AUC with ``min(AUC, 1 - AUC)`` times the patients of the rarer label below `EDGE_OF_AUC` has DeLong's
      interval on the logit scale; an AUC of 1 or 0 has an exact one-sided bound.

    If none of these is defined, for example because no resample changes the score, there is no interval.

    Parameters
    ----------
    sample : Sample
        The predictions.
    seed : int
        Seed of the resampling.
    resamples : int
        Number of resamples, at least 1.

    Returns
    -------
    dict of str to (float, float)
        Lower and upper end for each metric, not numbers if undefined.
    dict of str to list of str
        The methods, each with the scores that it was used for; the first, the bootstrap, made all others.
    """
    values = dict(zip(METRICS, score(sample, *unit_weights(sample)).tolist(), strict=True))
    ends = _bca(sample, seed, resamples)
    methods = {
        "Wilson": _wilson(sample, unmoved=[name for name in METRICS if np.isnan(ends[name]).any()]),
        "exact one-sided bound": _auc_bound(sample, values["auc"]),
        "logit DeLong": _auc_near_edge(sample, values["auc"]),
    }
    for special in methods.values():
        ends |= special
    methods[UNDEFINED] = {
        name: pair for name, pair in ends.items() if np.isnan(pair).any() and not np.isnan(values[name])
    }
    bootstrap = f"BCa bootstrap by patient within label, {resamples:,} resamples, conditional on the fitted models"
    return ends, {bootstrap: []} | {method: list(special) for method, special in methods.items() if special}


def methods_in_words(methods: Methods) -> str:
    """Say how intervals were made, from the methods of `patient_intervals`."""
    return "; ".join(f"{method} for {', '.join(scores)}" if scores else method for method, scores in methods.items())


def _bca(sample: Sample, seed: int, resamples: int) -> Ends:
    sizes = len(sample.positive.patients), len(sample.negative.patients)
    if min(sizes) < 2:
        return dict.fromkeys(METRICS, (float("nan"), float("nan")))
    resampled = resample(lambda *weights: score(sample, *weights), sizes, seed, resamples)
    return dict(zip(METRICS, map(tuple, bca_intervals(resampled).tolist()), strict=True))


def _wilson(sample: Sample, unmoved: Collection[str]) -> Ends:
    """Wilson's interval for plain proportions (one round, each patient once), near 0 and 1 or if unmoved."""
    if sample.n_rounds > 1 or not _scored_once(sample):
        return {}
    hits, misses, alarms, rejections = (int(count[0]) for count in confusion(sample, *unit_weights(sample)))
    proportions = {
        "accuracy": (hits + rejections, hits + misses + alarms + rejections),
        "precision": (hits, hits + alarms),
        "recall": (hits, hits + misses),
        "specificity": (rejections, rejections + alarms),
    }
    return {
        name: _wilson_ends(count, total)
        for name, (count, total) in proportions.items()
        if total > 0 and (name in unmoved or min(count, total - count) < EDGE_OF_PROPORTION)
    }


def _wilson_ends(count: int, total: int) -> tuple[float, float]:
    ends = stats.binomtest(count, total).proportion_ci(CONFIDENCE, method="wilson")
    return float(ends.low), float(ends.high)


def _auc_bound(sample: Sample, auc: float) -> Ends:
    """
    Exact bound for an AUC of 1 or 0, from pairs that share no patient.

    If each of `pairs` such pairs is won with probability AUC, all are won with probability AUC ** pairs.
    """
    if auc not in (0, 1) or not _scored_once(sample):
        return {}
    first = (run for run in sample.runs if run.round == 0)
    pairs = sum(min(len(run.positive), len(run.negative)) for run in first)
    bound = (1 - CONFIDENCE) ** (1 / pairs)
    return {"auc": (bound, 1.0) if auc == 1 else (0.0, 1 - bound)}


def _auc_near_edge(sample: Sample, auc: float) -> Ends:
    smaller = min(len(sample.positive.patients), len(sample.negative.patients))
    if auc in (0, 1) or smaller < 2 or not min(auc, 1 - auc) * smaller < EDGE_OF_AUC:
        return {}
    return {"auc": logit_interval(sample)}


def _scored_once(sample: Sample) -> bool:
    """Whether no round scores a patient twice, so that its patients are independent."""
    return max(side.scores.max(initial=0) for side in (sample.positive, sample.negative)) <= 1


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


def paired_t_interval(first: ArrayLike, second: ArrayLike) -> Interval:
    """Mean of `first` minus `second`, value by value, with its 95 % t interval."""
    return t_interval(np.asarray(first, dtype=float) - np.asarray(second, dtype=float))
