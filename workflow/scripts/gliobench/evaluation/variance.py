"""Variance of the AUC of a single training: between folds, and between seeds on the same fold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.cells import Record, patient_rows
from gliobench.evaluation.columns import CELL, RUN
from gliobench.evaluation.metrics import make_sample
from gliobench.files import check_table, table_schema

FOLD = ["repeat", "fold"]


def variance_table(cells: Sequence[tuple[Sequence[pd.DataFrame], Sequence[Record]]]) -> pd.DataFrame:
    """
    Split the variance of runs' test AUCs into folds and seeds.

    One-way random effects: a run's AUC is a mean plus an effect of the fold of its repeat plus an effect of the seed on
    that fold. The components are estimated from the mean squares (the analysis of variance estimator, Searle et al.
    1992), a negative one set to 0. The effect of a fold includes both who is tested and who was trained on.

    Parameters
    ----------
    cells : sequence of (predictions, records)
        The files of each cell, as for `gliobench.evaluation.cells.score_cell`.

    Returns
    -------
    pandas.DataFrame
        Table ``variance``: one row per cell and phase. The components are empty with a single seed or a single fold.
    """
    rows = [row for predictions, records in cells for row in _rows_of(predictions, records)]
    table = pd.DataFrame(rows, columns=list(table_schema("variance")["properties"]))
    return check_table(table, "variance", "the variance of runs")


def _rows_of(predictions: Sequence[pd.DataFrame], records: Sequence[Record]) -> list[dict[str, Any]]:
    rows = patient_rows(predictions, records)
    test = rows[rows["part"] == "test"]
    head = {name: records[0][name] for name in CELL}
    return [head | {"phase": phase} | _split(of_phase) for phase, of_phase in test.groupby("phase", sort=False)]


def _split(rows: pd.DataFrame) -> dict[str, Any]:
    runs = [(*run.name, run.wins.mean()) for run in make_sample(rows).runs if run.wins.size]
    aucs = pd.DataFrame(runs, columns=[*RUN, "auc"])
    counts = {"n_repeats": aucs["repeat"].nunique(), "n_folds": aucs["fold"].nunique()}
    counts["n_seeds"] = aucs["seed_index"].nunique()
    if len(aucs) < 2:
        why = "no run tests patients of both labels" if not len(aucs) else "a single run has an AUC"
        return {"metric": "auc", **counts, "mean": aucs["auc"].mean(), "reason": f"no variance: {why}"}
    between, within = components(aucs["auc"].to_numpy(float), aucs.groupby(FOLD).ngroup().to_numpy())
    reason = None
    if np.isnan(between):
        few = "a single seed" if counts["n_seeds"] == 1 else "a single fold"
        why = few if 1 in (counts["n_seeds"], counts["n_folds"]) else "no fold has two seeds"
        reason = f"sd_folds and sd_seeds are empty: {why}"
    return {
        "metric": "auc",
        **counts,
        "mean": aucs["auc"].mean(),
        "sd_folds": np.sqrt(between),
        "sd_seeds": np.sqrt(within),
        "sd_total": aucs["auc"].std(),
        "reason": reason,
    }


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
