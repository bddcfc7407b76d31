"""
Scores of one cell's predictions, written so that thousands of resamples of the patients are scored at once.

A resample is a weight a patient: how often the patient was drawn. Every count behind a score (true positives,
pairs won, ...) is then a product of the weights with a matrix made once from the predictions.

One *round* is one repeat with one seed: every fold of it once. Scores are made a round, then averaged.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from gliobench.errors import GlioBenchError
from gliobench.evaluation.columns import METRICS, ROUND, RUN

THRESHOLD = 0.5


@dataclass(frozen=True)
class Group:
    """
    The patients of one label, with sums over each patient's scores in each round.

    Attributes
    ----------
    patients : pandas.Index
        The patients, sorted.
    scores, calls, squares : numpy.ndarray, shape (patients, rounds)
        Number of scores, number of them at or above the threshold, and sum of their squared errors.
    """

    patients: pd.Index
    scores: np.ndarray
    calls: np.ndarray
    squares: np.ndarray


@dataclass(frozen=True)
class Pairs:
    """
    The pairs of a positive and a negative patient that one run scored.

    Attributes
    ----------
    round : int
        Round of the run.
    positive, negative : numpy.ndarray
        Rows of the patients in their groups.
    wins : numpy.ndarray, shape (len(positive), len(negative))
        1 where the positive patient scored higher, 0.5 where both scored the same, else 0.
    """

    round: int
    positive: np.ndarray
    negative: np.ndarray
    wins: np.ndarray


@dataclass(frozen=True)
class Sample:
    """The patients of one phase and part of a cell, ready to be scored under any weights."""

    positive: Group
    negative: Group
    runs: tuple[Pairs, ...]
    n_rounds: int


def make_sample(rows: pd.DataFrame) -> Sample:
    """
    Gather patients' predictions into arrays.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row a patient and run, with repeat, seed_index, fold, patient_id, label and probability.

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
    n_rounds = int(rows["round"].max()) + 1
    positive, negative = (_make_group(rows[rows["label"] == label], label, n_rounds) for label in (1, 0))
    runs = tuple(_make_pairs(run, positive, negative) for _, run in rows.groupby(RUN))
    return Sample(positive, negative, runs, n_rounds)


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
            f"{row['seed_index']}, fold {row['fold']}); a run gives a patient one probability."
        )


def _make_group(rows: pd.DataFrame, label: int, n_rounds: int) -> Group:
    patients = pd.Index(sorted(rows["patient_id"].unique()))
    probability = rows["probability"].to_numpy(float)
    where = (patients.get_indexer(pd.Index(rows["patient_id"])), rows["round"].to_numpy())
    sums = []
    for values in (np.ones_like(probability), probability >= THRESHOLD, (probability - label) ** 2):
        total = np.zeros((len(patients), n_rounds))
        np.add.at(total, where, values)
        sums.append(total)
    return Group(patients, *sums)


def _make_pairs(run: pd.DataFrame, positive: Group, negative: Group) -> Pairs:
    high, low = run[run["label"] == 1], run[run["label"] == 0]
    difference = np.subtract.outer(high["probability"].to_numpy(float), low["probability"].to_numpy(float))
    return Pairs(
        round=int(run["round"].iloc[0]),
        positive=positive.patients.get_indexer(pd.Index(high["patient_id"])),
        negative=negative.patients.get_indexer(pd.Index(low["patient_id"])),
        wins=(np.sign(difference) + 1) / 2,
    )


def score(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """
    Score a sample under weights of its patients.

    Parameters
    ----------
    sample : Sample
        The predictions.
    positive, negative : numpy.ndarray, shape (..., patients of that label)
        How often each patient counts.

    Returns
    -------
    numpy.ndarray, shape (len(METRICS), ...)
        Scores in the order of `METRICS`, averaged over the rounds; not a number where any round leaves it
        undefined.
    """
    hits, misses, alarms, rejections = confusion(sample, positive, negative)
    errors = positive @ sample.positive.squares + negative @ sample.negative.squares
    everyone = hits + misses + alarms + rejections
    recall = _divide(hits, hits + misses)
    specificity = _divide(rejections, rejections + alarms)
    scores = {
        "accuracy": _divide(hits + rejections, everyone),
        "auc": _auc(sample, positive, negative),
        "precision": _divide(hits, hits + alarms),
        "recall": recall,
        "specificity": specificity,
        "f1": _divide(2 * hits, 2 * hits + alarms + misses),
        "balanced_accuracy": (recall + specificity) / 2,
        "brier": _divide(errors, everyone),
    }
    return np.stack([scores[name].mean(axis=-1) for name in METRICS])


def confusion(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return true positives, false negatives, false positives, true negatives, each of shape (..., rounds)."""
    hits = positive @ sample.positive.calls
    alarms = negative @ sample.negative.calls
    return hits, positive @ sample.positive.scores - hits, alarms, negative @ sample.negative.scores - alarms


def _auc(sample: Sample, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Share of pairs won, of those that one run scored: a fold's offset against another's must not decide."""
    won = np.zeros((*positive.shape[:-1], sample.n_rounds))
    pairs = np.zeros_like(won)
    for run in sample.runs:
        high, low = positive[..., run.positive], negative[..., run.negative]
        won[..., run.round] += ((high @ run.wins) * low).sum(axis=-1)
        pairs[..., run.round] += high.sum(axis=-1) * low.sum(axis=-1)
    return _divide(won, pairs)


def _divide(count: np.ndarray, total: np.ndarray) -> np.ndarray:
    return np.divide(count, total, out=np.full_like(total, np.nan), where=total > 0)


def unit_weights(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Weights that count every patient once."""
    return np.ones(len(sample.positive.patients)), np.ones(len(sample.negative.patients))


def pooled_auc(rows: pd.DataFrame) -> float:
    """
    AUC over all patients of a round, its folds mixed, averaged over the rounds.

    Not a number where a round lacks a label.
    """
    return float(np.mean([_auc_of(round_rows) for _, round_rows in rows.groupby(ROUND)]))


def _auc_of(rows: pd.DataFrame) -> float:
    if rows["label"].nunique() < 2:
        return float("nan")
    return float(roc_auc_score(rows["label"].to_numpy(int), rows["probability"].to_numpy(float)))


def why_empty(sample: Sample, scores: Mapping[str, float]) -> list[str]:
    """Say in a phrase each why scores of a sample are undefined."""
    reasons = []
    if np.isnan(scores["auc"]):
        single = all(len(run.positive) + len(run.negative) == 1 for run in sample.runs)
        why = "each run scores a single patient" if single else "no run of a repeat scores patients of both labels"
        reasons.append(f"auc is empty: {why}")
    if np.isnan(scores["precision"]):
        hits, _, alarms, _ = confusion(sample, *unit_weights(sample))
        silent, total = int((hits + alarms == 0).sum()), sample.n_rounds
        where = "" if total == 1 else f" in {silent} of {total} repeats and seeds"
        reasons.append(f"precision is empty: no patient is called positive{where}")
    for name, label in (("recall", 1), ("specificity", 0)):
        if np.isnan(scores[name]):
            reasons.append(f"{name} and balanced_accuracy are empty: no patient with label {label}")
    return reasons
