"""The finished runs of a study, as scores are computed from: predictions and records."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.files import read_json, read_table
from gliobench.terms import copies_in, copy_number

Record = Mapping[str, Any]
Runs = tuple[list[pd.DataFrame], list[Record]]


def read_runs(predictions: Sequence[str | Path], records: Sequence[str | Path]) -> Runs:
    """
    Read the predictions and records of runs.

    Parameters
    ----------
    predictions, records : sequence of path
        The ``predictions.tsv`` and ``run.json`` of the runs, in the same order.

    Returns
    -------
    predictions : list of DataFrame
        As in the schema ``predictions``, without ``copy``.
    records : list of dict
        In the same order. A run on several copies of a cohort becomes one per copy, with its name as ``cohort``.
    """
    pairs = zip(predictions, records, strict=True)
    runs = [run for table, record in pairs for run in _of_copies(read_table(table, "predictions"), read_json(record))]
    return [table for table, _ in runs], [record for _, record in runs]


def _of_copies(table: pd.DataFrame, record: Record) -> Iterator[tuple[pd.DataFrame, Record]]:
    for name in copies_in(record["cohort"]):
        number = copy_number(name)
        if number is None:
            yield table, record
            continue
        folds = [fold for fold in record["folds"] if fold["copy"] == number]
        rows = table[table["copy"] == number].drop(columns="copy") if len(table) else table  # none, if all folds failed
        yield rows.reset_index(drop=True), {**record, "cohort": name, "folds": folds}
