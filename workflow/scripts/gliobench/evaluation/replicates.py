"""Controls: independent cohorts together, with t intervals over the cohorts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.columns import MAIN
from gliobench.evaluation.intervals import CONFIDENCE, Interval, paired_t_interval, t_interval
from gliobench.evaluation.leakage import SPLITS
from gliobench.evaluation.tested import tested_methods
from gliobench.files import check_table, table_schema

METHOD = ["approach", "modality", "protocol", "phase"]
CHANCE = 0.5


def replicates_table(comparison: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """
    Test AUC over groups of independent cohorts, and its paired difference between variants.

    Parameters
    ----------
    comparison : pandas.DataFrame
        The table ``comparison`` (or ``metrics``); rows of test patients and of cells without a score are used.
    groups : mapping of str to sequence of str
        A group's name -> its cohorts, for example ``{"null": ["null-01", ..., "null-20"]}``.

    Returns
    -------
    pandas.DataFrame
        The table ``replicates``: one row per group, approach, variant, modality, protocol and phase (``mean``), and per
        pair of variants (``difference``, over the cohorts that have both): ``main`` minus each other one, and
        ``slice_split`` minus ``patient_split``, the effect of splitting by slice. A variant without an AUC on any
        cohort keeps a row, without a mean. The family of a mean is the approaches of its group: its second interval is
        corrected for them (Bonferroni). An approach counts once, however many variants, modalities, protocols and
        phases it has.
    """
    rows = []
    for group, cohorts in groups.items():
        cells = comparison[comparison["cohort"].isin(cohorts)]
        head = {"cohort_group": group, "family": cells["approach"].nunique()}
        for method, of_method in tested_methods(cells).groupby(METHOD, sort=False):
            rows += _rows_of(head | dict(zip(METHOD, method, strict=True)), of_method)
    table = pd.DataFrame(rows, columns=list(table_schema("replicates")["properties"]))
    return check_table(table, "replicates", "the replicates")


def _rows_of(head: dict[str, Any], cells: pd.DataFrame) -> list[dict[str, Any]]:
    aucs = {name: rows.set_index("cohort")["auc"].dropna() for name, rows in cells.groupby("variant", sort=False)}
    variants = [str(name) for name in aucs]
    level = 1 - (1 - CONFIDENCE) / head["family"]
    rows = [_row(head, name, None, t_interval(aucs[name]), t_interval(aucs[name], level)) for name in variants]
    alone = head | {"family": 1}
    for first, second in _compared(variants):
        difference = _difference(aucs[first], aucs[second])
        if difference.n:
            rows.append(_row(alone, first, second, difference, difference))
    return rows


def _compared(variants: list[str]) -> list[tuple[str, ...]]:
    pairs = [(MAIN, name) for name in variants if name != MAIN]
    return [pair for pair in [*pairs, tuple(SPLITS)] if set(pair) <= set(variants)]


def _difference(first: pd.Series, second: pd.Series) -> Interval:
    return paired_t_interval(*first.align(second, join="inner"))


def _row(head: dict[str, Any], variant: Any, contrast: Any, interval: Interval, joint: Interval) -> dict[str, Any]:
    row = head | {
        "control": "difference" if contrast else "mean",
        "variant": variant,
        "contrast": contrast,
        "metric": "auc",
        "n": interval.n,
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "family_low": joint.low,
        "family_high": joint.high,
    }
    return row | {"statement": _statement(row)}


def _statement(row: Mapping[str, Any]) -> str:
    phase = "" if row["phase"] == "final" else f" ({row['phase']})"
    what = f"{row['approach']} {row['variant']}{phase}"
    what = f"AUC of {what} minus {row['contrast']}" if row["contrast"] else f"mean AUC of {what}"
    place = f"{row['cohort_group']}, {row['modality']}, {row['protocol']}"
    if not row["n"]:
        return f"{place}: no cohort gives an {what.removeprefix('mean ')}."
    where = f"{place}: {what} over {row['n']} cohorts"
    if np.isnan(row["low"]):
        why = "too few" if row["n"] < 2 else "all alike, so there is no basis"
        return f"{where} is {row['mean']:.3f}; {why} for an interval."
    reference = 0 if row["contrast"] else CHANCE
    numbers = f"{row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    family = "" if row["family"] == 1 else f" corrected for {row['family']} approaches"
    return f"{where} is {numbers}; the interval{family} {_lies(row, reference)}."


def _lies(row: Mapping[str, Any], reference: float) -> str:
    if row["family_low"] > reference:
        return f"lies above {reference:g}"
    return f"lies below {reference:g}" if row["family_high"] < reference else f"covers {reference:g}"
