"""Variances of an AUC from folds and repeats, and of a difference, among which `perf/coverage.py` compares."""

from dataclasses import dataclass

import numpy as np
from perf.procedures import FOLDS, Array, directions

from gliobench.evaluation.intervals import default_factor


@dataclass(frozen=True)
class Placements:
    """
    Shares of the other label that each patient of a run beats, or loses to.

    Attributes
    ----------
    high, low : ndarray, shape (copies, repeats, folds, patients of a label)
        Of label 1 and of label 0; of a difference, the differences.
    """

    high: Array
    low: Array

    @classmethod
    def of(cls, scores: Array, high: int) -> "Placements":
        """Compare the scores of each run."""
        wins = np.greater(scores[..., :high, None], scores[..., None, high:]).astype("f4")
        wins += 0.5 * np.equal(scores[..., :high, None], scores[..., None, high:])
        return cls(wins.mean(axis=-1, dtype=float), wins.mean(axis=-2, dtype=float))

    def minus(self, other: "Placements") -> "Placements":
        """Subtract another procedure's."""
        return Placements(self.high - other.high, self.low - other.low)

    @property
    def by_fold(self) -> Array:
        """AUC of each run: (copies, repeats, folds)."""
        return self.high.mean(axis=-1)

    @property
    def auc(self) -> Array:
        """AUC of each copy."""
        return self.by_fold.mean(axis=(1, 2))

    def variance(self, centre: Array, correct: bool) -> Array:
        """Variance of a repeat's AUC from placements around `centre`, mean over the repeats: (copies,)."""
        parts = []
        for side in (self.high, self.low):
            size = side.shape[-1] * FOLDS
            squares = ((side - centre) ** 2).sum(axis=(-1, -2))
            parts.append(squares / size / (size - 1 if correct else size))
        return sum(parts).mean(axis=1)

    @property
    def ledell(self) -> Array:
        """LeDell's variance, around the AUC of each fold: (copies,)."""
        return self.variance(self.by_fold[..., None], correct=False)

    @property
    def influence(self) -> Array:
        """The tables' variance of a repeat, around its AUC: (copies,)."""
        return self.variance(self.by_fold.mean(axis=2)[:, :, None, None], correct=True)

    def conditional(self, folds: Array) -> float:
        """Variance of the first copy's AUC over patients, the models held fixed."""
        total = 0.0
        high = self.high.shape[-1]
        for side, members in ((self.high[0], folds[..., :high]), (self.low[0], folds[..., high:])):
            excess = side - self.by_fold[0].mean(axis=1)[:, None, None]
            size = side.shape[-1] * FOLDS
            influence = np.bincount(members.ravel() - members.min(), excess.ravel()) / size / len(side)
            total += (influence**2).sum() * size / (size - 1)
        return total

    @property
    def of_fold(self) -> Array:
        """DeLong's variance of each run of the first copy: (repeats, folds)."""
        return sum(side[0].var(axis=-1, ddof=1) / side.shape[-1] for side in (self.high, self.low))


def candidates(placed: Placements, folds: Array, centre: float) -> dict[str, tuple[float, float]]:
    """
    Return the variance of each candidate, and the degrees of freedom of its quantile.

    Parameters
    ----------
    placed : Placements
        Of the sample and its permuted copies.
    folds : ndarray
        As drawn.
    centre : float
        The truth on permuted labels: 0.5, or 0 for a difference.
    """
    runs = placed.by_fold[0]
    influence, ledell = placed.influence, placed.ledell
    beyond = max(0.0, runs.var(axis=1, ddof=1).mean() - placed.of_fold.mean())
    found = {
        "conditional": placed.conditional(folds),
        "LeDell": ledell[0],
        "LeDell x 1.5": 1.5 * ledell[0],
        "training component": ledell[0] + beyond,
        "within repeat": influence[0],
        "tables": default_factor(len(runs)).value * influence[0],
    }
    if len(influence) > 1:
        null = np.mean((placed.auc[1:] - centre) ** 2)
        found["LeDell, permuted"] = max(1.0, null / ledell[1:].mean()) * ledell[0]
        found["within repeat, permuted"] = max(1.0, null / influence[1:].mean()) * influence[0]
        found["tables, permuted"] = max(default_factor(len(runs)).value, null / influence[1:].mean()) * influence[0]
    nadeau = (1 / runs.size + 1 / (FOLDS - 1)) * runs.var(ddof=1)
    return {name: (float(value), np.inf) for name, value in found.items()} | {
        "Nadeau-Bengio": (float(nadeau), runs.size - 1.0)
    }


def bates(placed: Placements, patients: Array, folds: Array, high: int) -> float:
    """
    Return the variance by nested cross-validation (Bates, Hastie and Tibshirani 2023), for `linear` only.

    The mean squared difference of the inner estimate and the left-out fold, less the variance of that fold, between
    LeDell's variance and `FOLDS` times it.
    """
    parts = patients[:1][:, folds]

    def without_two(sums: Array) -> Array:
        return sums.sum(axis=2)[:, :, None, None] - sums[:, :, :, None] - sums[:, :, None]

    inner = np.einsum("crjmp,crijp->crijm", parts, directions(parts, high, without_two))[0]
    areas = Placements.of(inner, high).by_fold
    apart = ~np.eye(FOLDS, dtype=bool)
    estimates = (areas * apart).sum(axis=2) / (FOLDS - 1)
    squares = ((estimates - placed.by_fold[0]) ** 2 - placed.of_fold).mean() * (FOLDS - 1) / FOLDS
    return float(np.clip(squares, placed.ledell[0], FOLDS * placed.ledell[0]))
