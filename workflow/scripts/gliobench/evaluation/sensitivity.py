"""The sensitivity floor: how strong a planted signal must be before an approach finds it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from gliobench.evaluation.t_intervals import CONFIDENCE, Interval, interval_of_aucs
from gliobench.evaluation.tested import VARIANT, tested_methods, tested_patients
from gliobench.files import check_table, table_schema

GROUPED_BY = ["approach", "variant", "modality", "protocol", "phase"]
CHANCE = 0.5
FEWEST = 3  # points needed for a line with an interval
FEWEST_OF_LEVEL = 2  # for the interval of a mean

Levels = Mapping[str, Sequence[str]]


def reached(comparison: pd.DataFrame, cohorts: pd.DataFrame, replicates_of: Levels) -> pd.DataFrame:
    """
    Pair the AUC of each method on a cohort with the best AUC that any method could reach there.

    Parameters
    ----------
    comparison : pandas.DataFrame
        The table ``comparison`` (or ``metrics``); its rows of test patients with an AUC are used.
    cohorts : pandas.DataFrame
        The table ``cohorts``, for the oracle AUC of the patients.
    replicates_of : mapping of str to sequence of str
        The levels of signal: name of a level -> its cohorts.

    Returns
    -------
    pandas.DataFrame
        approach, variant, modality, protocol, phase, group, cohort, oracle and auc: one row per method and cohort.
    """
    scores = tested_patients(comparison)[["cohort", *GROUPED_BY, "auc"]]
    joined = scores.merge(_levels(cohorts, replicates_of), on="cohort").dropna(subset=["oracle", "auc"])
    return joined[[*GROUPED_BY, "group", "cohort", "oracle", "auc"]].reset_index(drop=True)


def _levels(cohorts: pd.DataFrame, replicates_of: Levels) -> pd.DataFrame:
    """Return group, cohort and oracle, missing where unknown, of every cohort of a level."""
    oracles = cohorts.drop_duplicates("cohort").set_index("cohort")["oracle_auc"]
    members = [(name, cohort, oracles.get(cohort)) for name, names in replicates_of.items() for cohort in names]
    return pd.DataFrame(members, columns=["group", "cohort", "oracle"]).astype({"oracle": float})


def sensitivity_table(comparison: pd.DataFrame, cohorts: pd.DataFrame, replicates_of: Levels) -> pd.DataFrame:
    """
    Find how the AUC of each method grows with the planted signal, and the strength from which on it is found.

    The slope is the least-squares slope of the AUC reached on the oracle's, over cohorts. A level is found if the 95 %
    t interval of its cohorts' mean AUC, or an AUC that all of them reach, lies above 0.5; the floor is the weakest
    level from which on every one is found, of those that the method was asked for.

    Parameters
    ----------
    comparison, cohorts, replicates_of
        As for `reached`.

    Returns
    -------
    pandas.DataFrame
        The table ``sensitivity``: one row per approach, variant, modality, protocol and phase. One without an AUC on
        any cohort keeps its row, without a slope.
    """
    points, levels = reached(comparison, cohorts, replicates_of), _levels(cohorts, replicates_of)
    on_levels = comparison[comparison["cohort"].isin(levels["cohort"])]
    methods = tested_methods(on_levels)[GROUPED_BY].drop_duplicates().to_dict("records")
    rows = [_row(method, points_of(method, points), _asked(method, on_levels, levels)) for method in methods]
    table = pd.DataFrame(rows, columns=list(table_schema("sensitivity")["properties"]))
    return check_table(table, "sensitivity", "the sensitivity of the approaches")


def points_of(method: Mapping[Any, Any], points: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows of one method among those that `reached` returns."""
    return points[(points[GROUPED_BY] == [method[name] for name in GROUPED_BY]).all(axis=1)]


def _asked(method: Mapping[Any, Any], comparison: pd.DataFrame, levels: pd.DataFrame) -> pd.Series:
    """Return how many cohorts of each level a method was to be trained on, from the weakest level of signal on."""
    cells = comparison[(comparison[VARIANT] == [method[name] for name in VARIANT]).all(axis=1)]
    cohorts = levels[levels["cohort"].isin(cells["cohort"])].dropna()
    return cohorts.groupby("group")["oracle"].agg(["mean", "size"]).sort_values("mean")["size"]


def _row(method: Mapping[Any, Any], points: pd.DataFrame, asked: pd.Series) -> dict[str, Any]:
    slope = _slope(points["oracle"].to_numpy(float), points["auc"].to_numpy(float))
    row = dict(method) | {
        "n_cohorts": len(points),
        "n_levels": points["group"].nunique(),
        "oracle_low": points["oracle"].min(),
        "oracle_high": points["oracle"].max(),
        "slope": slope.mean,
        "slope_low": slope.low,
        "slope_high": slope.high,
        "floor": _floor(points, asked.index),
    }
    scored = [(int(points["group"].eq(str(level)).sum()), int(n)) for level, n in asked.items()]
    return row | {"statement": _statement(row, *scored[-1:])}


def _slope(oracle: np.ndarray, auc: np.ndarray) -> Interval:
    """Return the least-squares slope with its t interval on n - 2 degrees of freedom; empty without a line."""
    if len(oracle) < FEWEST or np.ptp(oracle) == 0:
        return Interval(np.nan, np.nan, np.nan, len(oracle))
    line = stats.linregress(oracle, auc)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(oracle) - 2) * line.stderr)
    return Interval(float(line.slope), float(line.slope) - half, float(line.slope) + half, len(oracle))


def _floor(points: pd.DataFrame, levels: Iterable[str]) -> float:
    """Return the mean oracle AUC of the weakest level from which on every level is found, or NaN."""
    floor = np.nan
    for name in reversed(list(levels)):
        level = points[points["group"].eq(name)]
        if not interval_of_aucs(level["auc"]).low > CHANCE:  # neither is a level of one AUC, which has no interval
            break
        floor = level["oracle"].mean()
    return float(floor)


def _statement(row: Mapping[str, Any], strongest: tuple[int, int] = (0, 0)) -> str:
    """Say the slope and the floor; `strongest` has the numbers of AUCs and of cohorts at the strongest level."""
    name = f"{row['approach']} {row['variant']}, {row['modality']}, {row['protocol']}, {row['phase']}"
    if not row["n_cohorts"]:
        return f"{name}: no cohort gives an AUC."
    return f"{name}: over {row['n_cohorts']} cohorts {_say_slope(row)}; {_say_floor(row, strongest)}."


def _say_slope(row: Mapping[str, Any]) -> str:
    if np.isnan(row["slope"]):
        return "there is no slope, because they are too few or alike"
    numbers = f"{row['slope']:.2f} ({row['slope_low']:.2f} to {row['slope_high']:.2f})"
    verdict = "above 0" if row["slope_low"] > 0 else "below 0" if row["slope_high"] < 0 else "which covers 0"
    return f"the slope of its AUC on the oracle's is {numbers}, {verdict}"


def _say_floor(row: Mapping[str, Any], strongest: tuple[int, int]) -> str:
    scored, cohorts = strongest
    if scored < FEWEST_OF_LEVEL:
        few = f"an AUC on {scored} of {cohorts} cohorts, and an interval needs {FEWEST_OF_LEVEL}"
        return f"the strongest level of signal has {few}, so there is no floor"
    if np.isnan(row["floor"]):
        return "the strongest level of signal is not distinguishable from chance, so there is no floor"
    return f"signals are distinguishable from chance from a mean oracle AUC of {row['floor']:.2f} on"
