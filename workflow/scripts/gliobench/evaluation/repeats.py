"""Scores of each repeat of a split and seed, from predictions and from training histories."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.columns import CELL, METRICS, PARTS, ROUND
from gliobench.evaluation.metrics import make_sample, score, unit_weights
from gliobench.evaluation.runs import Record, all_rows
from gliobench.evaluation.slice_scores import score_round
from gliobench.files import check_table, table_schema

SCORES = ("accuracy", "auc", "precision", "recall", "specificity", "f1", "balanced_accuracy")
OF_HISTORY = {  # part and score -> column of the history
    ("train", "accuracy"): "accuracy",
    ("train", "loss"): "loss",
    ("validation", "accuracy"): "validation_accuracy",
    ("validation", "loss"): "validation_loss",
}


def repeats_table(predictions: Sequence[pd.DataFrame], records: Sequence[Record]) -> pd.DataFrame:
    """
    Score each repeat and seed of every cell by itself, in patients and in slices.

    Parameters
    ----------
    predictions : sequence of pandas.DataFrame
        The ``predictions.tsv`` of runs of any cells.
    records : sequence of dict
        Their ``run.json``, in the same order.

    Returns
    -------
    pandas.DataFrame
        Table ``repeats``. The mean over the repeats and seeds of a cell is its score in the table ``metrics``.
    """
    own: dict[tuple[str, ...], tuple[list[pd.DataFrame], list[Record]]] = {}
    for table, record in zip(predictions, records, strict=True):
        tables, runs = own.setdefault(tuple(record[name] for name in CELL), ([], []))
        tables.append(table)
        runs.append(record)
    rows = [
        dict(zip(CELL, cell, strict=True)) | row for cell, runs in own.items() for row in _scores_of(all_rows(*runs))
    ]
    return _checked(rows)


def _scores_of(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    rows = rows.assign(unit=np.where(rows["slice_index"].isna(), "patient", "slice"))
    rows = rows[rows["part"].isin(PARTS)]
    names = ["phase", "part", "unit", *ROUND]
    for key, of_round in rows.groupby(names, sort=False):
        head = dict(zip(names, key, strict=True))
        scores = score_round(of_round) if head["unit"] == "slice" else _score_patients(of_round)
        yield from (head | {"metric": name, "value": scores[name]} for name in SCORES)


def _score_patients(rows: pd.DataFrame) -> dict[str, float]:
    sample = make_sample(rows)
    return dict(zip(METRICS, score(sample, *unit_weights(sample)).tolist(), strict=True))


def history_repeats(histories: Sequence[pd.DataFrame], records: Sequence[Record]) -> pd.DataFrame:
    """
    Read accuracies and losses of single epochs, as papers report them, from training histories.

    Parameters
    ----------
    histories : sequence of pandas.DataFrame
        Tables ``history``.
    records : sequence of dict
        Their ``run.json``, in the same order.

    Returns
    -------
    pandas.DataFrame
        Rows of the table ``repeats`` with an epoch; a repeat's folds are averaged. Diverged folds have no row.
    """
    rows = [
        row | {name: record[name] for name in [*CELL, *ROUND]} | {"fold": fold["fold"]}
        for history, record in zip(histories, records, strict=True)
        for fold in record["folds"]
        if fold["status"] == "ok"
        for row in _epochs_of(history[history["fold"] == fold["fold"]], fold.get("best_epoch", {}))
    ]
    if not rows:
        return _checked([])
    columns = [name for name in table_schema("repeats")["properties"] if name not in ("unit", "value")]
    means = pd.DataFrame(rows).groupby(columns, sort=False)["value"].mean().reset_index()
    return _checked(means.to_dict("records"))


def _epochs_of(history: pd.DataFrame, best: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Return the values of one fold at its epochs of interest, for every phase, part and score."""
    for phase, epochs in history.groupby("phase", sort=False):
        for (part, metric), column in OF_HISTORY.items():
            values = epochs.set_index("epoch")[column].dropna()
            if values.empty:
                continue
            found = {"first": values.iloc[0], "last": values.iloc[-1]}
            if metric == "loss":
                found["lowest"] = values.min()
            if best.get(str(phase)) in values.index:
                found["best"] = values[best[str(phase)]]
            head = {"phase": phase, "part": part, "metric": metric}
            yield from (head | {"epoch": epoch, "value": float(value)} for epoch, value in found.items())


def _checked(rows: Sequence[Mapping[Any, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=list(table_schema("repeats")["properties"]))
    return check_table(table, "repeats", "the scores of repeats")
