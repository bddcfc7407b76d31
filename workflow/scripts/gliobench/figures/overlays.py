"""Figures that lay the approaches of a cohort over each other: ROC, precision and recall, calibration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest

from gliobench.evaluation.columns import BASELINE, ROUND, RUN
from gliobench.evaluation.mean_curves import GRID, both_labels, mean_precision, mean_roc
from gliobench.figures.style import (
    CHANCE_LINE,
    GREY,
    approach_colour,
    dashes_of,
    heading,
    new_figure,
    say_why_empty,
    styled,
)
from gliobench.wording import interval, reason

A_BIN, BINS = 8, (2, 10)  # patients that a bin of the calibration should hold, and how many bins there may be

Row = Mapping[Any, Any]
Mean = Callable[[list[pd.DataFrame]], tuple[Any, Any]]  # runs -> x and y of their mean curve


@dataclass(frozen=True)
class Scored:
    """
    A cell as overlays draw it.

    Attributes
    ----------
    rows : pandas.DataFrame
        Patients' predictions of the test part after the last phase.
    scores : dict
        Their row of the table ``metrics``.
    name : str
        Name in the legend.
    """

    rows: pd.DataFrame
    scores: Row
    name: str


def split_baselines(cells: Sequence[Scored]) -> tuple[list[Scored], list[Scored]]:
    """Return the networks, and the baseline with the highest test AUC, named as the best (or none)."""
    networks = [cell for cell in cells if cell.scores["approach"] != BASELINE]
    scored = [cell for cell in cells if cell.scores["approach"] == BASELINE and pd.notna(cell.scores["auc"])]
    if not scored:
        return networks, []
    best = max(scored, key=lambda cell: float(cell.scores["auc"]))
    return networks, [replace(best, name=f"best baseline ({best.scores['variant']})")]


@styled
def roc_overlay(cells: Sequence[Scored]) -> Figure:
    """
    Draw the mean ROC curves of a cohort's approaches: one panel per modality, with the best baseline.

    The curves are averaged over runs at each 1 - specificity, so that their areas are the AUCs of the table.

    Parameters
    ----------
    cells : sequence of Scored
        Harmonised cells of one cohort: the main variant of every approach, and all baselines.
    """
    figure, panels = _panels(cells)
    for axes, key, members in panels:
        axes.plot([0, 1], [0, 1], **CHANCE_LINE, label="chance")
        _draw_means(axes, members, "auc", lambda runs: ([0, *GRID], [0, *mean_roc(runs)]))
        axes.set(xlabel="1 - specificity", ylabel="Sensitivity")
        _legend(axes, key, "AUC (95 % interval)")
    return figure


@styled
def precision_recall_overlay(cells: Sequence[Scored]) -> Figure:
    """
    Draw the mean precision of a cohort's approaches at each recall: one panel per modality, with the best baseline.

    Parameters
    ----------
    cells : sequence of Scored
        As for `roc_overlay`.
    """
    figure, panels = _panels(cells)
    for axes, key, members in panels:
        labels = _patients(members)["label"]
        if len(labels):
            prevalence = labels.mean()
            axes.axhline(prevalence, **CHANCE_LINE, label=f"prevalence {prevalence:.2f}")
        _draw_means(axes, members, "pr_auc", lambda runs: (GRID, mean_precision(runs)))
        axes.set(xlabel="Recall (sensitivity)", ylabel="Precision")
        _legend(axes, key, "PR-AUC (95 % interval)")
    return figure


def _panels(cells: Sequence[Scored]) -> tuple[Figure, list[tuple[Axes, Axes, list[Scored]]]]:
    """Make one panel per modality, with one below for its legend; the best baseline is in each."""
    networks, best = split_baselines(cells)
    by_name: dict[str, list[Scored]] = {}
    for cell in networks:
        by_name.setdefault(cell.scores["modality"], []).append(cell)
    columns, lines = _shape(len(by_name), 3)
    legend = 0.25 + 0.17 * max(len(members) + len(best) + 2 for members in by_name.values())
    figure = new_figure(0.4 + 3.2 * columns, 0.3 + (3.4 + legend) * lines)
    grid = figure.subplots(2 * lines, columns, squeeze=False, height_ratios=[3.4, legend] * lines)
    for axes in grid.ravel():
        axes.set_axis_off()
    found = []
    for axes, key, (name, members) in zip(grid[::2].ravel(), grid[1::2].ravel(), by_name.items(), strict=False):
        patients = _patients([*members, *best])
        axes.set_axis_on()
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        axes.set_title(f"{name}, n = {len(patients)} ({patients['label'].sum()} positive)")
        found.append((axes, key, [*members, *best]))
    heading(figure, cells[0].scores["cohort"], "harmonised protocol", "test part")
    return figure, found


def _shape(n: int, most: int) -> tuple[int, int]:
    """Return the number of columns and lines for `n` panels, with a limit on the columns."""
    columns = min(n, most)
    return columns, -(-n // columns)


def _patients(cells: Sequence[Scored]) -> pd.DataFrame:
    return pd.concat([cell.rows for cell in cells]).drop_duplicates("patient_id")


def _draw_means(axes: Axes, cells: Sequence[Scored], metric: str, mean: Mean) -> None:
    """Draw one mean curve per cell, later ones thinner so that none is hidden, with the area from the table."""
    if not any(both_labels(cell.rows, RUN) for cell in cells):
        say_why_empty(axes, "no run scored both labels")
    colours = [approach_colour(cell.scores["approach"]) for cell in cells]
    for place, (cell, colour, dashes) in enumerate(zip(cells, colours, dashes_of(colours), strict=True)):
        scores = cell.scores
        area = interval(scores[metric], scores[f"{metric}_low"], scores[f"{metric}_high"])
        runs = both_labels(cell.rows, RUN)
        axes.plot(
            *(mean(runs) if runs else ([], [])),
            color=colour,
            ls=(0, dashes) if dashes else "-",
            lw=max(3 - 0.5 * place, 1.0),
            label=f"{cell.name}  {area}",
        )


def _legend(axes: Axes, key: Axes, title: str) -> None:
    """Put the legend of a panel into the axes below it, where it may be wider than the panel itself."""
    handles, labels = axes.get_legend_handles_labels()
    legend = key.legend(handles, labels, title=title, alignment="left", loc="upper left", borderaxespad=0)
    legend.set_in_layout(False)


@styled
def calibration_overlay(cells: Sequence[Scored]) -> Figure:
    """
    Draw observed against predicted shares of label 1, of the first repeat and seed: one panel per cell, in one line.

    Bins hold about equally many patients, as the title says; bars are Wilson's 95 % intervals.

    Parameters
    ----------
    cells : sequence of Scored
        As for `roc_overlay`.
    """
    networks, best = split_baselines(cells)
    shown = [*networks, *best]
    columns, lines = _shape(len(shown), 3)
    figure = new_figure(max(0.4 + 3.2 * columns, 4.4), 0.3 + 3.7 * lines)  # wide enough for its heading
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    for axes, cell in zip(panels, shown, strict=False):
        axes.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=(0, (4, 3)))
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        axes.set(xlabel="Mean predicted probability", ylabel="Share of label 1")
        axes.set_title(_title(cell))
        if len(cell.rows):
            _draw_calibration(axes, cell)
        else:
            say_why_empty(axes, reason(cell.scores, "no predictions"))
    heading(figure, cells[0].scores["cohort"], "harmonised protocol", "test part, first repeat and seed")
    return figure


def _draw_calibration(axes: Axes, cell: Scored) -> None:
    first = next(group for _, group in cell.rows.groupby(ROUND))
    bins = calibration_bins(first["label"].to_numpy(int), first["probability"].to_numpy(float))
    colour = approach_colour(cell.scores["approach"])
    bars = [bins["observed"] - bins["low"], bins["high"] - bins["observed"]]
    axes.errorbar(bins["predicted"], bins["observed"], bars, fmt="o-", ms=4.5, lw=1.2, color=colour, elinewidth=1)
    sizes = " to ".join(dict.fromkeys((str(bins["n"].min()), str(bins["n"].max()))))
    words = f"{len(bins)} {'bin' if len(bins) == 1 else 'bins'} of {sizes}"
    axes.set_title(f"{_title(cell)}: {words}\n{_slope(cell.scores)}")


def _title(cell: Scored) -> str:
    return f"{cell.name}\n{cell.scores['modality']}"


def _slope(scores: Row) -> str:
    if pd.isna(scores["calibration_slope"]):
        return "slope not defined"
    slope, intercept = (round(scores[f"calibration_{name}"], 2) + 0.0 for name in ("slope", "intercept"))  # no -0.00
    return f"slope {slope:.2f}, intercept {intercept:.2f}"


def calibration_bins(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """
    Cut patients into bins of about equally many by their probability, and count label 1 in each.

    Parameters
    ----------
    labels, probabilities : numpy.ndarray, shape (patients,)
        Label (0 or 1) and predicted probability of label 1.

    Returns
    -------
    pandas.DataFrame
        One row per bin: ``n``, ``predicted`` (mean probability), ``observed`` (share of label 1) with Wilson's 95 %
        interval ``low`` to ``high``. Equal probabilities share a bin, so there may be fewer bins than asked for.
    """
    wanted = int(np.clip(len(labels) // A_BIN, *BINS))
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, wanted + 1)))[1:-1]
    patients = pd.DataFrame({"label": labels, "probability": probabilities})
    members = patients.groupby(np.searchsorted(edges, probabilities))
    bins = members.agg(n=("label", "size"), predicted=("probability", "mean"), observed=("label", "mean"))
    ends = [binomtest(int(group.sum()), len(group)).proportion_ci(method="wilson") for _, group in members["label"]]
    return bins.assign(low=[end.low for end in ends], high=[end.high for end in ends]).reset_index(drop=True)


OVERLAYS = {"roc": roc_overlay, "precision_recall": precision_recall_overlay, "calibration": calibration_overlay}
