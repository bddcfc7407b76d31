"""Controls: independent cohorts together, with t intervals over the cohorts."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.columns import BASELINE, MAIN
from gliobench.evaluation.leakage import SPLITS
from gliobench.evaluation.t_intervals import CONFIDENCE, Interval, paired_t_interval, t_interval
from gliobench.evaluation.tested import tested_methods
from gliobench.files import check_table, table_schema

GROUPED_BY = ["approach", "modality", "protocol", "phase"]
METRICS = {"auc": "AUC", "auc_within_site": "AUC within sites"}  # the second where sites are known
CHANCE = 0.5
MARGIN = 0.05  # an AUC nearer to chance than this is equivalent to it
EQUIVALENCE = 0.90  # confidence of the interval that decides: two one-sided tests at 5 % (Schuirmann 1987)
PRIOR = (BASELINE, "prior")  # gives everybody one probability: no test, and no member of a family
EQUIVALENT, NOT_SHOWN = "equivalent to chance", "not shown"
ABOVE, BELOW = "above chance", "below chance"


def replicates_table(comparison: pd.DataFrame, replicates_of: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """
    Test AUC over groups of independent cohorts, and its paired difference between variants; within sites, too.

    Parameters
    ----------
    comparison : pandas.DataFrame
        The table ``comparison`` (or ``metrics``); rows of test patients and of cells without a score are used.
    replicates_of : mapping of str to sequence of str
        A group's name -> its cohorts, for example ``{"no-signal": ["no-signal-01", ..., "no-signal-20"]}``.

    Returns
    -------
    pandas.DataFrame
        The table ``replicates``: one row per group, approach, variant, modality, protocol and phase (``mean``), and per
        pair of variants (``difference``, over the cohorts that have both): ``main`` minus each other one, and
        ``slice_split``, ``date_split`` and ``patient_split`` among themselves, the effect of the unit that is split. A
        variant without an AUC on any cohort keeps a row, without a mean. The family of a mean is the approaches of its
        group: its second interval is corrected for them (Bonferroni). An approach counts once, however many variants,
        modalities, protocols and phases it has; the baseline `prior` is no member. ``verdict`` of a mean is that of
        `chance_verdict`.
    """
    rows = []
    for group, cohorts in replicates_of.items():
        cells = comparison[comparison["cohort"].isin(cohorts)]
        members = cells.loc[(cells["approach"] != PRIOR[0]) | (cells["variant"] != PRIOR[1]), "approach"]
        head = {"cohort_group": group, "family": max(members.nunique(), 1)}
        tested = tested_methods(cells)
        for metric in METRICS:
            if metric == "auc" or (metric in tested and tested[metric].notna().any()):
                for method, of_method in tested.groupby(GROUPED_BY, sort=False):
                    rows += _rows_of(head | dict(zip(GROUPED_BY, method, strict=True)) | {"metric": metric}, of_method)
    table = pd.DataFrame(rows, columns=list(table_schema("replicates")["properties"]))
    return check_table(table, "replicates", "the replicates")


def _rows_of(head: dict[str, Any], cells: pd.DataFrame) -> list[dict[str, Any]]:
    by_variant = cells.groupby("variant", sort=False)
    aucs = {name: rows.set_index("cohort")[head["metric"]].dropna() for name, rows in by_variant}
    variants = [str(name) for name in aucs]
    level = 1 - (1 - CONFIDENCE) / head["family"]
    rows = [_mean(head, name, aucs[name], level) for name in variants]
    alone = head | {"family": 1}
    for first, second in _compared(variants):
        difference = _difference(aucs[first], aucs[second])
        if difference.n:
            rows.append(_row(alone, first, second, difference, difference))
    return rows


def chance_verdict(equivalence: Interval, joint: Interval) -> str | None:
    """
    Say what the AUCs of independent cohorts show about chance.

    Parameters
    ----------
    equivalence : Interval
        The 90 % t interval of their mean.
    joint : Interval
        The 95 % one, corrected for the family.

    Returns
    -------
    str or None
        ``equivalent to chance`` if the first lies inside 0.5 +- `MARGIN`: two one-sided tests, each at 5 %. Otherwise
        ``above chance`` or ``below chance`` by the second, or ``not shown``: the intervals are too wide for any of
        them. None without an interval.
    """
    if np.isnan(equivalence.low):
        return None
    if equivalence.low > CHANCE - MARGIN and equivalence.high < CHANCE + MARGIN:
        return EQUIVALENT
    if joint.low > CHANCE:
        return ABOVE
    return BELOW if joint.high < CHANCE else NOT_SHOWN


def _mean(head: dict[str, Any], variant: str, aucs: pd.Series, level: float) -> dict[str, Any]:
    joint, equivalence = t_interval(aucs, level).bounded(), t_interval(aucs, EQUIVALENCE).bounded()
    row = _row(head, variant, None, t_interval(aucs).bounded(), joint)
    row |= {"equivalence_low": equivalence.low, "equivalence_high": equivalence.high}
    row |= {"verdict": chance_verdict(equivalence, joint)}
    return row | {"statement": _statement(row)}


def _compared(variants: list[str]) -> list[tuple[str, ...]]:
    pairs = [(MAIN, name) for name in variants if name != MAIN]
    return [pair for pair in [*pairs, *combinations(SPLITS, 2)] if set(pair) <= set(variants)]


def _difference(first: pd.Series, second: pd.Series) -> Interval:
    return paired_t_interval(*first.align(second, join="inner"))


def _row(head: dict[str, Any], variant: Any, contrast: Any, interval: Interval, joint: Interval) -> dict[str, Any]:
    row = head | {
        "control": "difference" if contrast else "mean",
        "variant": variant,
        "contrast": contrast,
        "n": interval.n,
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "family_low": joint.low,
        "family_high": joint.high,
    }
    return row | {"statement": _statement(row)} if contrast else row


def _statement(row: Mapping[str, Any]) -> str:
    phase = "" if row["phase"] == "final" else f" ({row['phase']})"
    what = f"{row['approach']} {row['variant']}{phase}"
    score = METRICS[row["metric"]]
    what = f"{score} of {what} minus {row['contrast']}" if row["contrast"] else f"mean {score} of {what}"
    place = f"{row['cohort_group']}, {row['modality']}, {row['protocol']}"
    if not row["n"]:
        return f"{place}: no cohort gives an {what.removeprefix('mean ')}."
    where = f"{place}: {what} over {row['n']} cohorts"
    if np.isnan(row["low"]):
        why = "too few" if row["n"] < 2 else "all alike, so there is no basis"
        return f"{where} is {row['mean']:.3f}; {why} for an interval."
    numbers = f"{row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    return f"{where} is {numbers}; {_of_difference(row) if row['contrast'] else _of_chance(row)}."


def _of_difference(row: Mapping[str, Any]) -> str:
    if row["low"] > 0:
        return "the interval lies above 0"
    return "the interval lies below 0" if row["high"] < 0 else "the interval covers 0"


def _of_chance(row: Mapping[str, Any]) -> str:
    """Give the verdict with the interval that it rests on."""
    verdict = row["verdict"]
    if verdict in (ABOVE, BELOW):
        family = "" if row["family"] == 1 else f" corrected for {row['family']} approaches"
        return f"{verdict}: the interval{family} lies {verdict.split()[0]} {CHANCE:g}"
    narrow = f"the 90 % interval, {row['equivalence_low']:.3f} to {row['equivalence_high']:.3f}"
    margin = f"{CHANCE - MARGIN:g} to {CHANCE + MARGIN:g}"
    return f"{verdict}: {narrow}, {'lies' if verdict == EQUIVALENT else 'does not lie'} inside {margin}"
