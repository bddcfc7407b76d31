"""Scores of slices: point values only, because slices of one patient are not independent."""

import numpy as np
import pandas as pd
from sklearn.metrics import (
    average_precision_score,
    log_loss,
    matthews_corrcoef,
    precision_recall_fscore_support,
    roc_auc_score,
)

from gliobench.evaluation.columns import METRICS, ROUND, RUN, THRESHOLD
from gliobench.evaluation.metrics import bounded, clipped


def score_slices(rows: pd.DataFrame) -> dict[str, float]:
    """
    Score the slices of one phase and part of a cell.

    As for patients: a round's runs are pooled at threshold 0.5, AUC counts pairs of slices scored by the same run,
    average precision is made within runs, and rounds are averaged.

    Parameters
    ----------
    rows : DataFrame
        Slice rows of the table ``predictions`` with repeat and seed_index.

    Returns
    -------
    dict of str to float
        The metrics, NaN where undefined.
    """
    rounds = pd.DataFrame([score_round(rows_of_round) for _, rows_of_round in rows.groupby(ROUND)])
    return {name: float(rounds[name].mean(skipna=False)) for name in METRICS}


def score_round(rows: pd.DataFrame) -> dict[str, float]:
    """Score the slices of one repeat and seed, as `score_slices` does."""
    labels = rows["label"].to_numpy(int)
    probability = rows["probability"].to_numpy(float)
    called = (probability >= THRESHOLD).astype(int)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, called, labels=[0, 1], zero_division=np.nan, average=None
    )
    scores = {
        "accuracy": float(np.mean(called == labels)),
        "auc": _auc(rows),
        "precision": float(precision[1]),
        "recall": float(recall[1]),
        "specificity": float(recall[0]),
        "f1": float(f1[1]),
        "balanced_accuracy": float(recall.mean()),
        "brier": float(np.mean((probability - labels) ** 2)),
        "pr_auc": _pr_auc(rows),
        "mcc": float(matthews_corrcoef(labels, called)) if _both(labels) and _both(called) else float("nan"),
        "log_loss": float(log_loss(labels, clipped(probability), labels=[0, 1])),
    }
    return dict(zip(METRICS, bounded(np.array([scores[name] for name in METRICS])).tolist(), strict=True))


def _both(values: np.ndarray) -> bool:
    return 0 < values.sum() < len(values)


def _auc(rows: pd.DataFrame) -> float:
    runs = [run for _, run in rows.groupby(RUN) if run["label"].nunique() == 2]
    if not runs:
        return float("nan")
    pairs = [(run["label"] == 1).sum() * (run["label"] == 0).sum() for run in runs]
    aucs = [roc_auc_score(run["label"].to_numpy(int), run["log_odds"].to_numpy(float)) for run in runs]
    return float(np.average(aucs, weights=pairs))


def _pr_auc(rows: pd.DataFrame) -> float:
    runs = [run for _, run in rows.groupby(RUN)]
    if any(run["label"].nunique() < 2 for run in runs):
        return float("nan")
    values = [average_precision_score(run["label"].to_numpy(int), run["log_odds"].to_numpy(float)) for run in runs]
    return float(np.average(values, weights=[run["label"].sum() for run in runs]))
