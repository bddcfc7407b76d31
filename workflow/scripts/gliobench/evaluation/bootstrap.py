"""Bootstrap of patients within label, for many scores at once: intervals by BCa (Efron 1987)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from gliobench.evaluation.columns import ROUNDING

CONFIDENCE = 0.95
BATCH = 1_000  # resamples scored at once: keeps the weights of 585 patients below 10 MB

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Resampled:
    """
    Scores of a sample and of its resamples.

    Attributes
    ----------
    point : numpy.ndarray, shape (scores,)
        Scores of the sample.
    drawn : numpy.ndarray, shape (scores, resamples)
        Scores of each resample.
    without : tuple of numpy.ndarray, shapes (scores, positives) and (scores, negatives)
        Scores without each patient in turn.
    """

    point: np.ndarray
    drawn: np.ndarray
    without: tuple[np.ndarray, np.ndarray]


def resample(statistic: Statistic, sizes: tuple[int, int], seed: int, resamples: int) -> Resampled:
    """
    Resample patients within label.

    Parameters
    ----------
    statistic : callable
        Takes the weights of positives, shape (..., positives), and of negatives, and returns scores, shape
        (scores, ...).
    sizes : (int, int)
        Number of positives and of negatives, at least 2 each.
    seed : int
        Seed of the draws. With the same seed and sizes the same patients are drawn.
    resamples : int
        Number of resamples, at least 1.

    Returns
    -------
    Resampled
        Scores of the sample, of its resamples, and without each patient.
    """
    rng = np.random.default_rng(seed)
    batches = [min(BATCH, resamples - start) for start in range(0, resamples, BATCH)]
    values = [statistic(*(_draw(rng, count, size) for size in sizes)) for count in batches]
    all_in = [np.ones(size) for size in sizes]
    one_out = [1 - np.eye(size) for size in sizes]
    without = (
        statistic(one_out[0], np.ones((sizes[0], sizes[1]))),
        statistic(np.ones((sizes[1], sizes[0])), one_out[1]),
    )
    return Resampled(statistic(*all_in), np.concatenate(values, axis=-1), without)


def _draw(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Draw `size` of `size` patients `count` times, and return how often each was drawn: (count, size)."""
    drawn = rng.integers(0, size, (count, size)) + np.arange(count)[:, None] * size
    return np.bincount(drawn.ravel(), minlength=count * size).reshape(count, size).astype(float)


def bca_intervals(resampled: Resampled, confidence: float = CONFIDENCE) -> np.ndarray:
    """
    Bias-corrected and accelerated intervals, as `scipy.stats.bootstrap` computes them for two samples.

    Parameters
    ----------
    resampled : Resampled
        The scores.
    confidence : float
        Of the intervals, 0 to 1.

    Returns
    -------
    numpy.ndarray, shape (scores, 2)
        Lower and upper ends; not numbers if a resample leaves a score undefined, or none changes it.
    """
    bias, acceleration = _bias(resampled), _acceleration(resampled)
    normal = bias[:, None] + ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    with np.errstate(invalid="ignore"):
        levels = ndtr(bias[:, None] + normal / (1 - acceleration[:, None] * normal))
    ends = np.full(levels.shape, np.nan)
    for row in np.flatnonzero(_defined(resampled)):
        ends[row] = np.quantile(resampled.drawn[row], levels[row])
    return ends


def _bias(resampled: Resampled) -> np.ndarray:
    point, values = resampled.point[:, None], resampled.drawn
    below, up_to = (values < point - ROUNDING).mean(axis=-1), (values <= point + ROUNDING).mean(axis=-1)
    return ndtri((below + up_to) / 2)


def _acceleration(resampled: Resampled) -> np.ndarray:
    """Skewness of the patients' influence, scaled for each label by its size."""
    influence = [(without.mean(axis=-1, keepdims=True) - without) for without in resampled.without]
    scaled = [part * (1 - 1 / part.shape[-1]) for part in influence]
    cubes, squares = (sum((part**power).sum(axis=-1) for part in scaled) for power in (3, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return cubes / (6 * squares**1.5)


def _defined(resampled: Resampled) -> np.ndarray:
    finite = np.isfinite(resampled.drawn).all(axis=-1)
    return finite & np.isfinite(_bias(resampled)) & np.isfinite(_acceleration(resampled)) & ~unmoved(resampled)


def unmoved(resampled: Resampled) -> np.ndarray:
    """Whether no resample changes a score, except by rounding: shape (scores,)."""
    return np.ptp(resampled.drawn, axis=-1) < ROUNDING
