"""Variance of the scores of a single training: between folds, between seeds on the same fold, between trainings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from gliobench.evaluation.columns import CELL, RUN, THRESHOLD
from gliobench.evaluation.metrics import make_sample
from gliobench.evaluation.runs import Record, patient_rows
from gliobench.files import check_table, table_schema

FOLD = ["repeat", "fold"]
SCORES = ("auc", "accuracy", "recall", "specificity")
COUNTED = {"accuracy": "n", "recall": "positive", "specificity": "negative"}  # the patients behind a proportion


def variance_table(cells: Sequence[tuple[Sequence[pd.DataFrame], Sequence[Record]]]) -> pd.DataFrame:
    """
    Split the variance of runs' test scores into folds and seeds, and estimate that between trainings.

    One-way random effects: a run's score is a mean plus an effect of the fold of its repeat plus an effect of the seed
    on that fold. The components are estimated from the mean squares (the analysis of variance estimator, Searle et al.
    1992), a negative one set to 0. The effect of a fold includes both who is tested and who was trained on.

    What differs between trainings, whoever is tested, is `sd_trainings`: the variance of all runs less what a test set
    of that size varies by (`sampling_variance`), and at least that of the seeds.

    Parameters
    ----------
    cells : sequence of (predictions, records)
        The files of each cell, as for `gliobench.evaluation.cells.score_cell`.

    Returns
    -------
    pandas.DataFrame
        Table ``variance``: one row per cell, phase and score. The components are empty with a single seed or fold.
    """
    rows = [row for predictions, records in cells for row in _rows_of(predictions, records)]
    table = pd.DataFrame(rows, columns=list(table_schema("variance")["properties"]))
    return check_table(table, "variance", "the variance of runs")


def _rows_of(predictions: Sequence[pd.DataFrame], records: Sequence[Record]) -> list[dict[str, Any]]:
    rows = patient_rows(predictions, records)
    test = rows[rows["part"] == "test"]
    head = {name: records[0][name] for name in CELL}
    return [
        head | {"phase": phase, "metric": metric} | _split(runs, metric)
        for phase, of_phase in test.groupby("phase", sort=False)
        for runs in [_scores_of_runs(of_phase)]
        for metric in SCORES
    ]


def _scores_of_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of each run, not a number where undefined, and how many of each label it tests."""
    aucs = {run.name: run.wins.mean() if run.wins.size else np.nan for run in make_sample(rows).runs}
    right = (rows["probability"] >= THRESHOLD) == (rows["label"] == 1)
    rows = rows.assign(
        right=right.astype(float),
        recall=right.where(rows["label"] == 1).astype(float),
        specificity=right.where(rows["label"] == 0).astype(float),
    )
    runs = rows.groupby(RUN).agg(
        accuracy=("right", "mean"),
        recall=("recall", "mean"),
        specificity=("specificity", "mean"),
        positive=("label", "sum"),
        n=("label", "size"),
    )
    return runs.assign(auc=pd.Series(aucs), negative=runs["n"] - runs["positive"]).reset_index()


def _split(runs: pd.DataFrame, metric: str) -> dict[str, Any]:
    runs = runs[runs[metric].notna()]
    counts = {"n_repeats": runs["repeat"].nunique(), "n_folds": runs["fold"].nunique()}
    counts["n_seeds"] = runs["seed_index"].nunique()
    values = runs[metric].to_numpy(float)
    if len(values) < 2:
        none = "tests patients of both labels" if metric == "auc" else f"has a defined {metric}"
        why = f"no run {none}" if not len(values) else f"a single run has {_named(metric)}"
        return {**counts, "mean": runs[metric].mean(), "reason": f"no variance: {why}"}
    between, within = components(values, runs.groupby(FOLD).ngroup().to_numpy())
    reason = None
    if np.isnan(between):
        few = "a single seed" if counts["n_seeds"] == 1 else "a single fold"
        why = few if 1 in (counts["n_seeds"], counts["n_folds"]) else "no fold has two seeds"
        reason = f"sd_folds and sd_seeds are empty: {why}"
    sampling = _typical_sampling_variance(metric, runs)
    total = float(values.var(ddof=1))
    return {
        **counts,
        "mean": values.mean(),
        "sd_folds": np.sqrt(between),
        "sd_seeds": np.sqrt(within),
        "sd_total": np.sqrt(total),
        "sd_sampling": np.sqrt(sampling),
        "sd_trainings": np.sqrt(np.nanmax([total - sampling, within, 0.0])),
        "reason": reason,
    }


def _typical_sampling_variance(metric: str, runs: pd.DataFrame) -> float:
    """Return what runs of these sizes differ by because they test different patients, mean over the runs."""
    variances = sampling_variance(metric, float(runs[metric].mean()), runs["positive"], runs["negative"])
    if metric == "auc":
        return float(variances.mean())
    n = runs[COUNTED[metric]].to_numpy().sum()
    return float(variances.mean() * n / (n - 1))  # p (1 - p) of an estimated p is too small


def _named(metric: str) -> str:
    return "an AUC" if metric == "auc" else f"a defined {metric}"


def sampling_variance(metric: str, value: float, positive: ArrayLike, negative: ArrayLike) -> np.ndarray:
    """
    Variance of a score over test sets, for one trained model.

    Binomial for a proportion; for an AUC the formula of Hanley and McNeil (Radiology 1982).

    Parameters
    ----------
    metric : str
        One of `SCORES`.
    value : float
        The score in the population, 0 to 1.
    positive, negative : array-like of int, shape (n,)
        Patients of each label in the test sets, at least one of those that the score counts.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    positives, negatives = np.asarray(positive, float), np.asarray(negative, float)
    if metric != "auc":
        counted = {"n": positives + negatives, "positive": positives, "negative": negatives}[COUNTED[metric]]
        return value * (1 - value) / counted
    both_positive, both_negative = value / (2 - value), 2 * value**2 / (1 + value)
    spread = (positives - 1) * (both_positive - value**2) + (negatives - 1) * (both_negative - value**2)
    return (value * (1 - value) + spread) / (positives * negatives)


def components(values: np.ndarray, group: np.ndarray) -> tuple[float, float]:
    """
    Variance between groups (at least 0) and within them.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Measured values.
    group : numpy.ndarray of int, shape (n,)
        Number of the group of each value, counted from 0.

    Returns
    -------
    float, float
        Not numbers if there is only one group, or no group with two values.
    """
    sizes = np.bincount(group)
    n_groups, n = len(sizes), len(values)
    if n_groups < 2 or n == n_groups:
        return float("nan"), float("nan")
    means = np.bincount(group, values) / sizes
    within = ((values - means[group]) ** 2).sum() / (n - n_groups)
    between = (sizes * (means - values.mean()) ** 2).sum() / (n_groups - 1)
    typical_size = (n - (sizes**2).sum() / n) / (n_groups - 1)
    return float(max(0.0, (between - within) / typical_size)), float(within)
