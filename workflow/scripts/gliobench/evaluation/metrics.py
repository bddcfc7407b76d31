"""
Scores of one cell's predictions, vectorised over thousands of resamples of the patients.

A resample is one weight per patient: how often the patient was drawn. Every count behind a score (true positives,
pairs won, ...) is then the product of the weights and a matrix made once from the predictions.

One *round* is one repeat with one seed: all its folds once. Scores are computed per round, then averaged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from gliobench.errors import GlioBenchError
from gliobench.evaluation.columns import METRICS, ROUND, ROUNDING, RUN, THRESHOLD

HIGHEST, LOWEST = {"log_loss": np.inf}, {"mcc": -1.0}  # ends of a metric's scale other than 1 and 0
CLIP = 1e-15  # smallest distance of a probability from 0 and 1 before its logarithm is taken


@dataclass(frozen=True)
class Group:
    """
    The patients of one label, with sums over each patient's scores in each round.

    Attributes
    ----------
    patients : pandas.Index
        The patients, sorted.
    scores, calls, squares, losses : numpy.ndarray, shape (patients, rounds)
        Number of scores, number of them at or above the threshold, and sums of their squared errors and of their
        cross-entropies in nats.
    """

    patients: pd.Index
    scores: np.ndarray
    calls: np.ndarray
    squares: np.ndarray
    losses: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """
    The pairs of a positive and a negative patient scored by one run.

    Attributes
    ----------
    name : tuple of int
        Repeat, seed_index and fold of the run.
    round : int
        Round of the run.
    positive, negative : numpy.ndarray
        Rows of the patients in their groups.
    wins : numpy.ndarray, shape (len(positive), len(negative))
        1 if the positive patient scored higher, 0.5 if both scored the same, else 0.
    ahead : numpy.ndarray, shape (len(positive), len(positive))
        1 if the positive patient of the row scored at least as high as that of the column, else 0.
    """

    name: tuple[int, int, int]
    round: int
    positive: np.ndarray
    negative: np.ndarray
    wins: np.ndarray
    ahead: np.ndarray


@dataclass(frozen=True)
class Sample:
    """
    The patients of one phase and part of a cell, ready to be scored under any weights.

    Attributes
    ----------
    positive, negative : Group
        The patients by label.
    runs : tuple of Pairs
        The pairs of each run.
    repeats : numpy.ndarray of int, shape (rounds,)
        The repeat of each round.
    """

    positive: Group
    negative: Group
    runs: tuple[Pairs, ...]
    repeats: np.ndarray

    @property
    def n_rounds(self) -> int:
        """Number of repeats with a seed."""
        return len(self.repeats)

    @property
    def n_repeats(self) -> int:
        """Number of draws of the split."""
        return len(np.unique(self.repeats))

    @property
    def n_whole_repeats(self) -> int:
        """Number of repeats that test in several folds; 1 for repeated hold-outs, each of which tests only some."""
        return self.n_repeats if self.n_splits > self.n_repeats else 1

    @property
    def n_splits(self) -> int:
        """Number of different training parts: folds of all repeats, whatever their seeds."""
        return len({(repeat, fold) for repeat, _, fold in (run.name for run in self.runs)})

    @property
    def leaves_one_out(self) -> bool:
        """Whether each of several runs scores a single patient."""
        return len(self.runs) > 1 and all(len(run.positive) + len(run.negative) == 1 for run in self.runs)


def make_sample(rows: pd.DataFrame) -> Sample:
    """
    Gather patients' predictions into arrays.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row per patient and run, with repeat, seed_index, fold, patient_id, label, probability and log_odds, which
        rank the patients: probabilities near 0 and 1 are rounded.

    Returns
    -------
    Sample
        The same scores by label, patient and round.

    Raises
    ------
    GlioBenchError
        A patient has two labels, or two scores from one run.
    """
    _check_patients(rows)
    rows = rows.assign(round=rows.groupby(ROUND).ngroup())
    repeats = rows.groupby("round")["repeat"].first().to_numpy(int)
    positive, negative = (_make_group(rows[rows["label"] == label], label, len(repeats)) for label in (1, 0))
    return Sample(positive, negative, _make_runs(rows, positive, negative), repeats)


def _check_patients(rows: pd.DataFrame) -> None:
    labels = rows.groupby("patient_id")["label"].nunique()
    if (labels > 1).any():
        raise GlioBenchError(
            f"patient {labels[labels > 1].index[0]} has two labels in the predictions of one cell; "
            "remove its runs and train it again."
        )
    twice = rows.duplicated([*RUN, "patient_id"])
    if twice.any():
        row = rows[twice].iloc[0]
        raise GlioBenchError(
            f"patient {row['patient_id']} is scored twice by one run (repeat {row['repeat']}, seed "
            f"{row['seed_index']}, fold {row['fold']}); a run must give a patient one probability."
        )


def _make_group(rows: pd.DataFrame, label: int, n_rounds: int) -> Group:
    patients = pd.Index(sorted(rows["patient_id"].unique()))
    probability = rows["probability"].to_numpy(float)
    where = (patients.get_indexer(pd.Index(rows["patient_id"])), rows["round"].to_numpy())
    sums = []
    losses = -np.log(clipped(probability) if label else 1 - clipped(probability))
    for values in (np.ones_like(probability), probability >= THRESHOLD, (probability - label) ** 2, losses):
        total = np.zeros((len(patients), n_rounds))
        np.add.at(total, where, values)
        sums.append(total)
    return Group(patients, *sums)


def clipped(probability: np.ndarray) -> np.ndarray:
    """Keep probabilities `CLIP` away from 0 and 1, so that their logarithms are finite."""
    return np.clip(probability, CLIP, 1 - CLIP)


def _make_runs(rows: pd.DataFrame, positive: Group, negative: Group) -> tuple[Pairs, ...]:
    patients = pd.Index(rows["patient_id"])
    is_positive = rows["label"].to_numpy(int) == 1
    place = np.where(is_positive, positive.patients.get_indexer(patients), negative.patients.get_indexer(patients))
    log_odds, round_ = rows["log_odds"].to_numpy(float), rows["round"].to_numpy()
    runs = []
    for name, members in rows.groupby(RUN).indices.items():
        high, low = members[is_positive[members]], members[~is_positive[members]]
        of_high, of_low = log_odds[high], log_odds[low]
        runs.append(
            Pairs(
                name=cast(tuple[int, int, int], name),
                round=int(round_[members[0]]),
                positive=place[high],
                negative=place[low],
                wins=(np.sign(np.subtract.outer(of_high, of_low)) + 1) / 2,
                ahead=np.greater_equal.outer(of_high, of_high).astype(float),
            )
        )
    return tuple(runs)


def score(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """
    Score a sample under weights of its patients, averaged over its rounds.

    Parameters
    ----------
    sample, positive, negative
        As for `score_by_round`.

    Returns
    -------
    numpy.ndarray, shape (len(METRICS), ...)
        Not a number if a score is undefined in any round.
    """
    return score_by_round(sample, positive, negative).mean(axis=-1)


def score_by_round(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """
    Score each round of a sample under weights of its patients.

    Parameters
    ----------
    sample : Sample
        The predictions.
    positive, negative : numpy.ndarray, shape (..., patients of that label)
        How often each patient counts.

    Returns
    -------
    numpy.ndarray, shape (len(METRICS), ..., rounds)
        Scores in the order of `METRICS`; not a number if undefined.
    """
    hits, misses, alarms, rejections = confusion(sample, positive, negative)
    errors = positive @ sample.positive.squares + negative @ sample.negative.squares
    losses = positive @ sample.positive.losses + negative @ sample.negative.losses
    everyone = hits + misses + alarms + rejections
    recall = _divide(hits, hits + misses)
    specificity = _divide(rejections, rejections + alarms)
    scores = {
        "accuracy": _divide(hits + rejections, everyone),
        "auc": _auc_by_round(sample, positive, negative),
        "precision": _divide(hits, hits + alarms),
        "recall": recall,
        "specificity": specificity,
        "f1": _divide(2 * hits, 2 * hits + alarms + misses),
        "balanced_accuracy": (recall + specificity) / 2,
        "brier": _divide(errors, everyone),
        "pr_auc": _pr_auc_by_round(sample, positive, negative),
        "mcc": _mcc(hits, misses, alarms, rejections),
        "log_loss": _divide(losses, everyone),
    }
    return bounded(np.stack([scores[name] for name in METRICS]))


def bounded(scores: np.ndarray) -> np.ndarray:
    """
    Return scores without what rounding adds beyond the ends of their scale, as sums of average precision do.

    Parameters
    ----------
    scores : numpy.ndarray, shape (len(METRICS), ...)
        In the order of `METRICS`. Only a score beyond its end by less than `ROUNDING` is changed.
    """
    shape = (-1, *[1] * (scores.ndim - 1))
    high = np.array([HIGHEST.get(name, 1.0) for name in METRICS]).reshape(shape)
    low = np.array([LOWEST.get(name, 0.0) for name in METRICS]).reshape(shape)
    near = (scores < high + ROUNDING) & (scores > low - ROUNDING)
    return np.where(near, np.clip(scores, low, high), scores)


def confusion(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return true positives, false negatives, false positives, true negatives, each of shape (..., rounds)."""
    hits = positive @ sample.positive.calls
    alarms = negative @ sample.negative.calls
    return hits, positive @ sample.positive.scores - hits, alarms, negative @ sample.negative.scores - alarms


def auc(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Return only the AUC, as `score` does: shape (...)."""
    return _auc_by_round(sample, positive, negative).mean(axis=-1)


def _auc_by_round(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    return _divide(*won_and_pairs(sample, positive, negative))


def won_and_pairs(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Count the pairs scored by the same run, so that offsets between folds do not count.

    Parameters
    ----------
    sample, positive, negative
        As for `score_by_round`.

    Returns
    -------
    won, pairs : numpy.ndarray, shape (..., rounds)
        Pairs in which the positive patient scored higher (ties count half), and all pairs.
    """
    won = np.zeros((*positive.shape[:-1], sample.n_rounds))
    pairs = np.zeros_like(won)
    for run in sample.runs:
        high, low = positive[..., run.positive], negative[..., run.negative]
        won[..., run.round] += ((high @ run.wins) * low).sum(axis=-1)
        pairs[..., run.round] += high.sum(axis=-1) * low.sum(axis=-1)
    return won, pairs


def _pr_auc_by_round(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """
    Average precision within each run: the mean, over its positives, of the precision at their own probability.

    Runs are weighted by their positives. A run without a negative in a resample is left out of it; if a run lacks a
    label in the sample itself, the score is undefined.
    """
    total = np.zeros((*positive.shape[:-1], sample.n_rounds))
    weight = np.zeros_like(total)
    if any(run.wins.size == 0 for run in sample.runs):
        return np.full_like(total, np.nan)
    for run in sample.runs:
        high, low = positive[..., run.positive], negative[..., run.negative]
        found, alarms = high @ run.ahead, low @ (run.wins < 1).T.astype(float)
        precision = np.divide(found, found + alarms, out=np.zeros_like(found), where=high > 0)
        both = low.any(axis=-1)
        total[..., run.round] += both * (high * precision).sum(axis=-1)
        weight[..., run.round] += both * high.sum(axis=-1)
    return _divide(total, weight)


def _mcc(hits: np.ndarray, misses: np.ndarray, alarms: np.ndarray, rejections: np.ndarray) -> np.ndarray:
    """Matthews correlation coefficient; not a number if all have one label, or all are called alike."""
    margins = (hits + misses) * (alarms + rejections) * (hits + alarms) * (misses + rejections)
    return _divide(hits * rejections - misses * alarms, np.sqrt(margins))


def _divide(count: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.divide(count, total, out=np.full_like(total, np.nan), where=total > 0)


def unit_weights(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Weights that count every patient once."""
    return np.ones(len(sample.positive.patients)), np.ones(len(sample.negative.patients))


def pooled_auc(rows: pd.DataFrame) -> float:
    """
    AUC over all patients of a round, its folds mixed, averaged over the rounds.

    Not a number if a round lacks a label.
    """
    return float(np.mean([_auc_of(round_rows) for _, round_rows in rows.groupby(ROUND)]))


def _auc_of(rows: pd.DataFrame) -> float:
    if rows["label"].nunique() < 2:
        return float("nan")
    return float(roc_auc_score(rows["label"].to_numpy(int), rows["log_odds"].to_numpy(float)))


def majority_accuracy(rows: pd.DataFrame) -> float:
    """Accuracy of always predicting the majority class of a round's patients, averaged over the rounds."""
    shares = rows.groupby(ROUND)["label"].mean().to_numpy(float)
    return float(np.maximum(shares, 1 - shares).mean())


def at_validation_threshold(rows: pd.DataFrame) -> dict[str, float]:
    """
    Accuracy with each run's own validation threshold: pooled within a round, averaged over the rounds.

    The threshold is empty if the validation part has too few patients of a label. If one run has none, there is no
    accuracy.

    Parameters
    ----------
    rows : pandas.DataFrame
        As for `make_sample`, with threshold.

    Returns
    -------
    dict of str to float
        ``threshold_validation``, the mean of the runs' thresholds, and ``accuracy_validation_threshold``.
    """
    thresholds = rows.groupby(RUN)["threshold"].first().to_numpy(float, na_value=np.nan)
    if np.isnan(thresholds).any():
        return {"threshold_validation": float("nan"), "accuracy_validation_threshold": float("nan")}
    right = (rows["probability"] >= rows["threshold"]) == (rows["label"] == 1)
    accuracy = right.groupby([rows[name] for name in ROUND]).mean().mean()
    return {"threshold_validation": float(thresholds.mean()), "accuracy_validation_threshold": float(accuracy)}


def why_no_auc(sample: Sample) -> str:
    """Say why the AUC of a sample is undefined."""
    return (
        "each run scores a single patient"
        if sample.leaves_one_out
        else "no run of a repeat scores patients of both labels"
    )


def why_empty(sample: Sample, scores: Mapping[str, float]) -> list[str]:
    """Say why scores of a sample are undefined, one phrase each."""
    reasons = []
    if np.isnan(scores["auc"]):
        reasons.append(f"auc and pr_auc are empty: {why_no_auc(sample)}")
    elif np.isnan(scores["pr_auc"]):
        reasons.append("pr_auc is empty: a run scores patients of one label only")
    hits, misses, alarms, rejections = confusion(sample, *unit_weights(sample))
    if np.isnan(scores["precision"]):
        reasons.append(f"precision is empty: no patient is called positive{_where(hits + alarms == 0)}")
    alike = (hits + alarms == 0) | (misses + rejections == 0)
    if alike.any():
        reasons.append(f"mcc is empty: all patients are called alike{_where(alike)}")
    for name, label in (("recall", 1), ("specificity", 0)):
        if np.isnan(scores[name]):
            reasons.append(f"{name}, balanced_accuracy and mcc are empty: no patient with label {label}")
    return reasons


def _where(rounds: np.ndarray) -> str:
    """Say in how many rounds it is so, unless there is only one."""
    return "" if len(rounds) == 1 else f" in {int(rounds.sum())} of {len(rounds)} repeats and seeds"
