"""Figures of the controls: replicated cohorts, slice leakage, the sensitivity floor, and visible labels."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from gliobench.evaluation.columns import BLIND, CELL, HARMONISED, LEAKAGE_KEY, OWN, SEEN
from gliobench.evaluation.leakage import COMPARED_PARTS, SPLITS, UNITS
from gliobench.evaluation.replicates import CHANCE, GROUPED_BY, MARGIN
from gliobench.evaluation.sensitivity import points_of, reached
from gliobench.evaluation.t_intervals import CONFIDENCE, t_interval
from gliobench.evaluation.tested import tested_patients
from gliobench.figures.style import (
    CHANCE_LINE,
    GREY,
    INK,
    ORACLE_LINE,
    approach_colour,
    new_figure,
    say_why_empty,
    styled,
)
from gliobench.wording import DASH, interval, method_name, plural

PARTS_IN_WORDS = {"validation": "best validation epoch", "test": "untouched test"}
SCORES = {"accuracy": "Accuracy", "auc": "AUC"}
_MARKS = {"slice": "o", "patient": "s"}
COLUMNS = 4
WIDEST = 90  # characters of a heading
FLOOR = (0, (8, 2))  # dashes of its line
BACK = {"facecolor": "white", "pad": 1, "lw": 0}  # behind words on lines

Row = Mapping[Any, Any]


@styled
def replicates_figure(
    comparison: pd.DataFrame, replicates: pd.DataFrame, replicates_of: Mapping[str, Sequence[str]]
) -> Figure:
    """
    Draw the controls: one point per cohort, their mean and its 95 % t interval, against chance or no difference.

    The 90 % interval of a mean is drawn thick: inside the grey band the mean is equivalent to chance. Left out are
    methods whose score cannot vary, and scores within sites where sites are tested one by one: they are the AUC.

    Parameters
    ----------
    comparison, replicates : pandas.DataFrame
        The tables of those names.
    replicates_of : mapping of str to sequence of str
        As for `gliobench.evaluation.replicates.replicates_table`.
    """
    replicates = _without_copies(replicates)
    kinds = [kind for kind in ("mean", "difference") if (replicates["control"] == kind).any()] or ["mean"]
    lines = [replicates[replicates["control"] == kind].to_dict("records") for kind in kinds]
    figure = new_figure(7.2, 1.5 + 0.48 * sum(map(len, lines)) + 0.4 * len(kinds))
    panels = figure.subplots(len(kinds), 1, squeeze=False, height_ratios=[len(rows) + 0.6 for rows in lines])[:, 0]
    for axes, kind, rows in zip(panels, kinds, lines, strict=True):
        reference, least, label = (0.5, 0, "AUC of the test part") if kind == "mean" else (0, -1, "Difference of AUC")
        axes.axvline(reference, **CHANCE_LINE)
        if kind == "mean":
            axes.axvspan(CHANCE - MARGIN, CHANCE + MARGIN, color=GREY, alpha=0.2, lw=0)
        names = [_draw_replicates(axes, place, row, comparison, replicates_of) for place, row in enumerate(rows)]
        axes.set_yticks(range(len(rows)), names)
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=label)
        low, high = axes.get_xlim()  # the interval of two cohorts can go far beyond possible scores
        axes.set_xlim(max(low, least - 0.02), min(high, 1.02))
        axes.grid(visible=False, axis="y")
        axes.set_title("Mean over independent cohorts" if kind == "mean" else "Paired difference, cohort by cohort")
    handles = [Line2D([], [], **CHANCE_LINE, label="chance, or no difference")]
    if "mean" in kinds:
        band = f"equivalent to chance: {CHANCE - MARGIN:g} to {CHANCE + MARGIN:g}"
        handles.append(Line2D([], [], color=GREY, alpha=0.2, lw=7, label=band))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _without_copies(replicates: pd.DataFrame) -> pd.DataFrame:
    """Return the rows but means of several cohorts with one and the same score, and those that repeat another score."""
    constant = replicates["control"].eq("mean") & replicates["n"].gt(1) & replicates["low"].isna()
    varying = replicates[~constant]
    return varying[~varying.duplicated([*GROUPED_BY, "cohort_group", "variant", "contrast", "mean", "low", "high"])]


def _draw_replicates(
    axes: Axes, place: int, row: Row, comparison: pd.DataFrame, replicates_of: Mapping[str, Sequence[str]]
) -> str:
    """Draw one line of the controls and return its name."""
    values = _values(row, comparison, replicates_of) if row["n"] else np.empty(0)
    colour = approach_colour(row["approach"])
    scatter = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.zeros(len(values))
    axes.plot(values, place + scatter, "o", ms=4, color=colour, alpha=0.45, mew=0)
    axes.plot([row["low"], row["high"]], [place, place], color=INK, lw=1.2)
    axes.plot([row["equivalence_low"], row["equivalence_high"]], [place, place], color=INK, lw=3)
    axes.plot(row["mean"], place, "D", ms=6.5, color=colour, mec=INK, mew=1)
    text = f"{interval(row['mean'], row['low'], row['high'], digits=3)}, n = {row['n']}"
    text += "" if pd.isna(row["verdict"]) else f"\n{row['verdict']}"
    axes.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    minus: str = "" if pd.isna(row["contrast"]) else f" {DASH} {row['contrast']}"
    phase = "" if row["phase"] == "final" else f", {row['phase']}"
    protocol = "" if row["protocol"] == HARMONISED else f"\n{row['protocol']}"
    within = "" if row["metric"] == "auc" else "\nwithin sites"
    return f"{row['cohort_group']}: {row['approach']} {row['variant']}{minus}{phase}{protocol}{within}"


def _values(row: Row, comparison: pd.DataFrame, replicates_of: Mapping[str, Sequence[str]]) -> np.ndarray:
    tested = tested_patients(comparison)
    chosen = tested["cohort"].isin(replicates_of[row["cohort_group"]])
    for name in GROUPED_BY:
        chosen &= tested[name] == row[name]
    aucs = {name: rows.set_index("cohort")[row["metric"]] for name, rows in tested[chosen].groupby("variant")}
    values = aucs[row["variant"]]
    return (values if pd.isna(row["contrast"]) else values - aucs[row["contrast"]]).dropna().to_numpy()


@styled
def leakage_figure(table: pd.DataFrame) -> Figure:
    """
    Draw accuracy and AUC by split and part: one line of panels per cohort, kind of labels, approach and phase.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``leakage``.
    """
    groups = list(table.groupby([*LEAKAGE_KEY, "phase"], sort=False)) or [((), table)]
    figure = new_figure(9, 0.9 + 0.5 * sum(1 + len(_places(rows)) for _, rows in groups))
    panels = figure.subplots(len(groups), 2, sharey=True, sharex="col", squeeze=False)
    for line, (names, rows) in zip(panels, groups, strict=True):
        for axes, (score, words) in zip(line, SCORES.items(), strict=True):
            _draw_panel(axes, rows, score)
            axes.set_title(words)
        about = " · ".join(str(name) for name in names if name not in ("final", "own"))
        line[0].set_title(f"{about}\n{textwrap.fill(words_of(rows), WIDEST)}\n\n{SCORES['accuracy']}")
    figure.legend(handles=_leakage_legend(), loc="outside lower center", ncols=4)
    return figure


def words_of(rows: pd.DataFrame) -> str:
    """Say how many training slices, runs and cohorts each split has."""
    return "; ".join(
        f"{row['split']} split: {row['n_train']} training slices, {plural(row['n_runs'], 'run')}{_over(row)}"
        for row in rows.drop_duplicates("split").to_dict("records")
    )


def _over(row: Row) -> str:
    whose = {"own": "cohorts", "permutations": "permutations"}[row["labels"]]
    return f" of {row['n_cohorts']} {whose}" if row["n_cohorts"] > 1 else ""


def _places(rows: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return the line of each split and part, from the top."""
    there = [split for split in SPLITS.values() if (rows["split"] == split).any()]
    return {corner: place for place, corner in enumerate(product(there, COMPARED_PARTS))}


def _draw_panel(axes: Axes, rows: pd.DataFrame, score: str) -> None:
    places = _places(rows)
    axes.set_yticks(range(len(places)), [f"{split} split, {PARTS_IN_WORDS[part]}" for split, part in places])
    axes.set(ylim=(max(len(places), 1) - 0.5, -0.5))
    axes.grid(visible=False, axis="y")
    for line in range(len(COMPARED_PARTS), len(places), len(COMPARED_PARTS)):
        axes.axhline(line - 0.5, color=GREY, lw=0.6)
    if score == "auc":
        axes.axvline(0.5, **CHANCE_LINE)
    if rows.empty:
        say_why_empty(axes, "no pair of runs was scored")
    for row in rows.to_dict("records"):
        place = places[row["split"], row["part"]] + (-0.14 if row["unit"] == "slice" else 0.14)
        colour = approach_colour(row["approach"])
        if score == "accuracy":
            axes.plot([row["majority"]] * 2, [place - 0.12, place + 0.12], color=INK, lw=1.6)
        axes.plot([row[f"{score}_low"], row[f"{score}_high"]], [place, place], color=colour, lw=1.6)
        axes.plot(row[score], place, _MARKS[row["unit"]], ms=6, color=colour, mfc=_fill(row["unit"], colour))
        side = -1 if row[score] > 0.8 else 1
        end = row[f"{score}_low" if side < 0 else f"{score}_high"]
        axes.annotate(
            f"{row[score]:.2f}", (row[score] if pd.isna(end) else end, place), xytext=(8 * side, 0),
            textcoords="offset points", va="center", ha="right" if side < 0 else "left", fontsize=7.5,
            bbox={"facecolor": "white", "pad": 0.6, "lw": 0},
        )  # fmt: skip
    axes.set_xlim(0, 1.02)


def _fill(unit: str, colour: str) -> str:
    return colour if unit == "slice" else "white"


def _leakage_legend() -> list[Line2D]:
    marks = [
        Line2D([], [], color=GREY, marker=_MARKS[unit], mfc=_fill(unit, GREY), lw=1.6, label=f"{unit}s")
        for unit in UNITS
    ]
    return [
        *marks,
        Line2D([], [], color=INK, marker="|", ms=9, mew=1.6, lw=0, label="always the majority class"),
        Line2D([], [], **CHANCE_LINE, label="chance"),
    ]


@styled
def sensitivity_figure(
    comparison: pd.DataFrame,
    cohorts: pd.DataFrame,
    sensitivity: pd.DataFrame,
    replicates_of: Mapping[str, Sequence[str]],
) -> Figure:
    """
    Draw the AUC reached against the oracle's: a panel per approach, a point per cohort, a diamond per group.

    Parameters
    ----------
    comparison, cohorts, sensitivity : pandas.DataFrame
        The tables of those names.
    replicates_of : mapping of str to sequence of str
        The levels of signal: name of a group -> its cohorts.
    """
    rows = sensitivity.to_dict("records")
    columns = min(COLUMNS, max(len(rows), 2))
    lines = max(-(-len(rows) // columns), 1)
    figure = new_figure(0.5 + 2.7 * columns, 1 + 3.2 * lines)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in panels[len(rows) :]:
        axes.set_axis_off()
    if not rows:
        say_why_empty(panels[0], "no approach was scored on these cohorts")
        return figure
    points = reached(comparison, cohorts, replicates_of)
    left = min(0.4, points["oracle"].min() - 0.02)
    for axes, row in zip(panels, rows, strict=False):
        axes.plot([left, 1], [left, 1], **ORACLE_LINE)
        axes.axhline(0.5, **CHANCE_LINE)
        _draw_approach(axes, row, points_of(row, points))
        axes.set(xlim=(left, 1.02), ylim=(-0.02, 1.02), xlabel="Oracle AUC")
    for axes in panels[: len(rows) : columns]:
        axes.set_ylabel("AUC reached, test part")
    figure.legend(handles=_sensitivity_legend(), loc="outside lower center", ncols=2)
    return figure


def _draw_approach(axes: Axes, row: Row, points: pd.DataFrame) -> None:
    phase = "" if row["phase"] == "final" else f", {row['phase']}"
    axes.set_title(f"{row['approach']} {row['variant']}\n{row['modality']}{phase}, {row['n_cohorts']} cohorts")
    if points.empty:
        say_why_empty(axes, "no cohort gives an AUC")
        return
    colour = approach_colour(row["approach"])
    if np.ptp(points["oracle"]) > 0 and len(points) > 2:
        _draw_fit(axes, points["oracle"].to_numpy(), points["auc"].to_numpy(), colour)
    axes.plot(points["oracle"], points["auc"], "o", ms=4, color=colour, alpha=0.5, mew=0)
    for _, group in points.groupby("group"):
        mean, place = t_interval(group["auc"]), group["oracle"].mean()
        axes.plot([place, place], [mean.low, mean.high], color=INK, lw=1.2)
        axes.plot(place, mean.mean, "D", ms=5.5, color=colour, mec=INK, mew=0.9)
    if pd.notna(row["floor"]):
        axes.axvline(row["floor"], color=INK, lw=1, ls=FLOOR)
    floor = "no floor found" if pd.isna(row["floor"]) else f"floor {row['floor']:.2f}"
    text = f"slope {interval(row['slope'], row['slope_low'], row['slope_high'])}\n{floor}"
    axes.text(0.04, 0.03, text, transform=axes.transAxes, fontsize=7.5, va="bottom", bbox=BACK)


def _draw_fit(axes: Axes, oracle: np.ndarray, auc: np.ndarray, colour: str) -> None:
    """Draw the least-squares line with the pointwise 95 % t band of its mean."""
    fit = stats.linregress(oracle, auc)
    x = np.linspace(oracle.min(), oracle.max(), 50)
    line = fit.intercept + fit.slope * x
    degrees = len(oracle) - 2
    spread = np.sqrt(((auc - fit.intercept - fit.slope * oracle) ** 2).sum() / degrees)
    lever = 1 / len(oracle) + (x - oracle.mean()) ** 2 / ((oracle - oracle.mean()) ** 2).sum()
    half = stats.t.ppf((1 + CONFIDENCE) / 2, degrees) * spread * np.sqrt(lever)
    axes.fill_between(x, line - half, line + half, color=colour, alpha=0.15, lw=0)
    axes.plot(x, line, color=colour, lw=1.8)


def _sensitivity_legend() -> list[Line2D]:
    return [
        Line2D([], [], color=GREY, marker="o", ms=4, lw=0, label="a cohort"),
        Line2D([], [], color=GREY, marker="D", mec=INK, ms=5.5, lw=0, label="mean of a level, 95 % t interval"),
        Line2D([], [], color=GREY, lw=1.8, label="least squares, 95 % band"),
        Line2D([], [], **ORACLE_LINE, label="as good as the oracle"),
        Line2D([], [], **CHANCE_LINE, label="chance"),
        Line2D([], [], color=INK, lw=1, ls=FLOOR, label="floor: from here on above chance"),
    ]


@styled
def visible_figure(table: pd.DataFrame) -> Figure:
    """
    Draw the AUC of each method on visible labels, from easy to hard, and on its own: a panel per method.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``visible``.
    """
    methods = list(table.groupby([*CELL, "phase"], sort=False))
    columns = min(COLUMNS, max(len(methods), 2))
    lines = max(-(-len(methods) // columns), 1)
    figure = new_figure(0.5 + 3 * columns, 1 + 3.2 * lines)
    panels = figure.subplots(lines, columns, squeeze=False, sharey=True).ravel()
    for axes in panels[len(methods) :]:
        axes.set_axis_off()
    if not methods:
        say_why_empty(panels[0], "no method was trained on visible labels")
    for axes, (_, rows) in zip(panels, methods, strict=False):
        _draw_visible(axes, rows.to_dict("records"))
    for axes in panels[: len(methods) : columns]:
        axes.set_ylabel("AUC, test part")
    marks = [("seen", GREY), ("not seen", "white")]
    handles = [Line2D([], [], color=GREY, marker="o", mfc=fill, lw=1.6, label=label) for label, fill in marks]
    handles.append(Line2D([], [], color=GREY, marker="D", mfc="white", lw=1.6, label="own labels"))
    handles.append(Line2D([], [], **CHANCE_LINE, label="chance"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _draw_visible(axes: Axes, rows: Sequence[Row]) -> None:
    first = rows[0]
    phase = "" if first["phase"] == "final" else f", {first['phase']}"
    sees = f"\n{BLIND}" if first["network"] == BLIND else ""
    axes.set_title(f"{method_name(first)}\n{first['cohort']}, {first['protocol']}{phase}{sees}")
    axes.axhline(CHANCE, **CHANCE_LINE)
    colour = approach_colour(first["approach"])
    for place, row in enumerate(rows):
        axes.plot([place, place], [row["auc_low"], row["auc_high"]], color=colour, lw=1.6)
        fill = colour if row["verdict"] == SEEN else "white"
        axes.plot(place, row["auc"], "D" if row["labels"] == OWN else "o", ms=6, color=colour, mfc=fill)
    axes.set_xticks(range(len(rows)), [row["labels"] for row in rows], rotation=30, ha="right")
    axes.set(xlim=(-0.5, len(rows) - 0.5), ylim=(-0.02, 1.02))
    axes.grid(visible=False, axis="x")
