"""Controls on a cohort's own images: what a method finds in permuted labels, and in labels drawn from a quantity."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from gliobench.evaluation.chance import permutation_p
from gliobench.evaluation.columns import CELL, LEAST_PERMUTATIONS, SIGNIFICANT
from gliobench.evaluation.metrics import auc, make_sample, unit_weights
from gliobench.evaluation.replicates import CHANCE, EQUIVALENCE, MARGIN, chance_verdict
from gliobench.evaluation.runs import patient_rows
from gliobench.evaluation.t_intervals import CONFIDENCE, t_interval
from gliobench.files import check_table, table_schema
from gliobench.terms import PERMUTATIONS, labels_of, parent_cohort

Record = Mapping[str, Any]


def copies_table(predictions: Sequence[pd.DataFrame], records: Sequence[Record]) -> pd.DataFrame:
    """
    Summarise the copies of every cell, by their labels.

    Copies share images, so that the intervals are conditional on these patients.

    Parameters
    ----------
    predictions : sequence of pandas.DataFrame
        The ``predictions.tsv`` of all runs on copies of cohorts.
    records : sequence of dict
        Their ``run.json``, in the same order.

    Returns
    -------
    pandas.DataFrame
        The table ``copies``. Permutations have a verdict on chance: the null control. Copies with drawn labels have the
        share that is detected, which means (1 + b) / (1 + B) <= 0.05, where b of the cell's B permutations reach the
        AUC of the copy (Phipson and Smyth 2010): the positive control.
        Fewer than `LEAST_PERMUTATIONS` can detect nothing.
    """
    rows: list[dict[str, Any]] = []
    aucs = _copy_aucs(predictions, records)
    for names, of_cell in aucs.groupby([*CELL, "phase"], sort=False):
        head = dict(zip([*CELL, "phase"], names, strict=True))
        permuted_aucs = of_cell.loc[of_cell["labels"] == PERMUTATIONS, "auc"].dropna().to_numpy()
        for labels, copies in of_cell.groupby("labels"):
            row = head | {"labels": labels, "n_permutations": len(permuted_aucs)}
            rows.append(_row(row, copies["auc"].dropna().to_numpy(), permuted_aucs))
    table = pd.DataFrame(rows, columns=list(table_schema("copies")["properties"]))
    return check_table(table, "copies", "the copies")


def _copy_aucs(predictions: Sequence[pd.DataFrame], records: Sequence[Record]) -> pd.DataFrame:
    """Return the AUC of the test patients of every copy, cell and phase."""
    runs: dict[tuple[str, ...], list[tuple[pd.DataFrame, Record]]] = {}
    for table, record in zip(predictions, records, strict=True):
        runs.setdefault(tuple(record[name] for name in CELL), []).append((table, record))
    found = []
    for cell, mine in runs.items():
        rows = patient_rows(*zip(*mine, strict=True))
        copy = dict(zip(CELL, cell, strict=True))
        head = copy | {"cohort": parent_cohort(copy["cohort"]), "labels": labels_of(copy["cohort"])}
        for phase, scored in rows[rows["part"] == "test"].groupby("phase", sort=False):
            sample = make_sample(scored)
            found.append(head | {"phase": phase, "auc": float(auc(sample, *unit_weights(sample)))})
    return pd.DataFrame(found, columns=[*CELL, "phase", "labels", "auc"])


def _row(row: dict[str, Any], aucs: np.ndarray, permuted_aucs: np.ndarray) -> dict[str, Any]:
    mean, equivalence = t_interval(aucs).bounded(), t_interval(aucs, EQUIVALENCE).bounded()
    row |= {"n": mean.n, "mean": mean.mean, "low": mean.low, "high": mean.high}
    row |= {"equivalence_low": equivalence.low, "equivalence_high": equivalence.high}
    if row["labels"] == PERMUTATIONS:
        row["verdict"] = chance_verdict(equivalence, mean)
    else:
        row |= {"oracle_auc": float(row["labels"].partition("-")[2])} | _detection(aucs, permuted_aucs)
    return row | {"statement": _statement(row)}


def _detection(aucs: np.ndarray, permuted_aucs: np.ndarray) -> dict[str, Any]:
    if not len(aucs) or len(permuted_aucs) < LEAST_PERMUTATIONS:
        return {}
    detected = sum(permutation_p(value, permuted_aucs)[0] <= SIGNIFICANT for value in aucs)
    ends = stats.binomtest(detected, len(aucs)).proportion_ci(CONFIDENCE, method="wilson")
    share = {"share": detected / len(aucs), "share_low": float(ends.low), "share_high": float(ends.high)}
    return {"detected": detected} | share


def _statement(row: Mapping[str, Any]) -> str:
    phase = "" if row["phase"] == "final" else f" ({row['phase']})"
    who = f"{row['cohort']}, {row['modality']}, {row['protocol']}: {row['approach']} {row['variant']}{phase}"
    if not row["n"]:
        return f"{who}: no copy ({row['labels']}) gives an AUC."
    if row["labels"] == PERMUTATIONS:
        found = f"mean AUC {row['mean']:.3f} over {row['n']} permutations"
        if row["verdict"] is None:
            return f"{who}: {found}; no interval."
        ends = f"{row['equivalence_low']:.3f} to {row['equivalence_high']:.3f}"
        margin = f"{CHANCE - MARGIN:g} to {CHANCE + MARGIN:g}"
        return f"{who}: {found}, 90 % interval {ends}; {row['verdict']} (equivalent is inside {margin})."
    if "detected" not in row:
        too_few = f"permutations with an AUC: {row['n_permutations']}, needed: {LEAST_PERMUTATIONS}"
        return f"{who}: drawn labels cannot be judged ({too_few}); mean AUC {row['mean']:.3f}."
    found = f"{row['detected']} of {row['n']} copies ({row['share_low']:.0%} to {row['share_high']:.0%})"
    drawn = f"labels drawn with an oracle AUC of {row['oracle_auc']:.2f} are detected in {found.replace('%', ' %')}"
    return f"{who}: {drawn}; mean AUC {row['mean']:.3f}."
