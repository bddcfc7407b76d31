"""Figures of a whole study: the AUC of every cell with its interval, and AUC against cost."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliobench.evaluation.columns import BASELINE, CELL, HARMONISED, PARTS
from gliobench.figures.style import (
    CHANCE_LINE,
    GREY,
    INK,
    LIGHT,
    ORACLE_LINE,
    approach_colour,
    count_in_powers,
    new_figure,
    say_why_empty,
    styled,
)
from gliobench.wording import interval

POINTS = ["cohort", *CELL[1:], "phase", "part", "n", "auc", "auc_low", "auc_high", "published_auc", "note"]
MARKERS = {"FLAIR": "o", "T1w": "s", "T1wCE": "^", "T2w": "D", "all": "P"}
LINE, EDGE = 0.2, 0.7  # inches: height of a line of the forest plot, and of the margins of a block
BEYOND = 0.6  # lines, from the middle of the first and of the last one to the edges of a block
COLUMNS = (8, 94, 148)  # points right of a block: AUC in figures, who was scored, remarks
PROTOCOLS = ("harmonised protocol", "protocols of the papers", "further protocols")
COST_STAGES = ("train", "tune")

Row = Mapping[Any, Any]


def points_of(
    comparison: pd.DataFrame,
    replicates: pd.DataFrame | None = None,
    replicates_of: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """
    Return one row per cell and phase: the AUC of its test patients, or of the first other part it has.

    Parameters
    ----------
    comparison : pandas.DataFrame
        Table ``comparison``; rows of slices are left out.
    replicates : pandas.DataFrame, optional
        Table ``replicates``: a group of cohorts has one row per cell, its mean AUC with the t interval.
    replicates_of : mapping of str to sequence of str, optional
        Cohorts of each group; they have no rows of their own.

    Returns
    -------
    pandas.DataFrame
        Columns `POINTS`, cohorts in the order of the table, groups last.
    """
    members = [name for names in (replicates_of or {}).values() for name in names]
    rows = comparison[comparison["unit"].ne("slice") & ~comparison["cohort"].isin(members)]
    place = rows["part"].map({part: place for place, part in enumerate(PARTS)}).fillna(len(PARTS))
    first = rows.loc[place.sort_values(kind="stable").index].drop_duplicates([*CELL, "phase"]).sort_index()
    points = [_point(row) for row in first.to_dict("records")]
    if replicates is not None:
        means = replicates[(replicates["control"] == "mean") & (replicates["metric"] == "auc")]
        points += [_mean_point(row) for row in means.to_dict("records")]
    return pd.DataFrame(points, columns=POINTS)


def oracles_of(cohorts: pd.DataFrame, replicates_of: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return the oracle AUC of every generated cohort, and its mean over every group, from the table ``cohorts``."""
    rows = cohorts[cohorts["oracle_auc"].notna()].drop_duplicates("cohort")
    oracles = dict(zip(rows["cohort"].astype(str), rows["oracle_auc"].astype(float), strict=True))
    means = {
        name: float(np.mean([oracles[cohort] for cohort in members]))
        for name, members in replicates_of.items()
        if all(cohort in oracles for cohort in members)
    }
    return oracles | means


def _point(row: Row) -> dict[str, Any]:
    n: str = "" if pd.isna(row["n_patients"]) else f"n = {row['n_patients']:.0f}"
    part: str = f"{row['part']} part" if row["part"] in PARTS[1:] else ""
    caveat: str = part if pd.isna(row["caveat"]) else str(row["caveat"])
    status: str = "" if row["status"] == "ok" else str(row["status"])
    published: str = "" if pd.isna(row["published_auc"]) else f"published {row['published_auc']:.2f}"
    why: str = "" if pd.isna(row["auc_reason"]) else str(row["auc_reason"])
    return {**row, "n": n, "note": "; ".join(filter(None, (status, why, published, caveat)))}


def _mean_point(row: Row) -> dict[str, Any]:
    ends = {"auc": row["mean"], "auc_low": row["low"], "auc_high": row["high"], "published_auc": np.nan}
    n = "1 cohort" if row["n"] == 1 else f"{row['n']} cohorts"
    note = "" if row["n"] else "no cohort gives one"
    return {**row, **ends, "cohort": row["cohort_group"], "part": "test", "n": n, "note": note}


@styled
def forest_figure(points: pd.DataFrame, oracles: Mapping[str, float]) -> Figure:
    """
    Draw the AUC of every cell with its interval: one block per cohort, harmonised cells and networks first.

    Parameters
    ----------
    points : pandas.DataFrame
        See `points_of`.
    oracles : mapping of str to float
        AUC of the planted probabilities on the patients of each generated cohort or group.
    """
    blocks = {str(cohort): _lines(rows) for cohort, rows in points.groupby("cohort", sort=False)}
    if not blocks:
        return _nothing("no cell was scored")
    drawn = {name: oracle for name, oracle in oracles.items() if name in blocks}
    figure = new_figure(9.2, 0.5 + sum(EDGE + LINE * len(lines) for lines in blocks.values()))
    heights = [len(lines) - 1 + 2 * BEYOND for lines in blocks.values()]  # in lines, so that all are as high
    panels = figure.subplots(len(blocks), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (cohort, lines) in zip(panels, blocks.items(), strict=True):
        _draw_block(axes, lines)
        axes.set_title(f"{cohort} (generated)" if cohort in drawn else cohort)
        if cohort in drawn:
            axes.axvline(drawn[cohort], **ORACLE_LINE, zorder=1)  # below points
    panels[-1].set(xlim=(-0.02, 1.02), xlabel="AUC with its 95 % interval")
    figure.legend(handles=_forest_legend(points, drawn), loc="outside lower center", ncols=3, handlelength=3)
    return figure


def _nothing(reason: str) -> Figure:
    figure = new_figure(6, 2)
    axes = figure.subplots()
    axes.set_axis_off()
    say_why_empty(axes, reason)
    return figure


def _lines(rows: pd.DataFrame) -> list[Row | str]:
    """Put the rows of a block in order, each protocol under its own line."""
    rows = rows.assign(kind=rows["protocol"].map(_kind_of_protocol), base=rows["approach"] == BASELINE)
    lines: list[Row | str] = []
    for kind in PROTOCOLS:
        part = rows[rows["kind"] == kind].sort_values("base", kind="stable")
        lines += [kind] * bool(len(part))
        lines += part.to_dict("records")
    return lines


def _kind_of_protocol(protocol: str) -> str:
    harmonised, papers, further = PROTOCOLS
    return harmonised if protocol == HARMONISED else papers if protocol.startswith("published") else further


def _draw_block(axes: Axes, lines: Sequence[Row | str]) -> None:
    axes.set_yticks(range(len(lines)), [line if isinstance(line, str) else _name(line) for line in lines])
    axes.set(ylim=(len(lines) - 1 + BEYOND, -BEYOND))
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelbottom=True)
    axes.grid(visible=False, axis="y")
    axes.axvline(0.5, **CHANCE_LINE)
    for place, (line, label) in enumerate(zip(lines, axes.get_yticklabels(), strict=True)):
        if isinstance(line, str):
            label.set(color=GREY, style="italic")
            axes.axhline(place, color=LIGHT, lw=0.8, zorder=0)
        else:
            _draw_line(axes, place, line)


def _name(row: Row) -> str:
    names = [row["approach"], row["variant"], row["modality"]]
    names += [row["phase"]] if pd.notna(row["phase"]) and row["phase"] != "final" else []
    if row["protocol"] not in (HARMONISED, "published"):
        names.append(row["protocol"].removeprefix("published-"))
    return " · ".join(names)


def _draw_line(axes: Axes, place: int, row: Row) -> None:
    """Draw a row; without an AUC only its texts."""
    colour = approach_colour(row["approach"])
    axes.plot([row["auc_low"], row["auc_high"]], [place, place], color=colour, lw=1.8, solid_capstyle="butt")
    axes.plot(row["auc"], place, "o", ms=5, color=colour, mfc=colour if row["part"] == "test" else "white")
    if pd.notna(row["published_auc"]):
        axes.plot(row["published_auc"], place, "D", ms=5.5, color=INK, mfc="none", mew=1.1, zorder=4)
    numbers = "no AUC" if pd.isna(row["auc"]) else interval(row["auc"], row["auc_low"], row["auc_high"])
    note = textwrap.shorten(row["note"], 44, placeholder=" ...")
    for column, text in zip(COLUMNS, (numbers, row["n"], note), strict=True):
        axes.annotate(
            text, (1, place), xycoords=("axes fraction", "data"), xytext=(column, 0), textcoords="offset points",
            va="center", fontsize=7.5, color=INK if column == COLUMNS[0] else GREY,
        )  # fmt: skip


def _forest_legend(points: pd.DataFrame, oracles: Mapping[str, float]) -> list[Line2D]:
    scored = points[points["auc"].notna()]
    marks = [Line2D([], [], color=GREY, marker="o", ms=5, lw=1.8, label="test patients")]
    if scored["part"].ne("test").any():
        marks.append(Line2D([], [], color=GREY, marker="o", ms=5, mfc="white", lw=1.8, label="a part other than test"))
    if points["published_auc"].notna().any():
        marks.append(Line2D([], [], color=INK, marker="D", ms=5, mfc="none", lw=0, label="published"))
    marks.append(Line2D([], [], **CHANCE_LINE, label="chance"))
    if oracles:
        marks.append(Line2D([], [], **ORACLE_LINE, label="oracle: the planted probabilities"))
    return marks


@styled
def cost_figure(points: pd.DataFrame, cost: pd.DataFrame) -> Figure:
    """
    Draw AUC against the training seconds of a cell, its tuning included: one panel per cohort, approaches numbered.

    Parameters
    ----------
    points : pandas.DataFrame
        See `points_of`; of each cell only the last phase is drawn, whose training includes the earlier ones.
    cost : pandas.DataFrame
        Table ``cost``.
    """
    last = points[points["auc"].notna()].drop_duplicates(CELL, keep="last")
    trained = cost[cost["stage"].isin(COST_STAGES)].groupby(CELL, as_index=False)["seconds"].sum()
    both = last.merge(trained[trained["seconds"] > 0], on=CELL)
    cohorts = list(dict.fromkeys(both["cohort"]))
    if not cohorts:
        return _nothing("no cell has both an AUC and a cost")
    columns = min(len(cohorts), 3)
    lines = -(-len(cohorts) // columns)
    numbers = {name: str(number) for number, name in enumerate(_once(both["approach"]), start=1)}
    figure = new_figure(max(0.7 + 3.1 * columns, 6.5), 1.3 + 2.9 * lines)
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, cohort in zip(panels, cohorts, strict=False):
        _draw_cost(axes, both[both["cohort"] == cohort], numbers)
        axes.set_title(cohort)
        axes.set_xlabel("Training, seconds")
        axes.tick_params(axis="x", labelbottom=True)
    for axes in panels[len(cohorts) :]:
        axes.set_axis_off()
    panels[0].set_xscale("log")  # of all panels
    count_in_powers(panels[0].xaxis, both["seconds"].min(), both["seconds"].max())
    for axes in panels[::columns]:
        axes.set_ylabel("AUC with its 95 % interval")
    figure.legend(handles=_cost_legend(both, numbers), loc="outside lower center", ncols=4)
    return figure


def _draw_cost(axes: Axes, rows: pd.DataFrame, numbers: Mapping[str, str]) -> None:
    axes.axhline(0.5, **CHANCE_LINE)
    for row in rows.to_dict("records"):
        colour = approach_colour(row["approach"])
        axes.plot([row["seconds"]] * 2, [row["auc_low"], row["auc_high"]], color=colour, lw=1, alpha=0.6)
        fill = colour if row["protocol"] == HARMONISED else "white"
        point = row["seconds"], row["auc"]
        axes.plot(*point, MARKERS.get(row["modality"], "v"), ms=6, color=colour, mfc=fill)
        # Colours alone do not tell approaches apart in greyscale.
        axes.annotate(numbers[row["approach"]], point, xytext=(4.5, 2), textcoords="offset points", fontsize=7)
    axes.set_ylim(-0.02, 1.02)


def _cost_legend(rows: pd.DataFrame, numbers: Mapping[str, str]) -> list[Line2D]:
    approaches = [
        Line2D([], [], color=approach_colour(name), lw=4, label=f"{number} {name}") for name, number in numbers.items()
    ]
    modalities = [
        Line2D([], [], color=GREY, marker=MARKERS.get(name, "v"), lw=0, label=name) for name in _once(rows["modality"])
    ]
    fills = {HARMONISED: GREY, "a paper's protocol": "white"} if rows["protocol"].ne(HARMONISED).any() else {}
    return [
        *approaches,
        *modalities,
        *(Line2D([], [], color=GREY, marker="o", mfc=fill, lw=0, label=name) for name, fill in fills.items()),
        Line2D([], [], **CHANCE_LINE, label="chance"),
    ]


def _once(values: pd.Series) -> list[str]:
    return list(dict.fromkeys(values))
