"""
AUC by structural components (DeLong, DeLong and Clarke-Pearson 1988).

A patient's component is the change of the AUC with its weight. Components of the same patient in several rounds are
averaged, as the AUC is: patients, not scores, are the independent units.
"""

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from gliobench.evaluation.bootstrap import CONFIDENCE
from gliobench.evaluation.metrics import Sample, auc, unit_weights

ROUNDING = 1e-9  # tolerance around an exact 0

Components = tuple[np.ndarray, ...]


def components(sample: Sample) -> Components:
    """
    Return the derivatives of the AUC by each patient's weight, for positives and for negatives.

    For a single run they are DeLong's structural components minus the AUC, divided by the number of patients with the
    label.
    """
    won = np.zeros(sample.n_rounds)
    pairs = np.zeros(sample.n_rounds)
    for run in sample.runs:
        won[run.round] += run.wins.sum()
        pairs[run.round] += run.wins.size
    parts = np.zeros(len(sample.positive.patients)), np.zeros(len(sample.negative.patients))
    for run in sample.runs:
        excess = (run.wins - won[run.round] / pairs[run.round]) / (pairs[run.round] * sample.n_rounds)
        np.add.at(parts[0], run.positive, excess.sum(axis=1))
        np.add.at(parts[1], run.negative, excess.sum(axis=0))
    return parts


def variance(parts: Components) -> float:
    """Variance of an AUC or of a difference, from its components: not a number with under two patients per label."""
    sizes = [len(part) for part in parts]
    if min(sizes) < 2:
        return float("nan")
    return float(sum((part**2).sum() * size / (size - 1) for part, size in zip(parts, sizes, strict=True)))


def logit_interval(sample: Sample) -> tuple[float, float]:
    """
    95 % interval of the AUC, symmetric on the logit scale, so that it stays between 0 and 1 (Pepe 2003).

    Not numbers if the AUC is 0, 1 or undefined, or if no patient changes it, as with constant scores.
    """
    area = float(auc(sample, *unit_weights(sample)))
    spread = float(np.sqrt(variance(components(sample))))
    if not 0 < area < 1 or not spread > ROUNDING:
        return float("nan"), float("nan")
    error = spread / (area * (1 - area))
    half = stats.norm.ppf((1 + CONFIDENCE) / 2) * error
    return float(expit(logit(area) - half)), float(expit(logit(area) + half))


def difference_p(first: Sample, second: Sample) -> float:
    """
    Two-sided p for the difference between two AUCs of the same patients.

    If the difference has no variance, p is 1 for a difference of 0, else not a number.
    """
    difference = float(auc(first, *unit_weights(first)) - auc(second, *unit_weights(second)))
    pairs = zip(components(first), components(second), strict=True)
    error = np.sqrt(variance(tuple(of_first - of_second for of_first, of_second in pairs)))
    if error < ROUNDING:
        return 1.0 if abs(difference) < ROUNDING else float("nan")
    return float(2 * stats.norm.sf(abs(difference) / error))
