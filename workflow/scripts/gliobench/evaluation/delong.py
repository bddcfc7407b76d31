"""
Variance of scores by the influence of each patient: what DeLong, DeLong and Clarke-Pearson (1988) do for the AUC.

A patient's influence on a score is its derivative by the patient's weight (the infinitesimal jackknife). For the AUC of
one run it is DeLong's structural component; for the AUC of cross-validation it is the influence curve of LeDell,
Petersen and van der Laan (2015), up to the AUC that is subtracted: here that of the repeat, not of the fold.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gliobench.evaluation.metrics import Sample, score_by_round

STEP = 1e-5  # of a weight that is 1; the error of the central difference is of the order of its square


@dataclass(frozen=True)
class Influence:
    """
    The influence of each patient on a score, repeat by repeat (its seeds averaged).

    Attributes
    ----------
    positive, negative : numpy.ndarray, shape (patients of that label, repeats)
        Derivatives by the patient's weight; 0 for a patient whom the repeat does not score.
    repeats : numpy.ndarray of int, shape (repeats,)
        Numbers of the repeats.
    scored : tuple of numpy.ndarray of bool, shapes as of positive and negative
        Whether the repeat scores the patient.
    """

    positive: np.ndarray
    negative: np.ndarray
    repeats: np.ndarray
    scored: tuple[np.ndarray, np.ndarray]

    def minus(self, other: "Influence") -> "Influence":
        """Return the influence on the difference from another score of the same patients, in the repeats of both."""
        repeats = np.intersect1d(self.repeats, other.repeats)
        mine, theirs = (np.isin(one.repeats, repeats) for one in (self, other))
        return Influence(
            self.positive[:, mine] - other.positive[:, theirs],
            self.negative[:, mine] - other.negative[:, theirs],
            repeats,
            (
                self.scored[0][:, mine] | other.scored[0][:, theirs],
                self.scored[1][:, mine] | other.scored[1][:, theirs],
            ),
        )


def auc_influence(sample: Sample) -> Influence:
    """Influence of each patient on the AUC."""
    won, pairs = np.zeros(sample.n_rounds), np.zeros(sample.n_rounds)
    for run in sample.runs:
        won[run.round] += run.wins.sum()
        pairs[run.round] += run.wins.size
    sides = np.zeros_like(sample.positive.scores), np.zeros_like(sample.negative.scores)
    for run in sample.runs:
        excess = (run.wins - won[run.round] / pairs[run.round]) / pairs[run.round]
        sides[0][run.positive, run.round] += excess.sum(axis=1)
        sides[1][run.negative, run.round] += excess.sum(axis=0)
    return by_repeat(sample, *sides)


def influences(sample: Sample) -> list[Influence]:
    """Influence of each patient on each of `METRICS`, by numerical differentiation."""
    sizes = len(sample.positive.patients), len(sample.negative.patients)
    sides = [_slopes(lambda *weights: score_by_round(sample, *weights), sizes, side) for side in (0, 1)]
    return [by_repeat(sample, *both) for both in zip(*sides, strict=True)]


def _slopes(statistic: Callable[[np.ndarray, np.ndarray], np.ndarray], sizes: tuple[int, int], side: int) -> np.ndarray:
    """Differentiate scores by the weight of each patient of a label: shape (scores, patients, rounds)."""
    ends = []
    for step in (STEP, -STEP):
        weights = [np.ones((sizes[side], size)) for size in sizes]
        weights[side] += step * np.eye(sizes[side])
        ends.append(statistic(*weights))
    return (ends[0] - ends[1]) / (2 * STEP)


def by_repeat(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> Influence:
    """
    Average the rounds of each repeat.

    Parameters
    ----------
    sample : Sample
        The predictions.
    positive, negative : numpy.ndarray, shape (patients of that label, rounds)
        Derivatives of the score of each round by the patient's weight.
    """
    repeats, place, seeds = np.unique(sample.repeats, return_inverse=True, return_counts=True)
    total = np.eye(len(repeats))[place]
    scored = (sample.positive.scores @ total > 0, sample.negative.scores @ total > 0)
    return Influence(positive @ (total / seeds), negative @ (total / seeds), repeats, scored)


def variance_of_repeat(influence: Influence) -> float:
    """
    Variance of a score over patients, from a single repeat: the mean of what each repeat says.

    A repeat that scores only some of the patients (a hold-out) counts with their share, because the repeats together
    score all of them. Not a number with under two patients of a label in a repeat.
    """
    parts = [
        _variance(side[rows[:, number], number]) * rows[:, number].mean()
        for side, rows in zip((influence.positive, influence.negative), influence.scored, strict=True)
        for number in range(len(influence.repeats))
    ]
    return sum(parts) / len(influence.repeats)


def variance_of_mean(influence: Influence) -> float:
    """
    Variance over patients of the mean of the repeats, the fitted models held fixed.

    For a single model it is DeLong's. Not a number with under two patients of a label.
    """
    return sum(_variance(side.mean(axis=1)) for side in (influence.positive, influence.negative))


def _variance(influence: np.ndarray) -> float:
    """Variance of a sum of independent patients of one label."""
    size = len(influence)
    return float(((influence - influence.mean()) ** 2).sum() * size / (size - 1)) if size > 1 else float("nan")
