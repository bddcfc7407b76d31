"""Differences between two cells of a cohort, paired by patient, with the family of each test."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from gliobench.evaluation.columns import BASELINE, CELL, HARMONISED, MAIN, ROUNDING, representatives
from gliobench.evaluation.delong import auc_influence
from gliobench.evaluation.intervals import (
    Difference,
    default_factor,
    exact_difference,
    independent_interval,
    paired_interval,
)
from gliobench.evaluation.metrics import Sample, auc, make_sample, unit_weights
from gliobench.evaluation.runs import Record, patient_rows
from gliobench.files import check_table, table_schema

FEWEST = 5  # patients of a label that two cells must share to be compared
FAMILY, EXPLORATORY = "harmonised mains", "exploratory"
SIDE = [*CELL[1:], "phase"]


@dataclass(frozen=True, eq=False)
class Scored:
    """
    One cell in one phase: its names, and the test predictions of its patients.

    Attributes
    ----------
    name : dict of str to str
        approach, variant, modality, protocol and phase; a cell without predictions has no phase.
    is_last : bool
        Whether the phase is the last one of the training.
    rows : pandas.DataFrame
        As for `gliobench.evaluation.metrics.make_sample`.
    """

    name: Mapping[str, Any]
    is_last: bool
    rows: pd.DataFrame

    def like(self, other: "Scored", *names: str) -> bool:
        """Whether both agree in each of these."""
        return all(self.name[name] == other.name[name] for name in names)


Pair = tuple[Scored, Scored]
Areas = tuple[float, float]
Interval = Callable[[Sample, Sample, Areas], Difference | None]


def pairwise_table(cells: Sequence[tuple[Sequence[pd.DataFrame], Sequence[Record]]]) -> pd.DataFrame:
    """
    Compare the cells of one cohort by test AUC, paired by patient.

    Holm's correction is for one family: all pairs, in their last phase, of the variants that stand for their approaches
    under the harmonised protocol (`gliobench.evaluation.columns.representatives`). Exploratory pairs, uncorrected: each
    of these against each baseline under that protocol, each variant against its ``main``, each later phase against the
    earlier.

    Parameters
    ----------
    cells : sequence of (predictions, records)
        The files of each cell, as for `gliobench.evaluation.cells.score_cell`.

    Returns
    -------
    pandas.DataFrame
        Table ``pairwise``, one row per pair; a pair that cannot be compared has a reason.
    """
    scored = [part for predictions, records in cells for part in _phases(predictions, records)]
    if not scored:
        return _as_table([])
    cohort = cells[0][1][0]["cohort"]
    pairs = [(FAMILY, pair) for pair in family(scored)] + [(EXPLORATORY, pair) for pair in exploratory(scored)]
    rows = [{"cohort": cohort, "family": name} | compare(*pair) for name, pair in pairs]
    return _as_table(_corrected(rows))


def family(scored: Sequence[Scored]) -> Iterator[Pair]:
    """Pairs of the corrected family: harmonised methods in their last phase."""
    yield from combinations(_harmonised_methods(scored), 2)


def exploratory(scored: Sequence[Scored]) -> Iterator[Pair]:
    """Pairs of a harmonised method with a baseline, of a variant with its main, of a later phase with the earlier."""
    for first in _harmonised_methods(scored):
        yield from ((first, second) for second in scored if _is_harmonised_baseline(second))
    last = [one for one in scored if one.is_last]
    variants, mains = ([one for one in last if (one.name["variant"] == MAIN) == main] for main in (False, True))
    for first in variants:
        yield from ((first, second) for second in mains if first.like(second, "approach", "modality", "protocol"))
    yield from ((later, earlier) for earlier, later in pairwise(scored) if later.like(earlier, *CELL[1:]))


def _harmonised_methods(scored: Sequence[Scored]) -> list[Scored]:
    """Choose those that stand for their approaches under the harmonised protocol, in their last phase."""
    harmonised = [one for one in scored if one.name["protocol"] == HARMONISED]
    chosen = representatives((one.name["approach"], one.name["variant"]) for one in harmonised)
    return [one for one in harmonised if one.is_last and (one.name["approach"], one.name["variant"]) in chosen]


def _is_harmonised_baseline(scored: Scored) -> bool:
    return scored.name["protocol"] == HARMONISED and scored.name["approach"] == BASELINE


def _phases(predictions: Sequence[pd.DataFrame], records: Sequence[Record]) -> list[Scored]:
    """Return a cell in each of its phases, in training order; a cell that was never tested has no rows."""
    rows = patient_rows(predictions, records)
    test = rows[rows["part"] == "test"]
    phases = list(test["phase"].unique()) or [None]
    name = {key: records[0][key] for key in CELL[1:]}
    return [Scored(name | {"phase": phase}, phase == phases[-1], test[test["phase"] == phase]) for phase in phases]


def compare(first: Scored, second: Scored) -> dict[str, Any]:
    """
    Compare two cells on the patients scored by both, as `paired_difference` does.

    Returns
    -------
    dict
        The row of the pair, without cohort and family.
    """
    names = {f"first_{name}": first.name[name] for name in SIDE}
    names |= {f"second_{name}": second.name[name] for name in SIDE}
    return names | {"metric": "auc"} | paired_difference(first, second)


def paired_difference(first: Scored, second: Scored) -> dict[str, Any]:
    """
    Compare two sets of predictions by AUC on the patients scored by both.

    The variance of the difference is that of one repeat by its patients' influence
    (`gliobench.evaluation.delong.variance_of_repeat`), times `gliobench.evaluation.intervals.default_factor` because
    training varies. Between two single trainings it is DeLong's, for the fitted models only. Where no patient changes
    the difference, `gliobench.evaluation.intervals.exact_difference` may give an interval.

    Returns
    -------
    dict
        n_patients, n_positive (of those scored by both); first, second, difference, low, high, p and method, those
        that are defined, or the reason.
    """
    labels = _common_labels(first, second)
    row = {"n_patients": len(labels), "n_positive": int(labels.sum())}
    reason = _why_not(first, second, labels)
    if reason:
        return row | {"reason": reason}
    ours, theirs = _sample(first, labels.index), _sample(second, labels.index)
    if not np.intersect1d(ours.repeats, theirs.repeats).size:
        return row | {"reason": "they have no repeat of the split in common"}
    return row | _difference(ours, theirs, _paired)


def independent_difference(first: Scored, second: Scored) -> dict[str, Any]:
    """
    Compare two sets of predictions by AUC whose patients are independent: the variances of both AUCs add up.

    Returns
    -------
    dict
        As of `paired_difference`, without numbers of patients.
    """
    ours, theirs = make_sample(first.rows), make_sample(second.rows)
    fewest = min(len(side.patients) for sample in (ours, theirs) for side in (sample.positive, sample.negative))
    if fewest < FEWEST:
        return {"reason": f"{fewest} patients of a label in one of them; a comparison needs {FEWEST} of each"}
    return _difference(ours, theirs, _independent)


def _paired(first: Sample, second: Sample, areas: Areas) -> Difference | None:
    single = first.n_splits == second.n_splits == 1
    factor = None if single else default_factor(min(first.n_whole_repeats, second.n_whole_repeats))
    found = paired_interval(areas[0] - areas[1], auc_influence(first).minus(auc_influence(second)), factor)
    return exact_difference(first, second, areas, factor) if found is None else found


def _independent(first: Sample, second: Sample, areas: Areas) -> Difference | None:
    factors = [None if one.n_splits == 1 else default_factor(one.n_whole_repeats) for one in (first, second)]
    estimates = [(auc_influence(one), factor) for one, factor in zip((first, second), factors, strict=True)]
    found = independent_interval(areas[0] - areas[1], *estimates)
    largest = max((factor for factor in factors if factor), key=lambda factor: factor.value, default=None)
    return exact_difference(first, second, areas, largest) if found is None else found


def _difference(first: Sample, second: Sample, interval: Interval) -> dict[str, Any]:
    areas = float(auc(first, *unit_weights(first))), float(auc(second, *unit_weights(second)))
    difference = areas[0] - areas[1]
    row = {"first": areas[0], "second": areas[1], "difference": difference}
    if np.isnan(difference):
        return row | {"reason": "a run of one of them scores patients of one label only"}
    found = interval(first, second, areas)
    if found is None:
        same = abs(difference) < ROUNDING
        return row | {"p": 1.0 if same else np.nan, "reason": "no patient changes the difference: no interval"}
    if np.isnan(found.low):
        return row | {"reason": "a repeat tests a single patient of a label: no interval"}
    return row | {"low": found.low, "high": found.high, "p": found.p, "method": found.method}


def _common_labels(first: Scored, second: Scored) -> pd.Series:
    """Return the labels of the patients scored by both, sorted by patient."""
    labels, others = (scored.rows.groupby("patient_id")["label"].first() for scored in (first, second))
    return labels[labels.index.isin(others.index)].sort_index().astype(int)


def _why_not(first: Scored, second: Scored, labels: pd.Series) -> str | None:
    silent = [scored for scored in (first, second) if not len(scored.rows)]
    if silent:
        return "; ".join(f"{_cell(scored)} has no test predictions" for scored in silent)
    positive = int(labels.sum())
    if min(positive, len(labels) - positive) < FEWEST:
        return (
            f"{positive} patients with label 1 and {len(labels) - positive} with label 0 in common; "
            f"a comparison needs {FEWEST} of each"
        )
    return None


def _cell(scored: Scored) -> str:
    return " ".join(scored.name[name] for name in CELL[1:])


def _sample(scored: Scored, patients: Collection[str]) -> Sample:
    return make_sample(scored.rows[scored.rows["patient_id"].isin(list(patients))])


def _corrected(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add Holm's p to the rows of the family that have a p."""
    tested = [row for row in rows if row["family"] == FAMILY and not np.isnan(row.get("p", np.nan))]
    if tested:
        corrected = multipletests([row["p"] for row in tested], method="holm")[1]
        for row, p in zip(tested, corrected, strict=True):
            row["p_holm"] = p
    return rows


def _as_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(table_schema("pairwise")["properties"]))
    return check_table(table, "pairwise", "the comparison of pairs")
