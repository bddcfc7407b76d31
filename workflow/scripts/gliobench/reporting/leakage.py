"""Figure of the slice leakage: the 2 x 2 of split and part."""

from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliobench.evaluation.leakage import HEAD, PARTS, SPLITS, UNITS
from gliobench.reporting.style import GREY, INK, approach_colour, new_figure, say_why_empty, styled

PARTS_IN_WORDS = {"validation": "best validation epoch", "test": "untouched test"}
SCORES = {"accuracy": "Accuracy", "auc": "AUC"}
PLACES = {corner: place for place, corner in enumerate(product(SPLITS.values(), PARTS))}


@styled
def leakage_figure(table: pd.DataFrame) -> Figure:
    """
    Draw accuracy and AUC of the 2 x 2 of split and part: a line of panels a cohort, approach and phase.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``leakage``.
    """
    groups = list(table.groupby([*HEAD, "phase"], sort=False)) or [((), table)]
    figure = new_figure(9, 0.8 + 2.1 * len(groups))
    panels = figure.subplots(len(groups), 2, sharey=True, sharex="col", squeeze=False)
    for line, (names, rows) in zip(panels, groups, strict=True):
        for axes, (score, words) in zip(line, SCORES.items(), strict=True):
            _draw_panel(axes, rows, score)
            axes.set_title(words)
        about = " · ".join(str(name) for name in names if name != "final")
        line[0].set_title(f"{about}\n{words_of(rows)}\n\n{SCORES['accuracy']}")
    figure.legend(handles=_legend(), loc="outside lower center", ncols=4)
    return figure


def words_of(rows: pd.DataFrame) -> str:
    """Say how many training slices and runs each split has."""
    counts = rows.drop_duplicates("split")
    return "; ".join(
        f"{row.split} split: {row.n_train} training slices, {row.n_runs} {'run' if row.n_runs == 1 else 'runs'}"
        for row in counts.itertuples()
    )


def _draw_panel(axes: Axes, rows: pd.DataFrame, score: str) -> None:
    axes.set_yticks(range(len(PLACES)), [f"{split} split, {PARTS_IN_WORDS[part]}" for split, part in PLACES])
    axes.set(ylim=(len(PLACES) - 0.5, -0.5))
    axes.grid(visible=False, axis="y")
    axes.axhline(1.5, color=GREY, lw=0.6)
    if score == "auc":
        axes.axvline(0.5, color=INK, lw=0.9, ls=":")
    if rows.empty:
        say_why_empty(axes, "no pair of runs was scored")
    for row in rows.to_dict("records"):
        place = PLACES[row["split"], row["part"]] + (-0.14 if row["unit"] == "slice" else 0.14)
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


_MARKS = {"slice": "o", "patient": "s"}


def _fill(unit: str, colour: str) -> str:
    return colour if unit == "slice" else "white"


def _legend() -> list[Line2D]:
    marks = [
        Line2D([], [], color=GREY, marker=_MARKS[unit], mfc=_fill(unit, GREY), lw=1.6, label=f"{unit}s")
        for unit in UNITS
    ]
    return [
        *marks,
        Line2D([], [], color=INK, marker="|", ms=9, mew=1.6, lw=0, label="always the commoner label"),
        Line2D([], [], color=INK, lw=0.9, ls=":", label="chance"),
    ]
