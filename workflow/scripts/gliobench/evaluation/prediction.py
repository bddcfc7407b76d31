"""
Where the figure of one more study is to be expected: over our own repeats, or by prediction from our interval.

Both answer the same question: if the paper had done what we did, which figures could it have printed?
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import expit, logit

from gliobench.evaluation.grim import MACRO, NEGATIVE, POSITIVE, class_score

CONFIDENCE = 0.95
DRAWS = 20_000
EDGE = 0.001  # an end of 0 or 1 has no logit: it is moved in by this much
POWER = 2.8  # standard deviations of a difference that a 95 % interval finds with a power of 80 %: 1.96 + 0.84
BLOCK = 2_000_000  # numbers drawn at once


@dataclass(frozen=True)
class Expected:
    """
    Figures to be expected of one more study.

    Attributes
    ----------
    low, high : float
        Ends of the 95 % interval.
    sd : float
        Standard deviation of such a figure.
    """

    low: float
    high: float
    sd: float

    @property
    def detectable(self) -> float:
        """How far off a figure must be for the interval to leave it out with a power of 80 %."""
        return POWER * self.sd


@dataclass(frozen=True)
class Ours:
    """Our score: the ends of its 95 % interval, 0 to 1, and the standard deviation between trainings."""

    low: float
    high: float
    sd_trainings: float


def over_repeats(values: ArrayLike) -> Expected:
    """
    Interval for one more repeat: mean +- t(R - 1) s sqrt(1 + 1/R), for normal repeats that are independent.

    Parameters
    ----------
    values : array-like, shape (R,)
        One score per repeat, R at least 2.
    """
    scores = np.asarray(values, float)
    sd = float(scores.std(ddof=1) * np.sqrt(1 + 1 / len(scores)))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(scores) - 1)) * sd
    return Expected(float(scores.mean() - half), float(scores.mean() + half), sd)


def by_prediction(
    metric: str,
    ours: Mapping[str, Ours],
    n: int,
    n_positive: int | None,
    decimals: int,
    seed: int,
    averaging: str = POSITIVE,
    draws: int = DRAWS,
) -> Expected:
    """
    Interval for the figure of one more training, scored on a test set of other patients.

    Each draw takes a true score from our interval, moves it by what trainings differ, scores a test set of the
    paper's size, and rounds as printed.

    Parameters
    ----------
    metric : str
        ``accuracy``, ``auc``, ``recall``, ``specificity``, ``precision`` or ``f1``.
    ours : dict of str to Ours
        Our scores by name: for precision and F1 recall and specificity, otherwise the metric itself.
    n : int
        Patients of the paper's test set.
    n_positive : int or None
        Of them with label 1; not needed for accuracy.
    decimals : int
        How many decimals are printed.
    seed : int
        Seed of the draws.
    averaging : str
        Of precision, recall and F1: as in `gliobench.evaluation.grim.class_score`.
    draws : int
        Number of figures drawn.

    Returns
    -------
    Expected
        From the 2.5 % and 97.5 % quantiles of the printed figures.
    """
    rng = np.random.default_rng(seed)
    truth = {name: _draw_truth(ours[name], draws, rng) for name in needed(metric, averaging)}
    printed = np.round(_draw_figures(metric, averaging, truth, n, n_positive, rng), decimals)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(printed, [tail, 1 - tail], method="inverted_cdf")
    return Expected(float(low), float(high), float(printed.std()))


def needed(metric: str, averaging: str) -> tuple[str, ...]:
    """Name our scores that the prediction of a figure is made from."""
    if metric in ("precision", "f1") or averaging == MACRO:
        return ("recall", "specificity")
    if averaging == NEGATIVE:
        return ("specificity",)
    return (metric,)


def _draw_figures(
    metric: str,
    averaging: str,
    truth: Mapping[str, np.ndarray],
    n: int,
    n_positive: int | None,
    rng: np.random.Generator,
) -> np.ndarray:
    """Score one test set for each true score."""
    if metric == "accuracy":
        return rng.binomial(n, truth["accuracy"]) / n
    if n_positive is None:
        raise ValueError(f"{metric} needs the number of positive patients")
    positives, negatives = n_positive, n - n_positive
    if metric == "auc":
        return _draw_aucs(truth["auc"], positives, negatives, rng)
    if set(truth) == {"recall"}:
        return rng.binomial(positives, truth["recall"]) / positives
    if set(truth) == {"specificity"}:
        return rng.binomial(negatives, truth["specificity"]) / negatives
    hits, rejections = rng.binomial(positives, truth["recall"]), rng.binomial(negatives, truth["specificity"])
    return class_score(metric, averaging, (hits, positives - hits, negatives - rejections, rejections))


def _draw_truth(ours: Ours, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw true scores of single trainings: normal on the logit scale, then the difference of a training."""
    low, high = logit(np.clip([ours.low, ours.high], EDGE, 1 - EDGE))
    spread = (high - low) / (2 * stats.norm.ppf((1 + CONFIDENCE) / 2))
    expected = expit(rng.normal((low + high) / 2, spread, draws))
    return np.clip(expected + rng.normal(0, ours.sd_trainings, draws), 0, 1)


def _draw_aucs(truth: np.ndarray, n_positive: int, n_negative: int, rng: np.random.Generator) -> np.ndarray:
    """AUCs of test sets: normal scores of equal variance, so far apart that the population's AUC is the true one."""
    apart = np.sqrt(2) * stats.norm.ppf(np.clip(truth, EDGE, 1 - EDGE))
    n = n_positive + n_negative
    aucs = []
    for block in np.array_split(apart, -(-len(apart) * n // BLOCK)):
        scores = rng.standard_normal((len(block), n))
        scores[:, :n_positive] += block[:, None]
        ranks = stats.rankdata(scores, axis=1)[:, :n_positive].sum(axis=1)
        aucs.append((ranks - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))
    return np.concatenate(aucs)
