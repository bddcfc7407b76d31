"""Figure of the sensitivity floor: the AUC that an approach reaches against the one that could be reached."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from gliobench.evaluation.intervals import CONFIDENCE, t_interval
from gliobench.evaluation.sensitivity import points_of, reached
from gliobench.reporting.style import GREY, INK, approach_colour, new_figure, say_why_empty, styled
from gliobench.reporting.text import interval

COLUMNS = 4
FLOOR = (0, (8, 2))  # dashes of its line
BACK = {"facecolor": "white", "pad": 1, "lw": 0}  # of words over lines

Row = Mapping[Any, Any]


@styled
def sensitivity_figure(
    comparison: pd.DataFrame, cohorts: pd.DataFrame, sensitivity: pd.DataFrame, groups: Mapping[str, Sequence[str]]
) -> Figure:
    """
    Draw the AUC reached against the oracle's: a panel an approach, a point a cohort, a diamond a group of cohorts.

    Parameters
    ----------
    comparison, cohorts, sensitivity : pandas.DataFrame
        The tables of those names.
    groups : mapping of str to sequence of str
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
    points = reached(comparison, cohorts, groups)
    left = min(0.4, points["oracle"].min() - 0.02)
    for axes, row in zip(panels, rows, strict=False):
        axes.plot([left, 1], [left, 1], color=GREY, lw=0.9, ls=(0, (4, 3)))
        axes.axhline(0.5, color=INK, lw=0.9, ls=":")
        _draw_approach(axes, row, points_of(row, points))
        axes.set(xlim=(left, 1.02), ylim=(-0.02, 1.02), xlabel="Oracle AUC")
    for axes in panels[: len(rows) : columns]:
        axes.set_ylabel("AUC reached, test part")
    figure.legend(handles=_legend(), loc="outside lower center", ncols=2)
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


def _legend() -> list[Line2D]:
    return [
        Line2D([], [], color=GREY, marker="o", ms=4, lw=0, label="a cohort"),
        Line2D([], [], color=GREY, marker="D", mec=INK, ms=5.5, lw=0, label="mean of a level, 95 % t interval"),
        Line2D([], [], color=GREY, lw=1.8, label="least squares, 95 % band"),
        Line2D([], [], color=GREY, lw=0.9, ls=(0, (4, 3)), label="as good as the oracle"),
        Line2D([], [], color=INK, lw=0.9, ls=":", label="chance"),
        Line2D([], [], color=INK, lw=1, ls=FLOOR, label="floor: from here on above chance"),
    ]
