"""Mean ROC and precision-recall curves over runs, weighted as in the table, so that the areas agree with it."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_curve

from gliobench.evaluation.columns import ROUND

GRID = np.linspace(0, 1, 201)  # of 1 - specificity, or of recall

Curve = tuple[np.ndarray, np.ndarray]


def both_labels(rows: pd.DataFrame, by: list[str]) -> list[pd.DataFrame]:
    """Return the groups of patients' predictions that contain both labels."""
    return [group for _, group in rows.groupby(by) if group["label"].nunique() == 2]


def roc(run: pd.DataFrame) -> Curve:
    """Return false and true positive rates of one run, at every threshold."""
    false, true, _ = roc_curve(run["label"].to_numpy(int), run["log_odds"].to_numpy(float), drop_intermediate=False)
    return false, true


def mean_roc(runs: list[pd.DataFrame]) -> np.ndarray:
    """
    Average the sensitivity of runs at each 1 - specificity of `GRID`.

    Runs are weighted by their pairs of patients within a round, and rounds equally: the area is the table's AUC, up
    to the step of the grid.

    Parameters
    ----------
    runs : list of pandas.DataFrame
        Patients' predictions of each run, both labels in each.
    """
    curves = [np.interp(GRID, *roc(run)) for run in runs]
    return _mean(curves, runs, lambda label: int(label.sum() * (1 - label).sum()))


def mean_precision(runs: list[pd.DataFrame]) -> np.ndarray:
    """
    Average the precision of runs at each recall of `GRID`.

    The precision of a run at a recall is that of the highest threshold that reaches it, without interpolation (Davis
    and Goadrich 2006), so that its area is the average precision. Runs are weighted by their positive patients within
    a round, and rounds equally.

    Parameters
    ----------
    runs : list of pandas.DataFrame
        As for `mean_roc`.
    """
    return _mean([_precision(run) for run in runs], runs, lambda label: int(label.sum()))


def _precision(run: pd.DataFrame) -> np.ndarray:
    precision, recall, _ = precision_recall_curve(run["label"].to_numpy(int), run["log_odds"].to_numpy(float))
    precision, recall = precision[-2::-1], recall[-2::-1]  # from the highest threshold on, without the added end point
    return precision[np.searchsorted(recall, np.clip(GRID, recall[recall > 0][0], recall[-1]))]


def _mean(curves: list[np.ndarray], runs: list[pd.DataFrame], weigh: Callable[[np.ndarray], int]) -> np.ndarray:
    rounds = pd.concat([run[ROUND].head(1) for run in runs], ignore_index=True)
    weights = rounds.assign(weight=[weigh(run["label"].to_numpy(int)) for run in runs])
    shares = weights["weight"] / weights.groupby(ROUND)["weight"].transform("sum")
    return np.average(curves, axis=0, weights=shares)
