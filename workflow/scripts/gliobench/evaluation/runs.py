"""The finished runs of a study, as scores are computed from: predictions and records."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.evaluation.columns import CELL, RUN
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


def runs_of(cell: Mapping[str, Any], records: Sequence[Record]) -> list[int]:
    """Return the positions of a cell's runs among the records of some runs."""
    names = {name: cell[name] for name in CELL}
    return [position for position, record in enumerate(records) if names.items() <= record.items()]


def patient_rows(predictions: Sequence[pd.DataFrame], records: Sequence[Record]) -> pd.DataFrame:
    """
    Join the patients' predictions of a cell's batches, with the repeat and seed_index of each.

    Parameters
    ----------
    predictions, records : sequences
        As `read_runs` returns them, all of one cell.

    Returns
    -------
    pandas.DataFrame
        Rows of the table ``predictions`` without those of slices, and with repeat and seed_index.
    """
    rows = all_rows(predictions, records)
    return rows[rows["slice_index"].isna()]


def cell_rows(predictions: Sequence[pd.DataFrame], records: Sequence[Record]) -> pd.DataFrame:
    """
    Join the patients' predictions of runs of any cells.

    Parameters
    ----------
    predictions, records : sequences
        The ``predictions.tsv`` of runs and their ``run.json``, in the same order.

    Returns
    -------
    pandas.DataFrame
        Columns cohort, approach, variant, modality, protocol, repeat, seed_index, fold, phase, part, patient_id,
        label, probability, log_odds; without rows if there is no run.
    """
    columns = [*CELL, *RUN, "phase", "part", "patient_id", "label", "probability", "log_odds"]
    tables = [
        patient_rows([table], [record]).assign(**{name: record[name] for name in CELL})
        for table, record in zip(predictions, records, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def all_rows(predictions: Sequence[pd.DataFrame], records: Sequence[Record]) -> pd.DataFrame:
    """Join the predictions of a cell's batches, of patients and slices, with the repeat and seed_index of each."""
    tables = [
        table.assign(repeat=record["repeat"], seed_index=record["seed_index"])
        for table, record in zip(predictions, records, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)
