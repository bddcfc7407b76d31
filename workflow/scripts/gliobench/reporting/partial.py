"""What a study has found so far: scores of whatever runs exist, and rows for those that do not."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from gliobench.evaluation.cells import as_metrics, score_cell
from gliobench.evaluation.columns import CELL
from gliobench.evaluation.leakage import leakage_table
from gliobench.evaluation.pairwise import pairwise_table
from gliobench.evaluation.replicates import replicates_table
from gliobench.evaluation.sensitivity import sensitivity_table
from gliobench.evaluation.variance import variance_table
from gliobench.reporting.figures import replicates_figure
from gliobench.reporting.leakage import leakage_figure
from gliobench.reporting.overview import cost_figure, forest_figure, oracles_of, points_of
from gliobench.reporting.sensitivity import sensitivity_figure

Run = tuple[pd.DataFrame, Mapping[str, Any]]  # its table ``predictions`` and its run.json
Groups = Mapping[str, Sequence[str]]


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
    if len(there) < len(cell["folders"]):  # fewer runs vary more than those on permuted labels: no p comes of them
        return _mark_missing(score_cell(*split(there), base_seed, resamples, cell["caveat"]), lacks)
    copies = [[runs[folder] for folder in copy] for copy in cell["permuted"] if all(folder in runs for folder in copy)]
    return score_cell(*split(there), base_seed, resamples, cell["caveat"], [split(copy) for copy in copies])


def _mark_missing(metrics: pd.DataFrame, reason: str) -> pd.DataFrame:
    reasons = [reason if pd.isna(old) else f"{reason}; {old}" for old in metrics["reason"]]
    return metrics.assign(status="missing", reason=reasons)


def about(cells: Sequence[Mapping[str, Any]], runs: Mapping[str, Run]) -> str:
    """Say how much of a study a report is made of."""
    there = [folder in runs for cell in cells for part in (cell["folders"], *cell["permuted"]) for folder in part]
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


def partial_controls(
    comparison: pd.DataFrame, cohorts: pd.DataFrame | None, groups: Groups, levels: Groups, pairs: Sequence[Run]
) -> dict[str, pd.DataFrame]:
    """
    Tabulate what many cohorts, levels of signal and pairs of splits say so far.

    Parameters
    ----------
    comparison : pandas.DataFrame
        Table ``comparison``.
    cohorts : pandas.DataFrame or None
        Table ``cohorts``, where one has been audited.
    groups, levels : mapping of str to sequence of str
        Replicated cohorts, and those of them that are levels of a planted signal.
    pairs : sequence of (pandas.DataFrame, dict)
        Runs of variants that split by slice and by patient.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``replicates`` and ``sensitivity``, of cells that have all their runs, and ``leakage``; those that have rows.
    """
    whole = whole_cells(comparison)
    tables = {"replicates": replicates_table(whole, groups), "leakage": leakage_table(*split(pairs))}
    if cohorts is not None:
        tables["sensitivity"] = sensitivity_table(whole, cohorts, levels)
    return {name: table for name, table in tables.items() if len(table)}


def whole_cells(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of cells that have all their runs."""
    return comparison[comparison["status"] != "missing"]


def partial_figures(tables: Mapping[str, pd.DataFrame], groups: Groups, levels: Groups) -> dict[str, Figure]:
    """
    Draw the figures of a whole study from its tables so far.

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        ``comparison`` and ``cost``; the others of the study as far as they have rows.
    groups, levels
        As for `partial_controls`.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        By kind, as `gliobench.reporting.contents.page_figures` names them.
    """
    comparison, cohorts, replicates = tables["comparison"], tables.get("cohorts"), tables.get("replicates")
    joined = {} if replicates is None else groups  # before, each cohort stands by itself
    points = points_of(comparison, replicates, joined)
    oracles = {} if cohorts is None else oracles_of(cohorts, joined)
    figures = {"forest": forest_figure(points, oracles), "cost": cost_figure(points, tables["cost"])}
    if replicates is not None:
        figures["controls"] = replicates_figure(whole_cells(comparison), replicates, groups)
    if cohorts is not None and "sensitivity" in tables:
        figures["sensitivity"] = sensitivity_figure(whole_cells(comparison), cohorts, tables["sensitivity"], levels)
    if "leakage" in tables:
        figures["leakage"] = leakage_figure(tables["leakage"])
    return figures
