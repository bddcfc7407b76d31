"""Figures of trainings: epoch by epoch, before and after fine-tuning, a sweep of learning rates, and a tuning."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gliobench.evaluation.columns import CELL
from gliobench.figures.style import (
    BLUE,
    CHANCE_LINE,
    GREY,
    INK,
    SERIES,
    VERMILLION,
    approach_colour,
    count_in_powers,
    faint,
    heading,
    new_figure,
    say_why_empty,
    styled,
)
from gliobench.wording import reason

CUT = 2.0  # nats: panels of a sweep are cut at this loss
HIGH = 5.0  # medians: with a loss above it the scale is logarithmic
LN2 = float(np.log(2))  # loss of a model that always predicts 0.5
SHARES = ("accuracy", "auc")  # scores from 0 to 1
CURVES = {"loss": "Loss (binary cross-entropy)", "accuracy": "Accuracy", "auc": "AUC"}
MANY_FOLD = 20  # numbers that span more than this get a logarithmic scale

Row = Mapping[Any, Any]
Histories = Sequence[pd.DataFrame]


@styled
def curves_figure(histories: Histories, records: Sequence[Row], cell: Row) -> Figure:
    """
    Draw loss, accuracy and AUC by epoch, training and validation: one thin line per run, and their mean.

    The mean is drawn as far as half of the runs reach. Phases follow each other, with a line between them. A dot on the
    validation line of a run is the epoch whose weights it kept.

    Parameters
    ----------
    histories : sequence of pandas.DataFrame
        Tables ``history`` of the cell's batches.
    records : sequence of dict
        Their ``run.json``.
    cell : dict
        Its cohort, approach, variant, modality and protocol, and the reason if it is not ok.
    """
    figure = new_figure(9, 3)
    panels = figure.subplots(1, len(CURVES))
    runs = runs_of(_with_kept(histories, records))
    for axes, (name, title) in zip(panels, CURVES.items(), strict=True):
        axes.set_title(title)
        axes.set_xlabel("Epoch")
        if runs:
            _draw_curves(axes, runs, name, approach_colour(cell["approach"]))
        else:
            say_why_empty(axes, reason(cell, "no epoch was finished"))
    if runs:
        _scale_loss(panels[0], runs)
        panels[0].axhline(LN2, **CHANCE_LINE, label="chance: always 0.5 (loss ln 2, AUC 0.5)")
        panels[2].axhline(0.5, **CHANCE_LINE)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    heading(figure, *(str(cell[name]) for name in CELL))
    return figure


def runs_of(histories: Iterable[pd.DataFrame]) -> list[pd.DataFrame]:
    """Cut tables ``history`` into runs: one per batch and fold."""
    return [run for history in histories for _, run in history.groupby("fold")]


def _with_kept(histories: Histories, records: Iterable[Row]) -> Iterator[pd.DataFrame]:
    """Mark the epoch of each fold and phase whose weights were kept."""
    for history, record in zip(histories, records, strict=True):
        best = {(fold["fold"], phase): epoch for fold in record["folds"] for phase, epoch in fold["best_epoch"].items()}
        places = zip(history["fold"], history["phase"], strict=True)
        yield history.assign(kept=[best.get(place) for place in places] == history["epoch"])


def _draw_curves(axes: Axes, runs: Sequence[pd.DataFrame], name: str, colour: str) -> None:
    end, last = 0, ""
    for phase in dict.fromkeys(phase for run in runs for phase in run["phase"]):
        if end:
            axes.axvline(end + 0.5, color=GREY, lw=0.8, ls="-.")
            _name_phases(axes, end + 0.5, last, phase)
        mine = [part for part in (run[run["phase"] == phase] for run in runs) if len(part)]
        _draw_phase(axes, mine, name, colour, end)
        _draw_kept(axes, mine, f"validation_{name}", colour, end)
        last = phase
        end += max(map(len, mine))  # runs stop early: each phase starts where the longest run of the last one ended
    _scale_epochs(axes, end)
    if name in SHARES:
        axes.set_ylim(-0.02, 1.02)


def _draw_kept(axes: Axes, runs: Sequence[pd.DataFrame], name: str, colour: str, start: int) -> None:
    """Draw a dot at the epoch that each run kept."""
    kept = pd.concat([run.loc[run["kept"], ["epoch", name]] for run in runs])
    label = None if start or kept.empty else f"kept epoch{' of each run' * (len(runs) > 1)}"
    axes.scatter(
        start + kept["epoch"], kept[name], s=16, color=colour, edgecolors="white", lw=0.6, zorder=4, label=label
    )


def _name_phases(axes: Axes, place: float, before: str, after: str) -> None:
    """Write the names of two phases on the two sides of the line between them."""
    for name, side, way in ((before, "right", -3), (after, "left", 3)):
        axes.annotate(
            name, (place, 0), xycoords=("data", "axes fraction"), xytext=(way, 3), textcoords="offset points",
            ha=side, va="bottom", fontsize=7, color=GREY,
        )  # fmt: skip


def _scale_epochs(axes: Axes, last: int) -> None:
    """Show all epochs, and at least half an epoch on each side."""
    margin = max(0.5, 0.02 * last)
    axes.set_xlim(1 - margin, last + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _draw_phase(axes: Axes, runs: Sequence[pd.DataFrame], name: str, colour: str, start: int) -> None:
    for column, line, label, style in (
        (name, GREY, "training", (0, (4, 2))),
        (f"validation_{name}", colour, "validation", "-"),
    ):
        values = [run[column].to_numpy(float, na_value=np.nan) for run in runs]
        for value in values if len(values) > 1 else []:
            epochs = start + np.arange(1, len(value) + 1)
            axes.plot(epochs, value, color=line, lw=0.6, ls=style, marker=_dot(value), ms=3, alpha=faint(len(runs)))
        mean = _mean_of_most(values)
        label = f"{label} (mean of {len(runs)})" if len(runs) > 1 else label
        shown = None if start else label
        epochs = start + np.arange(1, len(mean) + 1)
        axes.plot(epochs, mean, color=line, lw=2, ls=style, marker=_dot(mean), label=shown, zorder=3)


def _dot(values: np.ndarray) -> str:
    """Return the marker of a curve: a single epoch makes no line."""
    return "o" if len(values) == 1 else ""


def _scale_loss(axes: Axes, runs: Sequence[pd.DataFrame]) -> None:
    """Start at 0; with losses so high that the others would lie flat at the bottom, use a logarithmic scale."""
    losses = pd.concat([run[["loss", "validation_loss"]] for run in runs]).to_numpy(float, na_value=np.nan)
    losses = losses[np.isfinite(losses) & (losses > 0)]
    if losses.size and losses.max() > HIGH * np.median(losses):
        axes.set_yscale("log")
        count_in_powers(axes.yaxis, losses.min(), losses.max())
    elif losses.size:
        axes.set_ylim(0, 1.05 * max(losses.max(), LN2))


def _mean_of_most(values: Sequence[np.ndarray]) -> np.ndarray:
    """Mean epoch by epoch over the runs that reach the epoch, as far as half of them do."""
    padded = pd.DataFrame([pd.Series(value) for value in values])
    last = int((padded.notna().sum() >= len(values) / 2).sum())
    return padded.mean().to_numpy()[:last]


@styled
def phase_curves_figure(cells: Sequence[tuple[Row, Histories, Sequence[Row]]], phases: Sequence[str]) -> Figure:
    """
    Draw accuracy and loss by epoch before and after fine-tuning: a line per phase and score, a column per modality.

    Parameters
    ----------
    cells : sequence of (dict, sequence of pandas.DataFrame, sequence of dict)
        A row of the table ``metrics`` of each cell (one per modality, otherwise the same), its tables ``history`` and
        their ``run.json``.
    phases : sequence of str
        Phases of the training, in their order.
    """
    lines = [(score, phase) for score in ("accuracy", "loss") for phase in phases]
    figure = new_figure(1.2 + 2.4 * max(len(cells), 2), 0.9 + 1.7 * len(lines))
    panels = figure.subplots(len(lines), len(cells), sharey="row", squeeze=False)
    for column, (cell, histories, records) in zip(panels.T, cells, strict=True):
        marked = list(_with_kept(histories, records))
        for axes, (score, phase) in zip(column, lines, strict=True):
            runs = runs_of(history[history["phase"] == phase] for history in marked)
            if runs:
                _draw_curves(axes, runs, score, approach_colour(cell["approach"]))
            else:
                axes.set_xticks([])
                say_why_empty(axes, reason(cell, "no epoch was finished"))
        column[0].set_title(str(cell["modality"]))
        column[-1].set_xlabel("Epoch of the phase")
    for row, (score, phase) in zip(panels, lines, strict=True):
        row[0].set_ylabel(f"{score.capitalize()}, {phase}")
        runs = runs_of(history[history["phase"] == phase] for _, histories, _ in cells for history in histories)
        if score == "loss" and runs:
            _scale_loss(row[0], runs)
    figure.align_ylabels(panels[:, 0])
    _legend_of_first(figure, panels.ravel())
    first = cells[0][0]
    heading(figure, *(str(first[name]) for name in ("cohort", "approach", "variant", "protocol")))
    return figure


def _legend_of_first(figure: Figure, panels: Iterable[Axes]) -> None:
    """Put the legend of the first panel that has lines below the figure."""
    found = [axes.get_legend_handles_labels() for axes in panels if axes.get_legend_handles_labels()[0]]
    if found:
        figure.legend(*found[0], loc="outside lower center", ncols=4)


@styled
def sweep_figure(histories: Sequence[pd.DataFrame], records: Sequence[Row], positive: tuple[float, float]) -> Figure:
    """
    Draw training and validation loss by epoch, one line per learning rate, and the loss of predicting the prior.

    The prior is the training patients' share of label 1, and its loss is that on the patients of each panel.

    Parameters
    ----------
    histories, records : sequences
        Tables ``history`` of the sweep's batches and their ``run.json``, in the same order.
    positive : tuple of 2 floats
        Share of label 1 among the training and among the validation patients; not a number if unknown.
    """
    figure = new_figure(9, 3.7)
    panels = figure.subplots(1, 2, sharey=True)
    priors = [prior_loss(positive[0], share) for share in positive]
    rates = sorted({record["parameters"]["learning_rate"] for record in records}, reverse=True)
    for colour, rate in zip(cycle(SERIES), rates, strict=False):
        mine = [number for number, record in enumerate(records) if record["parameters"]["learning_rate"] == rate]
        folds = [fold for number in mine for fold in records[number]["folds"]]
        diverged = sum(fold["status"] == "diverged" for fold in folds)
        words = f"{rate:g}" + (f", {diverged} of {len(folds)} diverged" if diverged else "")
        runs = runs_of(histories[number] for number in mine)
        for axes, column in zip(panels, ("loss", "validation_loss"), strict=True):
            losses = [run[column].to_numpy(float, na_value=np.nan) for run in runs]
            _draw_rate(axes, losses, colour, words, ends_for_good=diverged > 0)
    for axes, title, prior in zip(panels, ("Training loss", "Validation loss"), priors, strict=True):
        if np.isfinite(prior):
            axes.axhline(prior, color=INK, lw=0.9, ls=":", label=f"always the prior: {prior:.3f}")
        axes.set(title=title, xlabel="Epoch")
        _scale_epochs(axes, max(map(len, runs_of(histories)), default=1))
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=1)
    panels[0].set_ylim(0, min(max(*priors, *(axes.dataLim.y1 for axes in panels)), CUT) * 1.04)
    cut = f"; cut at {CUT:g}" if max(axes.dataLim.y1 for axes in panels) > CUT else ""
    panels[0].set_ylabel(f"Loss (binary cross-entropy{cut})")
    heading(figure, *(str(records[0][name]) for name in ("cohort", "approach", "modality", "protocol")))
    return figure


def prior_loss(prior: float, positive: float) -> float:
    """
    Return the cross-entropy, in nats, of always predicting the prior, on patients of whom a share has label 1.

    With 15 of 24 as the prior, 0.662 on those 24, and 0.674 on five patients of whom three have label 1.
    """
    if not 0 < prior < 1:
        return float("nan")
    return float(-(positive * np.log(prior) + (1 - positive) * np.log(1 - prior)))


def _draw_rate(axes: Axes, losses: Sequence[np.ndarray], colour: str, words: str, ends_for_good: bool) -> None:
    """Draw one learning rate: its runs, their mean, the lowest mean, and a cross where the rate diverged."""
    values = [value[np.isfinite(value)] for value in losses]
    values = [value for value in values if len(value)]
    if not values:
        axes.plot([], [], color=colour, marker="x", lw=0, label=f"{words}: no finite loss")
        return
    mean = _mean_of_most(values)
    for value in values if len(values) > 1 else []:
        axes.plot(np.arange(1, len(value) + 1), value, color=colour, lw=0.6, alpha=faint(len(values)))
    lowest = int(np.argmin(mean))
    label = f"{words}: lowest {mean[lowest]:.3f} in epoch {lowest + 1}"
    axes.plot(np.arange(1, len(mean) + 1), mean, color=colour, lw=2, label=label)
    axes.plot(lowest + 1, mean[lowest], "o", color=colour, ms=5)
    if ends_for_good:
        above = np.flatnonzero(mean > CUT)
        last = int(above[0]) if len(above) else len(mean) - 1
        epoch = np.interp(CUT, mean[last - 1 : last + 1], [last, last + 1]) if len(above) and last else last + 1
        axes.plot(epoch, min(mean[last], CUT), "X", color=colour, mec=INK, ms=8, clip_on=False, zorder=4)


@styled
def tuning_figure(trials: pd.DataFrame, best: Mapping[str, Any], names: list[str]) -> Figure:
    """
    Draw the validation loss of each trial, the importance of each parameter, and all trials by parameter.

    Parameters
    ----------
    trials : pandas.DataFrame
        Table ``trials``.
    best : dict
        ``best.json``: number, value, parameters and importances of the best trial.
    names : list of str
        The cell's names, for the heading.
    """
    figure = new_figure(9, 5.4)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.5, 1])
    history, importances = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    parallel = figure.add_subplot(grid[1, :])
    complete = trials[(trials["state"] == "complete") & trials["value"].notna()]
    counts = ", ".join(f"{n} {state}" for state, n in trials["state"].value_counts().items())
    history.set(title=f"Trials ({counts})", xlabel="Trial", ylabel="Validation loss")
    importances.set(title="Importance", xlabel="Share")
    if len(complete):
        parallel.set_title(f"Settings tried; the best in black (trial {best['number']}, {best['value']:.3f})")
        _draw_history(history, trials, complete)
        _draw_parallel(parallel, complete, best)
    else:
        for axes in (history, parallel):
            say_why_empty(axes, "no trial was completed")
    _draw_importances(importances, best.get("importances", {}))
    heading(figure, *names)
    return figure


def _draw_history(axes: Axes, trials: pd.DataFrame, complete: pd.DataFrame) -> None:
    so_far = complete["value"].cummin()
    axes.plot(complete["number"], complete["value"], "o", color=BLUE, ms=4.5, label="complete")
    others = trials[trials["state"] != "complete"]
    shown = others[others["value"].notna()]
    if len(shown):
        axes.plot(shown["number"], shown["value"], "x", color=GREY, ms=5, label="pruned: loss when stopped")
    numbers = np.append(complete["number"], max(trials["number"].max(), complete["number"].max()))
    values = np.append(so_far, so_far.iloc[-1])
    axes.step(numbers, values, where="post", color=VERMILLION, lw=1.8, label="lowest so far")
    axes.legend(loc="best")


def _draw_importances(axes: Axes, shares: Mapping[str, float]) -> None:
    if not shares:
        say_why_empty(axes, "too few trials differ in their settings and their loss")
        return
    ordered = sorted(shares.items(), key=lambda item: item[1])
    axes.barh([name.replace("_", " ") for name, _ in ordered], [share for _, share in ordered], color=BLUE, height=0.6)
    axes.set_xlim(0, 1)
    axes.grid(visible=False, axis="y")


def _draw_parallel(axes: Axes, complete: pd.DataFrame, best: Mapping[str, Any]) -> None:
    settings = pd.DataFrame([json.loads(text) for text in complete["parameters"]])
    scaled = pd.DataFrame({name: _scale(axes, place, settings[name]) for place, name in enumerate(settings)})
    values = complete["value"].to_numpy(float)
    spread = (values - values.min()) / (np.ptp(values) or 1)
    for line, share in zip(scaled.to_numpy(float), spread, strict=True):
        axes.plot(range(len(line)), line, color=colormaps["viridis"](0.92 * share), lw=1.2, alpha=0.75)
    chosen = scaled[(complete["number"] == best["number"]).to_numpy()].to_numpy(float)
    for line in chosen:
        axes.plot(range(len(line)), line, color=INK, lw=2.2, marker="o", ms=4)
    axes.set_xticks(range(len(settings.columns)), [str(name).replace("_", " ") for name in settings])
    axes.set(yticks=[], ylim=(-0.08, 1.1), xlim=(-0.3, len(settings.columns) - 0.6))
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    note = f"validation loss: {values.min():.3f} (dark) to {values.max():.3f} (light)"
    axes.text(1, 1.02, note, transform=axes.transAxes, ha="right", fontsize=7.5, color=GREY)


def _scale(axes: Axes, place: int, values: pd.Series) -> np.ndarray:
    """Put one parameter's values between 0 and 1 and write its ends, or its choices, next to the axis."""
    if not pd.api.types.is_numeric_dtype(values) or values.dtype == bool:
        choices = sorted(values.unique(), key=str)
        marks = {str(choice): number / max(len(choices) - 1, 1) for number, choice in enumerate(choices)}
        scaled = values.map(str).map(marks)
    else:
        numbers = values.astype(float)
        if values.min() > 0 and values.max() / values.min() > MANY_FOLD:
            numbers = numbers.map(np.log)
        scaled = (numbers - numbers.min()) / ((numbers.max() - numbers.min()) or 1)
        marks = {f"{values.min():.3g}": 0.0, f"{values.max():.3g}": scaled.max()}
    for text, height in marks.items():
        axes.annotate(
            text, (place, height), xytext=(4, 3), textcoords="offset points", fontsize=7.5, color=INK, zorder=5,
            bbox={"facecolor": "white", "alpha": 0.75, "pad": 0.8, "lw": 0},
        )  # fmt: skip
    return scaled.to_numpy(float)
