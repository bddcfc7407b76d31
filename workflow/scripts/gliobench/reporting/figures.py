"""Figures of scores: ROC curves, confusion matrices, reports by label, distributions and controls."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from gliobench.evaluation.columns import CELL, HARMONISED, ROUND, RUN
from gliobench.evaluation.metrics import THRESHOLD
from gliobench.evaluation.replicates import METHOD
from gliobench.evaluation.tested import tested_patients
from gliobench.reporting.rates import GRID, both_labels, mean_roc, roc
from gliobench.reporting.style import (
    BLUE,
    GREY,
    INK,
    LIGHT,
    VERMILLION,
    approach_colour,
    faint,
    heading,
    new_figure,
    say_why_empty,
    styled,
)
from gliobench.reporting.text import DASH, interval

Row = Mapping[Any, Any]


def cell_names(row: Row) -> list[str]:
    """Name a cell, and the phase where it is not the only one, for the heading of its figure."""
    phase = row.get("phase")
    return [*(str(row[name]) for name in CELL), "" if pd.isna(phase) or phase == "final" else str(phase)]


@styled
def roc_figure(rows: pd.DataFrame, scores: Row) -> Figure:
    """
    Draw ROC curves: one a run, thin, and their mean, each run weighted by its pairs of patients.

    Parameters
    ----------
    rows : pandas.DataFrame
        Patients' predictions of one cell, phase and part (see `gliobench.reporting.cell`). Where
        every run scores a single patient, the curves are those of whole rounds, folds mixed, and say so.
    scores : dict
        The row of the table ``metrics`` for them.
    """
    figure = new_figure(3.9, 4.1)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=(0, (4, 3)), label="chance")
    runs = both_labels(rows, RUN)
    mixed = not runs
    if runs := runs or both_labels(rows, ROUND):
        _draw_rocs(axes, runs, scores, mixed)
    else:
        say_why_empty(axes, _why(scores))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set(xlabel="1 - specificity", ylabel="Sensitivity")
    axes.set_title(f"ROC, {_scored(scores)}")
    heading(figure, *cell_names(scores))
    return figure


def _scored(scores: Row) -> str:
    """Say what a figure shows: the part and its number of patients."""
    if pd.isna(scores["n_patients"]):
        return "no predictions"
    return f"{scores['part']} part, n = {scores['n_patients']} ({scores['n_positive']} positive)"


def _draw_rocs(axes: Axes, runs: list[pd.DataFrame], scores: Row, mixed: bool) -> None:
    colour = approach_colour(scores["approach"])
    name = "one repeat, folds mixed" if mixed else "one run"
    for run in runs:
        axes.plot(*roc(run), color=colour, lw=0.8, alpha=faint(len(runs)), label=name)
        name = "_"
    auc = "auc_pooled" if mixed else "auc"
    area = interval(scores[auc], *((np.nan, np.nan) if mixed else (scores["auc_low"], scores["auc_high"])))
    label = f"mean of {len(runs)}, " if len(runs) > 1 else ""
    axes.plot([0, *GRID], [0, *mean_roc(runs)], color=colour, lw=2, label=f"{label}AUC {area}")
    axes.legend(loc="lower right")


def _why(scores: Row) -> str:
    return "no run scored both labels" if pd.isna(scores["reason"]) else str(scores["reason"])


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
        axes.set_title(f"Threshold {THRESHOLD:g}, {_first(scores, first)}")
    else:
        say_why_empty(axes, _why(scores))
    heading(figure, *cell_names(scores))
    return figure


def _first(scores: Row, rows: pd.DataFrame) -> str:
    return f"{scores['part']} part, n = {len(rows)}"


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
def classification_figure(rows: pd.DataFrame, scores: Row, label_names: tuple[str, str]) -> Figure:
    """
    Typeset precision, recall and F1 of each label, their means and the accuracy, of the first repeat and seed.

    Parameters
    ----------
    rows, scores, label_names
        As for `confusion_figure`.
    """
    figure = new_figure(5.2, 2.5)
    axes = figure.subplots()
    axes.set_axis_off()
    if len(rows):
        first = next(group for _, group in rows.groupby(ROUND))
        _typeset(axes, classification_report(first, label_names))
        axes.set_title(f"Report by label, {_first(scores, first)}")
    else:
        say_why_empty(axes, _why(scores))
    heading(figure, *cell_names(scores))
    return figure


def classification_report(rows: pd.DataFrame, label_names: tuple[str, str]) -> pd.DataFrame:
    """
    Return precision, recall, F1 and support of each label at threshold 0.5, their means and the accuracy.

    A precision without calls is not a number, and so is the mean that holds it.
    """
    truth = rows["label"].to_numpy(int)
    called = (rows["probability"].to_numpy(float) >= THRESHOLD).astype(int)
    scores = np.column_stack(precision_recall_fscore_support(truth, called, labels=[0, 1], zero_division=np.nan))
    report = pd.DataFrame(scores, index=list(label_names), columns=["precision", "recall", "F1", "n"])
    support = scores[:, 3:]
    report.loc["macro mean"] = [*scores[:, :3].mean(axis=0), len(rows)]
    report.loc["weighted mean"] = [*(scores[:, :3] * support).sum(axis=0) / support.sum(), len(rows)]
    report.loc["accuracy"] = [np.nan, np.nan, (truth == called).mean(), len(rows)]
    return report


def _typeset(axes: Axes, report: pd.DataFrame) -> None:
    places = [0.46, 0.62, 0.78, 0.94]
    axes.set(xlim=(0, 1), ylim=(len(report) + 0.5, -0.8))
    for place, name in zip(places, report.columns, strict=True):
        axes.text(place, 0, name, ha="right", va="center", color=GREY)
    for line, name in enumerate(report.index, start=1):
        axes.text(0.02, line, str(name), va="center", weight="bold" if line < 3 else "normal")
        for place, column in zip(places, report.columns, strict=True):
            text = _cell(report[column].iloc[line - 1], column, str(name))
            axes.text(place, line, text, ha="right", va="center")
    for height in (0.5, 2.5, 4.5):
        axes.axhline(height, color=LIGHT, lw=0.9)


def _cell(value: float, column: str, name: str) -> str:
    if name == "accuracy" and column in ("precision", "recall"):
        return ""
    if np.isnan(value):
        return DASH
    return f"{value:.0f}" if column == "n" else f"{value:.2f}"


@styled
def distributions_figure(phases: Mapping[str, pd.DataFrame], scores: Row, label_names: tuple[str, str]) -> Figure:
    """
    Draw the predicted probabilities of the patients of each label: a panel a phase, in the order of training.

    Parameters
    ----------
    phases : mapping of str to pandas.DataFrame
        The rows of each phase, as for `roc_figure`; all repeats and seeds are drawn together.
    scores : dict
        The row of the table ``metrics`` for one of them.
    label_names : (str, str)
        What labels 0 and 1 mean.
    """
    figure = new_figure(0.6 + 3.6 * len(phases), 3.1)
    panels = figure.subplots(1, len(phases), sharey=True, squeeze=False)[0]
    for axes, (phase, rows) in zip(panels, phases.items(), strict=True):
        axes.set(xlabel="Predicted probability of label 1", xlim=(0, 1))
        axes.set_title(f"{'' if phase == 'final' else f'{phase}: '}{_counted(rows, scores)}")
        if len(rows):
            _draw_distributions(axes, rows, label_names)
        else:
            say_why_empty(axes, _why(scores))
    panels[0].set_ylabel("Share of the label's predictions")
    panels[0].set_ylim(bottom=0)
    if any(map(len, phases.values())):
        shown = next(axes for axes, rows in zip(panels, phases.values(), strict=True) if len(rows))
        figure.legend(*shown.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    heading(figure, *(str(scores[name]) for name in CELL))
    return figure


def _counted(rows: pd.DataFrame, scores: Row) -> str:
    return f"{scores['part']} part, {_counts(rows)}" if len(rows) else "no predictions"


def _counts(rows: pd.DataFrame) -> str:
    runs = len(rows.groupby(RUN))
    return f"{rows['patient_id'].nunique()} patients, {runs} {'run' if runs == 1 else 'runs'}"


def _draw_distributions(axes: Axes, rows: pd.DataFrame, label_names: tuple[str, str]) -> None:
    edges = np.linspace(0, 1, 21)
    for label, colour, fill in ((0, BLUE, True), (1, VERMILLION, False)):
        values = rows.loc[rows["label"] == label, "probability"].to_numpy(float)
        share = np.histogram(values, edges)[0] / max(len(values), 1)
        axes.stairs(share, edges, color=colour, alpha=0.35 if fill else 1, fill=fill, lw=1.8, label=label_names[label])
    axes.axvline(THRESHOLD, color=INK, lw=0.9, ls=":", label=f"threshold {THRESHOLD:g}")


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
        reference, least, label = (0.5, 0, "AUC of the test part") if kind == "mean" else (0, -1, "Difference of AUC")
        axes.axvline(reference, color=INK, lw=0.9, ls=":")
        names = [_draw_replicates(axes, place, row, comparison, groups) for place, row in enumerate(rows)]
        axes.set_yticks(range(len(rows)), names)
        axes.set(ylim=(len(rows) - 0.5, -0.5), xlabel=label)
        low, high = axes.get_xlim()  # two cohorts have an interval far beyond what a score can be
        axes.set_xlim(max(low, least - 0.02), min(high, 1.02))
        axes.grid(visible=False, axis="y")
        axes.set_title("Mean over independent cohorts" if kind == "mean" else "Paired difference, cohort by cohort")
    return figure


def _draw_replicates(
    axes: Axes, place: int, row: Row, comparison: pd.DataFrame, groups: Mapping[str, Sequence[str]]
) -> str:
    """Draw one line of the controls and return its name."""
    values = _values(row, comparison, groups) if row["n"] else np.empty(0)
    colour = approach_colour(row["approach"])
    scatter = np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.zeros(len(values))
    axes.plot(values, place + scatter, "o", ms=4, color=colour, alpha=0.45, mew=0)
    axes.plot([row["low"], row["high"]], [place, place], color=INK, lw=2)
    axes.plot(row["mean"], place, "D", ms=6.5, color=colour, mec=INK, mew=1)
    text = f"{interval(row['mean'], row['low'], row['high'], digits=3)}, n = {row['n']}"
    axes.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    minus: str = "" if pd.isna(row["contrast"]) else f" {DASH} {row['contrast']}"
    phase = "" if row["phase"] == "final" else f", {row['phase']}"
    protocol = "" if row["protocol"] == HARMONISED else f"\n{row['protocol']}"
    return f"{row['cohort_group']}: {row['approach']} {row['variant']}{minus}{phase}{protocol}"


def _values(row: Row, comparison: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> np.ndarray:
    tested = tested_patients(comparison)
    chosen = tested["cohort"].isin(groups[row["cohort_group"]])
    for name in METHOD:
        chosen &= tested[name] == row[name]
    aucs = {name: rows.set_index("cohort")["auc"] for name, rows in tested[chosen].groupby("variant")}
    values = aucs[row["variant"]]
    return (values if pd.isna(row["contrast"]) else values - aucs[row["contrast"]]).dropna().to_numpy()
