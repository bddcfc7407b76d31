"""Intervals: by patient for one cell, and by Student's t over independent cohorts."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from gliobench.evaluation.columns import METRICS
from gliobench.evaluation.metrics import Sample, confusion, score, unit_weights

CONFIDENCE = 0.95
RESAMPLES = 10_000
BATCH = 1_000  # resamples scored at once: keeps the weights of 585 patients below 10 MB


Ends = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval over `n` values; the ends are not numbers where n is below 2."""

    mean: float
    low: float
    high: float
    n: int


def patient_intervals(sample: Sample, seed: int, resamples: int = RESAMPLES) -> tuple[Ends, str]:
    """
    Intervals of 95 % for every score of a sample, by resampling its patients within label.

    A drawn patient brings the scores of all its repeats and seeds. The interval is the bias-corrected and
    accelerated bootstrap (Efron 1987). Where that is undefined, for example for a score that no resample moves, it
    is Wilson's for a proportion of a single round, the exact one-sided bound for an AUC of 1 or 0, else empty.

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
        Lower and upper end a metric, not numbers where undefined.
    str
        The method, in words.
    """
    values = dict(zip(METRICS, score(sample, *unit_weights(sample)).tolist(), strict=True))
    ends = dict(zip(METRICS, map(tuple, _bca(sample, seed, resamples).tolist()), strict=True))
    empty = [name for name in METRICS if np.isnan(ends[name]).any() and not np.isnan(values[name])]
    wilson = {name: pair for name, pair in _wilson(sample).items() if name in empty}
    exact = {name: pair for name, pair in _auc_bound(sample, values["auc"]).items() if name in empty}
    methods = {"Wilson": wilson, "exact one-sided bound": exact}
    methods["undefined"] = {name: ends[name] for name in empty if name not in wilson | exact}
    return ends | wilson | exact, _in_words(resamples, methods)


def _in_words(resamples: int, others: dict[str, Ends]) -> str:
    words = [f"BCa bootstrap by patient within label, {resamples:,} resamples, conditional on the fitted models"]
    return "; ".join(words + [f"{method} for {', '.join(ends)}" for method, ends in others.items() if ends])


def _bca(sample: Sample, seed: int, resamples: int) -> np.ndarray:
    """Return the interval of every metric, shape (len(METRICS), 2)."""
    sizes = len(sample.positive.patients), len(sample.negative.patients)
    if min(sizes) < 2:
        return np.full((len(METRICS), 2), np.nan)

    def statistic(positive: np.ndarray, negative: np.ndarray, axis: int = -1) -> np.ndarray:
        return score(sample, _weights(positive, sizes[0]), _weights(negative, sizes[1]))

    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        # An undefined or constant score gives an undefined interval, which is what we report.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        result = stats.bootstrap(
            tuple(np.arange(size) for size in sizes),
            statistic,
            vectorized=True,
            n_resamples=resamples,
            batch=BATCH,
            confidence_level=CONFIDENCE,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    ends = np.stack(result.confidence_interval, axis=-1)
    # Rounding can hide from scipy that a score is the same in every resample; its interval then has no width.
    ends[np.isclose(ends[:, 0], ends[:, 1], rtol=0, atol=1e-12)] = np.nan
    return ends


def _weights(drawn: np.ndarray, size: int) -> np.ndarray:
    """Count how often each of `size` patients was drawn: (..., draws) -> (..., size)."""
    rows = drawn.reshape(-1, drawn.shape[-1])
    offset = np.arange(len(rows))[:, None] * size
    counts = np.bincount((rows + offset).ravel(), minlength=len(rows) * size)
    return counts.reshape(*drawn.shape[:-1], size).astype(float)


def _wilson(sample: Sample) -> Ends:
    """Wilson's interval for the scores that are plain proportions: one round, each patient in it once."""
    if sample.n_rounds > 1 or not _scored_once(sample):
        return {}
    hits, misses, alarms, rejections = (int(count[0]) for count in confusion(sample, *unit_weights(sample)))
    proportions = {
        "accuracy": (hits + rejections, hits + misses + alarms + rejections),
        "precision": (hits, hits + alarms),
        "recall": (hits, hits + misses),
        "specificity": (rejections, rejections + alarms),
    }
    return {name: _wilson_ends(count, total) for name, (count, total) in proportions.items() if total > 0}


def _wilson_ends(count: int, total: int) -> tuple[float, float]:
    ends = stats.binomtest(count, total).proportion_ci(CONFIDENCE, method="wilson")
    return float(ends.low), float(ends.high)


def _auc_bound(sample: Sample, auc: float) -> Ends:
    """
    Exact bound for an AUC of 1 or 0, from pairs of patients that share no patient.

    A round of `pairs` such pairs, each won with probability AUC, is won throughout with probability AUC ** pairs.
    """
    if auc not in (0, 1) or not _scored_once(sample):
        return {}
    first = (run for run in sample.runs if run.round == 0)
    pairs = sum(min(len(run.positive), len(run.negative)) for run in first)
    bound = (1 - CONFIDENCE) ** (1 / pairs)
    return {"auc": (bound, 1.0) if auc == 1 else (0.0, 1 - bound)}


def _scored_once(sample: Sample) -> bool:
    """Whether no round scores a patient twice, so that its patients are independent."""
    return max(sample.positive.scores.max(), sample.negative.scores.max()) <= 1


def t_interval(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """
    Mean of independent values with its interval by Student's t.

    Parameters
    ----------
    values : array-like, shape (n,)
        One value an independent cohort; those that are not numbers are left out.
    confidence : float
        Of the interval, 0 to 1.
    """
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[~np.isnan(numbers)]
    if len(numbers) < 2:
        mean = float(numbers[0]) if len(numbers) else float("nan")
        return Interval(mean, float("nan"), float("nan"), len(numbers))
    half = stats.t.ppf((1 + confidence) / 2, len(numbers) - 1) * stats.sem(numbers)
    mean = float(numbers.mean())
    return Interval(mean, mean - float(half), mean + float(half), len(numbers))


def paired_t_interval(first: ArrayLike, second: ArrayLike) -> Interval:
    """Mean of `first` minus `second`, value by value, with its 95 % interval by Student's t."""
    return t_interval(np.asarray(first, dtype=float) - np.asarray(second, dtype=float))
