"""Runs on permuted labels, gathered for the cell that they belong to."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gliobench.evaluation.columns import CELL

Runs = tuple[list[pd.DataFrame], list[Mapping[str, Any]]]


def permuted_runs(
    cell: Mapping[str, Any], predictions: Sequence[pd.DataFrame], records: Sequence[Mapping[str, Any]]
) -> list[Runs]:
    """
    Gather the runs of a cell on the copies of its cohort with permuted labels.

    Parameters
    ----------
    cell : mapping
        cohort, approach, variant, modality and protocol.
    predictions, records : sequence
        The ``predictions.tsv`` and ``run.json`` of runs on copies, of any cells, in the same order.

    Returns
    -------
    list of (predictions, records)
        A pair a copy, in the order of the copies' names: as `gliobench.evaluation.cells.score_cell` takes them.
    """
    copies: dict[str, Runs] = {}
    for table, record in zip(predictions, records, strict=True):
        parent = record["cohort"].split("/")[0]  # of <cohort>/permutations/<number>
        if parent == cell["cohort"] and all(record[name] == cell[name] for name in CELL[1:]):
            tables, own = copies.setdefault(record["cohort"], ([], []))
            tables.append(table)
            own.append(record)
    return [copies[name] for name in sorted(copies)]
