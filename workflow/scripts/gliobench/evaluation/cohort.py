"""The cells of a cohort, from the files of their runs: scores, pairs, variance, subgroups; rows for incomplete ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gliobench.evaluation.cells import as_metrics, score_cell
from gliobench.evaluation.columns import CELL
from gliobench.evaluation.pairwise import pairwise_table
from gliobench.evaluation.runs import Runs
from gliobench.evaluation.subgroups import subgroups_table
from gliobench.evaluation.variance import variance_table
from gliobench.terms import PERMUTATIONS, WITHIN_SITE, labels_of, parent_cohort

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]


def score_cohort(
    cells: Sequence[Mapping[str, Any]],
    runs: Runs,
    copies: Runs,
    base_seed: int,
    resamples: int,
    subgroups: Mapping[str, pd.Series] | None = None,
    series: pd.DataFrame | None = None,
) -> Tables:
    """
    Score every cell of a cohort, compare them in pairs, split the variance of their runs, and score subgroups.

    Parameters
    ----------
    cells : sequence of dict
        The cohort's part of the grid: cohort, approach, variant, modality, protocol, weights, caveat, and ``n_jobs``,
        the number of training jobs of the cell.
    runs : (predictions, records)
        The ``predictions.tsv`` and ``run.json`` of the finished jobs of any cells, in the same order.
    copies : (predictions, records)
        The same for jobs on copies of the cohort with permuted labels.
    base_seed, resamples : int
        As for `gliobench.evaluation.cells.score_cell`.
    subgroups : mapping of str to pandas.Series of str, optional
        What divides the patients: ``site`` and others -> value by patient_id, missing where unknown.
    series : pandas.DataFrame, optional
        Table ``series`` of the cohort.

    Returns
    -------
    metrics, pairwise, variance, subgroups : pandas.DataFrame
        A cell that lacks runs has the status ``missing``, even if some have been scored; its reason says how many
        exist. It is in no pair, variance or subgroup, because half a cell has another estimand.
    """
    subgroups = subgroups or {}
    sites = subgroups.get("site")
    own = {tuple(cell[name] for name in CELL): _runs_of(cell, runs) for cell in cells}
    metrics = [
        _score(cell, mine, copies, base_seed, resamples, sites) for cell, mine in zip(cells, own.values(), strict=True)
    ]
    whole = [mine for cell, mine in zip(cells, own.values(), strict=True) if len(mine[1]) == cell["n_jobs"]]
    return (
        pd.concat(metrics, ignore_index=True),
        pairwise_table(whole),
        variance_table(whole),
        subgroups_table(whole, subgroups, series),
    )


def _runs_of(cell: Mapping[str, Any], runs: Runs) -> Runs:
    mine = [run for run in zip(*runs, strict=True) if all(run[1][name] == cell[name] for name in CELL)]
    return [predictions for predictions, _ in mine], [record for _, record in mine]


def _score(
    cell: Mapping[str, Any], runs: Runs, copies: Runs, base_seed: int, resamples: int, sites: pd.Series | None
) -> pd.DataFrame:
    there, wanted = len(runs[1]), cell["n_jobs"]
    lacks = f"{there} of {wanted} training jobs exist"
    if not there:
        head = {name: cell[name] for name in [*CELL, "weights", "caveat"]}
        return as_metrics([head | {"n_runs": 0, "status": "missing", "reason": lacks, "auc_reason": lacks}])
    if there < wanted:  # fewer runs vary more than those on permuted labels: no p
        metrics = score_cell(*runs, base_seed, resamples, cell["caveat"], sites=sites)
        reasons = [lacks if pd.isna(old) else f"{lacks}; {old}" for old in metrics["reason"]]
        no_auc = metrics["auc_reason"].mask(metrics["unit"].isna(), lacks)
        return metrics.assign(status="missing", reason=reasons, auc_reason=no_auc)
    among_all, within = (
        [copy for copy in permuted_runs(cell, labels, *copies) if len(copy[1]) == wanted]
        for labels in (PERMUTATIONS, WITHIN_SITE)
    )
    return score_cell(*runs, base_seed, resamples, cell["caveat"], among_all, sites, within)


def permuted_runs(
    cell: Mapping[str, Any], labels: str, predictions: Sequence[pd.DataFrame], records: Sequence[Mapping[str, Any]]
) -> list[Runs]:
    """
    Gather the runs of a cell on the copies of its cohort with permuted labels.

    Parameters
    ----------
    cell : mapping
        cohort, approach, variant, modality and protocol.
    labels : {"permutations", "permutations-within-site"}
        How the labels of the copies were permuted.
    predictions, records : sequence
        The ``predictions.tsv`` and ``run.json`` of runs on copies, of any cells, in the same order.

    Returns
    -------
    list of (predictions, records)
        One pair per copy, in the order of the copies' names, as `gliobench.evaluation.cells.score_cell` takes them.
    """
    copies: dict[str, Runs] = {}
    for table, record in zip(predictions, records, strict=True):
        same = all(record[name] == cell[name] for name in CELL[1:])
        if same and parent_cohort(record["cohort"]) == cell["cohort"] and labels_of(record["cohort"]) == labels:
            tables, own = copies.setdefault(record["cohort"], ([], []))
            tables.append(table)
            own.append(record)
    return [copies[name] for name in sorted(copies)]
