"""The graded control: what each network reaches on labels that the images show, beside the cohort's own labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.cells import cell_status, score_cell
from gliobench.evaluation.columns import BLIND, CELL, FEWEST_TRAININGS, NOT_SEEN, OWN, RUN, SEEN, SEES
from gliobench.evaluation.metrics import auc, make_sample, unit_weights
from gliobench.evaluation.t_intervals import interval_of_aucs
from gliobench.files import check_table, table_schema
from gliobench.terms import VISIBLE, labels_of, parent_cohort

CHANCE = 0.5
KEPT = ("n_patients", "n_positive", "n_runs", "auc", "auc_low", "auc_high")

Record = Mapping[str, Any]
RunList = list[tuple[pd.DataFrame, Record]]


def visible_table(
    predictions: Sequence[pd.DataFrame],
    records: Sequence[Record],
    metrics: pd.DataFrame,
    base_seed: int,
    resamples: int,
) -> pd.DataFrame:
    """
    Score every cell on the labels that its images show, beside its scores on its own.

    A label is seen if two intervals lie above 0.5: that of the AUC, which allows for other patients, and a t interval
    over five trainings or more. The second is for a network whose weights are random: its scores follow the images,
    too, but some trainings turn them one way and some the other, all of five the right way with a chance of 1 in 32.
    A network that does not see the first label, the easiest, is not shown to see: what it reaches on the own labels
    then says nothing of them.

    Parameters
    ----------
    predictions : sequence of pandas.DataFrame
        The ``predictions.tsv`` of the runs on cohorts and on their copies with visible labels, in the order of the
        labels, from easy to hard.
    records : sequence of dict
        Their ``run.json``, in the same order.
    metrics : pandas.DataFrame
        The table ``metrics`` of these cohorts: the scores on their own labels are those, not made again.
    base_seed, resamples : int
        As for `gliobench.evaluation.cells.score_cell`.

    Returns
    -------
    pandas.DataFrame
        The table ``visible``: by cell and phase a row for each visible label, and one for the own labels.
    """
    cells: dict[tuple[str, ...], dict[str, RunList]] = {}
    for table, record in zip(predictions, records, strict=True):
        cell = (parent_cohort(record["cohort"]), *(record[name] for name in CELL[1:]))
        labels = labels_of(record["cohort"]).removeprefix(f"{VISIBLE}-")
        cells.setdefault(cell, {}).setdefault(labels, []).append((table, record))
    rows = [
        row
        for cell, by_labels in cells.items()
        for row in _rows_of(dict(zip(CELL, cell, strict=True)), by_labels, metrics, base_seed, resamples)
    ]
    table = pd.DataFrame(rows, columns=list(table_schema("visible")["properties"]))
    return check_table(table, "visible", "the visible labels")


def _rows_of(
    cell: Mapping[str, str], by_labels: Mapping[str, RunList], metrics: pd.DataFrame, base_seed: int, resamples: int
) -> list[dict[str, Any]]:
    """Return the rows of one cell: of each phase first the visible labels in their order, then the own ones."""
    names = [*(name for name in by_labels if name != OWN), *([OWN] if OWN in by_labels else [])]
    own = metrics[(metrics[CELL] == [cell[key] for key in CELL]).all(axis=1)]
    scored = {}
    for name in names:
        tables, records = zip(*by_labels[name], strict=True)
        scores = own if name == OWN else score_cell(tables, records, base_seed, resamples)
        scored[name] = _verdicts(scores, by_labels[name])
    rows = []
    for phase in dict.fromkeys(phase for phases in scored.values() for phase in phases):
        of_phase = [
            dict(cell) | {"phase": phase, "labels": name, "place": None if name == OWN else place}
            | scored[name].get(phase, NOTHING)
            for place, name in enumerate(names, 1)
        ]  # fmt: skip
        sees = SEES if of_phase[0]["verdict"] == SEEN else BLIND
        rows += [row | {"network": sees, "statement": _statement(row, sees, of_phase[0])} for row in of_phase]
    return rows


NOTHING = {"n_patients": 0, "n_positive": 0, "n_runs": 0, "verdict": NOT_SEEN}


def _verdicts(metrics: pd.DataFrame, runs: RunList) -> dict[str, dict[str, Any]]:
    """Return what a cell reaches on one kind of labels, by phase."""
    tested = metrics[metrics["part"].eq("test") & metrics["unit"].eq("patient")]
    trainings = pd.concat([_training_aucs(table, record) for table, record in runs], ignore_index=True)
    _, why_not_ok = cell_status([record for _, record in runs])
    found = {}
    for row in tested.to_dict("records"):
        aucs = trainings.loc[trainings["phase"] == row["phase"], "auc"].dropna()
        spread, enough = interval_of_aucs(aucs), len(aucs) >= FEWEST_TRAININGS
        missing = row["auc_reason"] if pd.isna(row["auc"]) else None if enough else _too_few(len(aucs))
        ends = [-np.inf if np.isnan(end) else end for end in (row["auc_low"], spread.low)]
        kept = {name: row[name] for name in KEPT}
        found[row["phase"]] = kept | {
            "training_low": spread.low,
            "training_high": spread.high,
            "verdict": SEEN if enough and min(ends) > CHANCE else NOT_SEEN,
            "reason": "; ".join(filter(None, [why_not_ok, missing])) or None,
        }
    return found


def _too_few(trainings: int) -> str:
    return f"{trainings} training{'s' * (trainings != 1)}, {FEWEST_TRAININGS} or more are needed to call a label seen"


def _training_aucs(table: pd.DataFrame, record: Record) -> pd.DataFrame:
    """Return the test AUC of every training of a job."""
    rows = table[table["part"].eq("test") & table["slice_index"].isna()]
    rows = rows.assign(repeat=record["repeat"], seed_index=record["seed_index"])
    found = []
    for (phase, *_), scored in rows.groupby(["phase", *RUN]):
        sample = make_sample(scored)
        found.append({"phase": phase, "auc": float(auc(sample, *unit_weights(sample)))})
    return pd.DataFrame(found, columns=["phase", "auc"])


def _statement(row: Mapping[str, Any], sees: str, easiest: Mapping[str, Any]) -> str:
    phase = "" if row["phase"] == "final" else f" ({row['phase']})"
    who = f"{row['cohort']}, {row['modality']}, {row['protocol']}: {row['approach']} {row['variant']}{phase}"
    what = "its own labels" if row["labels"] == OWN else f"the visible label {row['labels']}"
    if pd.isna(row.get("auc")):
        return f"{who} has no AUC on {what}."
    ends = "no interval" if pd.isna(row["auc_low"]) else f"{row['auc_low']:.2f} to {row['auc_high']:.2f}"
    reached = f"{who} reaches an AUC of {row['auc']:.2f} ({ends}) on {what}"
    if row["labels"] != OWN:
        why = "" if pd.isna(row["reason"]) else f" ({row['reason']})"
        return f"{reached}: {row['verdict']}{why}."
    if sees == BLIND:
        return f"{reached}, which says nothing of them: it was not shown to see {easiest['labels']}, the easiest label."
    return f"{reached}, and sees {easiest['labels']}, the easiest label."
