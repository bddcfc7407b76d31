"""What a study has found so far: scores of whatever runs exist, and rows for those that do not."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gliobench.evaluation.cells import as_metrics, score_cell
from gliobench.evaluation.columns import CELL
from gliobench.evaluation.pairwise import pairwise_table
from gliobench.evaluation.variance import variance_table

Run = tuple[pd.DataFrame, Mapping[str, Any]]  # its table ``predictions`` and its run.json


def partial_metrics(
    cells: Sequence[Mapping[str, Any]], runs: Mapping[str, Run], base_seed: int, resamples: int
) -> pd.DataFrame:
    """
    Score every cell of a study with the runs it has.

    Parameters
    ----------
    cells : sequence of dict
        The grid of the study: cohort, approach, variant, modality, protocol, weights, caveat, ``folders``, where all
        its runs belong, and ``permuted``, the same of each copy of the cell with permuted labels.
    runs : dict of str to (pandas.DataFrame, dict)
        Folder -> predictions and record of each run that exists.
    base_seed, resamples : int
        As for `gliobench.evaluation.cells.score_cell`.

    Returns
    -------
    pandas.DataFrame
        Table ``metrics``. A cell that lacks runs has the status ``missing``, even where some have been scored, and
        its reason says how many exist.
    """
    return pd.concat([_score(cell, runs, base_seed, resamples) for cell in cells], ignore_index=True)


def _score(cell: Mapping[str, Any], runs: Mapping[str, Run], base_seed: int, resamples: int) -> pd.DataFrame:
    there = [runs[folder] for folder in cell["folders"] if folder in runs]
    lacks = f"{len(there)} of {len(cell['folders'])} trainings exist"
    if not there:
        head = {name: cell[name] for name in [*CELL, "weights", "caveat"]}
        return as_metrics([head | {"n_runs": 0, "status": "missing", "reason": lacks}])
    copies = [[runs[folder] for folder in copy] for copy in cell["permuted"] if all(folder in runs for folder in copy)]
    scored = score_cell(*split(there), base_seed, resamples, cell["caveat"], [split(copy) for copy in copies])
    return scored if len(there) == len(cell["folders"]) else _mark_missing(scored, lacks)


def _mark_missing(metrics: pd.DataFrame, reason: str) -> pd.DataFrame:
    reasons = [reason if pd.isna(old) else f"{reason}; {old}" for old in metrics["reason"]]
    return metrics.assign(status="missing", reason=reasons)


def about(cells: Sequence[Mapping[str, Any]], runs: Mapping[str, Run]) -> str:
    """Say how much of a study a report is made of."""
    there = [folder in runs for cell in cells for folder in cell["folders"]]
    whole = "a finished" if all(there) else "an unfinished"
    return f"This report is of {whole} study: {sum(there)} of {len(there)} trainings exist."


def split(runs: Sequence[Run]) -> tuple[list[pd.DataFrame], list[Mapping[str, Any]]]:
    """Return predictions and records of some runs, each in its list."""
    return [predictions for predictions, _ in runs], [record for _, record in runs]


def partial_pairs(
    cells: Sequence[Mapping[str, Any]], runs: Mapping[str, Run], base_seed: int, resamples: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Compare the cells that have all their runs, cohort by cohort, and split the variance of their runs.

    Parameters
    ----------
    cells, runs, base_seed, resamples
        As for `partial_metrics`.

    Returns
    -------
    pandas.DataFrame, pandas.DataFrame
        Tables ``pairwise`` and ``variance``, without the cells that lack runs: half a cell is another estimand.
    """
    whole: dict[str, list[tuple[list[pd.DataFrame], list[Mapping[str, Any]]]]] = {cell["cohort"]: [] for cell in cells}
    for cell in cells:
        if all(folder in runs for folder in cell["folders"]):
            whole[cell["cohort"]].append(split([runs[folder] for folder in cell["folders"]]))
    pairs = [pairwise_table(members, base_seed, resamples) for members in whole.values()]
    variances = [variance_table(members) for members in whole.values()]
    return pd.concat(pairs, ignore_index=True), pd.concat(variances, ignore_index=True)
