"""Figures of scores: ROC curves, training curves, confusion matrices and controls."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import confusion_matrix, roc_curve

from gliobench.evaluation.columns import ROUND, RUN
from gliobench.evaluation.metrics import THRESHOLD
from gliobench.reporting.style import GREY, INK, approach_colour, new_figure, say_why_empty, styled
from gliobench.reporting.text import DASH, interval

LN2 = float(np.log(2))  # loss of a model that always answers 0.5
CURVES = {"loss": "Loss (binary cross-entropy)", "accuracy": "Accuracy", "auc": "AUC"}
GRID = np.linspace(0, 1, 201)

Row = Mapping[Any, Any]


def cell_heading(row: Row) -> str:
    """Name a cell above its figure."""
    return " · ".join(str(row[name]) for name in ("cohort", "approach", "variant", "modality", "protocol"))


@styled
def roc_figure(rows: pd.DataFrame, scores: Row) -> Figure:
    """
    Draw ROC curves: one a run, thin, and their mean, each run weighted by its pairs of patients.

    Parameters
    ----------
    rows : pandas.DataFrame
        Patients' predictions of one cell, phase and part (`gliobench.evaluation.cells.patient_rows`, filtered). Where
        every run scores a single patient, the curves are those of whole rounds, folds mixed, and say so.
    scores : dict
        The row of the table ``metrics`` for them.
    """
    figure = new_figure(3.9, 4.1)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=(0, (4, 3)), label="chance")
    runs = _both_labels(rows, RUN)
    mixed = not runs
    curves = [_roc(run) for run in runs or _both_labels(rows, ROUND)]
    if curves:
        _draw_rocs(axes, curves, scores, mixed)
    else:
        say_why_empty(axes, _why(scores))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set(xlabel="1 - specificity", ylabel="Sensitivity")
    axes.set_title(f"ROC, {_scored(scores)}")
    figure.suptitle(cell_heading(scores), fontsize=8, color=GREY)
    return figure


def _scored(scores: Row) -> str:
    """Say what a figure shows: the part and its number of patients."""
    if pd.isna(scores["n_patients"]):
        return "no predictions"
    return f"{scores['part']} part, n = {scores['n_patients']} ({scores['n_positive']} positive)"


def _both_labels(rows: pd.DataFrame, by: list[str]) -> list[pd.DataFrame]:
    return [group for _, group in rows.groupby(by) if group["label"].nunique() == 2]


def _roc(run: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """Return false and true positive rates of one run, and its number of pairs."""
    labels = run["label"].to_numpy(int)
    false, true, _ = roc_curve(labels, run["probability"].to_numpy(float), drop_intermediate=False)
    return false, true, int(labels.sum() * (1 - labels).sum())


def _draw_rocs(axes: Axes, curves: list[tuple[np.ndarray, np.ndarray, int]], scores: Row, mixed: bool) -> None:
    colour = approach_colour(scores["approach"])
    name = "one repeat, folds mixed" if mixed else "one run"
    for false, true, _ in curves:
        axes.plot(false, true, color=colour, lw=0.8, alpha=_alpha(len(curves)), label=name)
        name = "_"
    auc = "auc_pooled" if mixed else "auc"
    area = interval(scores[auc], *((np.nan, np.nan) if mixed else (scores["auc_low"], scores["auc_high"])))
    mean = np.average([np.interp(GRID, f, t) for f, t, _ in curves], axis=0, weights=[n for *_, n in curves])
    label = f"mean of {len(curves)}, " if len(curves) > 1 else ""
    axes.plot([0, *GRID], [0, *mean], color=colour, lw=2, label=f"{label}AUC {area}")
    axes.legend(loc="lower right")


def _alpha(n_lines: int) -> float:
    """Choose the opacity of thin lines: the more there are, the fainter."""
    return float(np.clip(2.5 / n_lines, 0.12, 0.45))


def _why(scores: Row) -> str:
    return "no run scored both labels" if pd.isna(scores["reason"]) else str(scores["reason"])


@styled
def curves_figure(histories: Sequence[pd.DataFrame], cell: Row) -> Figure:
    """
    Draw loss, accuracy and AUC by epoch, training and validation: one thin line a run, and their mean.

    The mean is drawn as far as half of the runs reach. Phases follow each other, with a line between them.

    Parameters
    ----------
    histories : sequence of pandas.DataFrame
        Tables ``history`` of the cell's batches.
    cell : dict
        Its cohort, approach, variant, modality and protocol, and the reason where it is not ok.
    """
    figure = new_figure(9, 3)
    panels = figure.subplots(1, len(CURVES))
    runs = [run for history in histories for _, run in history.groupby("fold")]
    for axes, (name, heading) in zip(panels, CURVES.items(), strict=True):
        axes.set_title(heading)
        axes.set_xlabel("Epoch")
        if runs:
            _draw_curves(axes, runs, name, approach_colour(cell["approach"]))
        else:
            say_why_empty(axes, str(cell.get("reason") or "no epoch was finished"))
    if runs:
        panels[0].axhline(LN2, color=INK, lw=0.9, ls=":", label="always 0.5 (ln 2)")
        panels[2].axhline(0.5, color=INK, lw=0.9, ls=":")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle(cell_heading(cell), fontsize=8, color=GREY)
    return figure


def _draw_curves(axes: Axes, runs: Sequence[pd.DataFrame], name: str, colour: str) -> None:
    for column, line, label, style in (
        (name, GREY, "training", (0, (4, 2))),
        (f"validation_{name}", colour, "validation", "-"),
    ):
        values = [run[column].to_numpy(float, na_value=np.nan) for run in runs]
        for value in values:
            axes.plot(np.arange(1, len(value) + 1), value, color=line, lw=0.6, ls=style, alpha=_alpha(len(runs)))
        mean = _mean_of_most(values)
        label = f"{label} (mean of {len(runs)})"
        axes.plot(np.arange(1, len(mean) + 1), mean, color=line, lw=2, ls=style, label=label, zorder=3)
    for change in _phase_changes(runs[0]["phase"]):
        axes.axvline(change, color=GREY, lw=0.8, ls="-.")
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _mean_of_most(values: Sequence[np.ndarray]) -> np.ndarray:
    """Mean epoch by epoch over the runs that reach the epoch, as far as half of them do."""
    padded = np.full((len(values), max(map(len, values))), np.nan)
    for row, value in zip(padded, values, strict=True):
        row[: len(value)] = value
    reached = (~np.isnan(padded)).sum(axis=0)
    last = int((reached >= len(values) / 2).sum())
    return np.nansum(padded[:, :last], axis=0) / reached[:last]


def _phase_changes(phases: Iterable[str]) -> list[float]:
    names = list(phases)
    return [epoch + 0.5 for epoch in range(1, len(names)) if names[epoch] != names[epoch - 1]]


@styled
def confusion_figure(rows: pd.DataFrame, scores: Row, label_names: tuple[str, str]) -> Figure:
    """
    Draw the confusion matrix of the first repeat and seed, its folds pooled: counts and shares of each row.

    Parameters
    ----------
    rows : pandas.DataFrame
        As for `roc_figure`.
    scores : dict
        The row of the table ``metrics`` for them.
    label_names : (str, str)
        What labels 0 and 1 mean.
    """
    figure = new_figure(3.9, 3.6)
    axes = figure.subplots()
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([0, 1], label_names)
    axes.set_yticks([0, 1], label_names, rotation=90, va="center")
    axes.tick_params(length=0)
    axes.set(xlabel="Predicted", ylabel="True", xlim=(-0.5, 1.5), ylim=(1.5, -0.5), aspect="equal")
    if len(rows):
        first = next(group for _, group in rows.groupby(ROUND))
        _draw_confusion(axes, first)
        axes.set_title(f"{scores['part'].capitalize()} part, n = {len(first)}, threshold {THRESHOLD:g}")
    else:
        say_why_empty(axes, _why(scores))
    figure.suptitle(cell_heading(scores), fontsize=8, color=GREY)
    return figure


def _draw_confusion(axes: Axes, rows: pd.DataFrame) -> None:
    called = (rows["probability"].to_numpy(float) >= THRESHOLD).astype(int)
    counts = confusion_matrix(rows["label"].to_numpy(int), called, labels=[0, 1])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.55 else INK
        axes.text(column, row - 0.06, str(count), ha="center", va="center", color=colour, fontsize=17, weight="bold")
        axes.text(column, row + 0.2, f"{shares[row, column]:.0%} of row", ha="center", va="center", color=colour)


@styled
def replicates_figure(
    comparison: pd.DataFrame, replicates: pd.DataFrame, groups: Mapping[str, Sequence[str]]
) -> Figure:
    """
    Draw the controls: a point a cohort, their mean and its 95 % t interval, against chance or no difference.

    Parameters
    ----------
    comparison, replicates : pandas.DataFrame
        The tables of those names.
    groups : mapping of str to sequence of str
        As for `gliobench.evaluation.replicates.replicates_table`.
    """
    kinds = [kind for kind in ("mean", "difference") if (replicates["control"] == kind).any()] or ["mean"]
    lines = [replicates[replicates["control"] == kind].to_dict("records") for kind in kinds]
    figure = new_figure(7.2, 1.3 + 0.48 * sum(map(len, lines)) + 0.4 * len(kinds))
    panels = figure.subplots(len(kinds), 1, squeeze=False, height_ratios=[len(rows) + 0.6 for rows in lines])[:, 0]
    for axes, kind, rows in zip(panels, kinds, lines, strict=True):
        reference, heading = (0.5, "AUC of the test part") if kind == "mean" else (0.0, "Difference of AUC")
        axes.axvline(reference, color=INK, lw=0.9, ls=":")
        names = [_draw_replicates(axes, place, row, comparison, groups) for place, row in enumerate(rows)]
        axes.set_yticks(range(len(rows)), names)
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=heading)
        axes.grid(visible=False, axis="y")
        axes.set_title("Mean over independent cohorts" if kind == "mean" else "Paired difference, cohort by cohort")
    return figure


def _draw_replicates(
    axes: Axes, place: int, row: Row, comparison: pd.DataFrame, groups: Mapping[str, Sequence[str]]
) -> str:
    """Draw one line of the controls and return its name."""
    values = _values(row, comparison, groups)
    colour = approach_colour(row["approach"])
    scatter = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.zeros(len(values))
    axes.plot(values, place + scatter, "o", ms=4, color=colour, alpha=0.45, mew=0)
    axes.plot([row["low"], row["high"]], [place, place], color=INK, lw=2)
    axes.plot(row["mean"], place, "D", ms=6.5, color=colour, mec=INK, mew=1)
    text = f"{interval(row['mean'], row['low'], row['high'], digits=3)}, n = {row['n']}"
    axes.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    minus: str = "" if pd.isna(row["contrast"]) else f" {DASH} {row['contrast']}"
    return f"{row['cohort_group']}: {row['approach']} {row['variant']}{minus}"


def _values(row: Row, comparison: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> np.ndarray:
    chosen = comparison["cohort"].isin(groups[row["cohort_group"]]) & (comparison["part"] == "test")
    for name in ("approach", "modality", "protocol", "phase"):
        chosen &= comparison[name] == row[name]
    aucs = {name: rows.set_index("cohort")["auc"] for name, rows in comparison[chosen].groupby("variant")}
    values = aucs[row["variant"]]
    return (values if pd.isna(row["contrast"]) else values - aucs[row["contrast"]]).dropna().to_numpy()
