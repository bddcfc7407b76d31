"""Figure of a tuning: what was tried, what came of it, and which settings mattered."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gliobench.reporting.style import BLUE, GREY, INK, VERMILLION, heading, new_figure, say_why_empty, styled

MANY_FOLD = 20  # a number that spans more than this stands on a logarithmic scale


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
    axes.plot(shown["number"], shown["value"], "x", color=GREY, ms=5, label="pruned: loss when stopped")
    numbers = np.append(complete["number"], max(trials["number"].max(), complete["number"].max()))
    values = np.append(so_far, so_far.iloc[-1])
    axes.step(numbers, values, where="post", color=VERMILLION, lw=1.8, label="lowest so far")
    axes.legend(loc="best")


def _draw_importances(axes: Axes, shares: Mapping[str, float]) -> None:
    if not shares:
        say_why_empty(axes, "too few trials to tell")
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
    """Put one parameter's values between 0 and 1 and write its ends, or its choices, beside the axis."""
    choices = sorted(values.unique(), key=str)
    if not pd.api.types.is_numeric_dtype(values) or values.dtype == bool:
        scaled = values.map({choice: number / max(len(choices) - 1, 1) for number, choice in enumerate(choices)})
        marks = {choice: scaled[values == choice].iloc[0] for choice in choices}
    else:
        logarithmic = values.min() > 0 and values.max() / values.min() > MANY_FOLD
        numbers = values.astype(float)
        if logarithmic:
            numbers = numbers.map(math.log)
        scaled = (numbers - numbers.min()) / ((numbers.max() - numbers.min()) or 1)
        marks = {f"{value:.3g}": scaled[values == value].iloc[0] for value in (values.min(), values.max())}
    for text, height in marks.items():
        axes.annotate(
            str(text), (place, height), xytext=(4, 3), textcoords="offset points", fontsize=7.5, color=INK, zorder=5,
            bbox={"facecolor": "white", "alpha": 0.75, "pad": 0.8, "lw": 0},
        )  # fmt: skip
    return scaled.to_numpy(float)
