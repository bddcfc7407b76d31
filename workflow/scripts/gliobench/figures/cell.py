"""The figures of one cell: its scores, and the figures drawn from them, by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from gliobench.evaluation.columns import CELL, ROUND, RUN, THRESHOLD, shown_part
from gliobench.evaluation.mean_curves import GRID, both_labels, mean_roc, roc
from gliobench.figures.style import (
    BLUE,
    CHANCE_LINE,
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
from gliobench.figures.trainings import curves_figure
from gliobench.wording import DASH, interval, plural, reason

UNSCORED = "no run scored both labels"

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class CellScores:
    """
    The scores of a cell.

    Attributes
    ----------
    rows : pandas.DataFrame
        Patients' predictions (`gliobench.evaluation.runs.patient_rows`), all phases and parts.
    metrics : pandas.DataFrame
        The cell's rows of the table ``metrics``.
    histories : sequence of pandas.DataFrame
        Its tables ``history``.
    records : sequence of dict
        Its ``run.json``, one per history.
    phases : sequence of str
        Phases of the approach, in their order.
    label_names : (str, str)
        What labels 0 and 1 mean.
    """

    rows: pd.DataFrame
    metrics: pd.DataFrame
    histories: Sequence[pd.DataFrame]
    records: Sequence[Row]
    phases: Sequence[str]
    label_names: tuple[str, str]

    def shown(self, phase: str) -> tuple[pd.DataFrame, dict[Any, Any]]:
        """Return the predictions of a phase that figures show, and their row of the table ``metrics``."""
        return shown_scores(self.rows, self.metrics, phase)


def shown_scores(rows: pd.DataFrame, metrics: pd.DataFrame, phase: str) -> tuple[pd.DataFrame, dict[Any, Any]]:
    """Return the predictions of a cell's phase that figures show, and their row of the table ``metrics``."""
    rows = rows[rows["phase"] == phase]
    part = shown_part(rows["part"])
    patients = metrics[metrics["unit"].ne("slice")]
    scores = patients[patients["phase"].eq(phase) & patients["part"].eq(part)]
    # A cell without predictions is one row without phase and part.
    found = (scores if len(scores) else metrics.head(1)).iloc[0].to_dict()
    return rows[rows["part"] == part], found | {"phase": phase}


def cell_figure(name: str, phase: str, cell: CellScores) -> Figure:
    """
    Draw one figure of a cell.

    Parameters
    ----------
    name : str
        One of `gliobench.plan.DRAWN_FROM_SCORES`.
    phase : str
        The phase it shows; ignored by figures of all phases.
    cell : CellScores
        The cell.
    """
    if name == "curves":
        return curves_figure(cell.histories, cell.records, cell.metrics.iloc[0].to_dict())
    if name == "distributions":
        shown = {one: cell.shown(one) for one in cell.phases}
        by_phase = {one: rows for one, (rows, _) in shown.items()}
        return distributions_figure(by_phase, shown[cell.phases[0]][1], cell.label_names)
    rows, scores = cell.shown(phase)
    if name == "roc":
        return roc_figure(rows, scores)
    draw = {"confusion": confusion_figure, "classification": classification_figure}[name]
    return draw(rows, scores, cell.label_names)


def cell_names(row: Row) -> list[str]:
    """Name a cell, and its phase unless it is the only one, for the heading of its figure."""
    phase = row.get("phase")
    return [*(str(row[name]) for name in CELL), "" if pd.isna(phase) or phase == "final" else str(phase)]


@styled
def roc_figure(rows: pd.DataFrame, scores: Row) -> Figure:
    """
    Draw ROC curves: one thin line per run, and their mean, each run weighted by its pairs of patients.

    Parameters
    ----------
    rows : pandas.DataFrame
        Patients' predictions of one cell, phase and part (see `gliobench.figures.cell`). If
        every run scores a single patient, the curves are those of whole rounds, labelled as mixing folds.
    scores : dict
        The row of the table ``metrics`` for them.
    """
    figure = new_figure(3.9, 4.7)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], **CHANCE_LINE, label="chance")
    runs = both_labels(rows, RUN)
    mixed = not runs
    if runs := runs or both_labels(rows, ROUND):
        _draw_rocs(axes, runs, scores, mixed)
    else:
        say_why_empty(axes, reason(scores, UNSCORED))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.set(xlabel="1 - specificity", ylabel="Sensitivity")
    axes.set_title(f"ROC, {_scored(scores)}")
    figure.legend(loc="outside lower center")
    heading(figure, *cell_names(scores))
    return figure


def _scored(scores: Row) -> str:
    """Say what a figure shows: the part and its number of patients."""
    if pd.isna(scores["n_patients"]):
        return "no predictions"
    return f"{in_words(scores['part'])}n = {scores['n_patients']} ({scores['n_positive']} positive)"


def in_words(part: str) -> str:
    """Name a part in front of its number of patients."""
    return "whole cohort, training patients included,\n" if part == "whole" else f"{part} part, "


def _draw_rocs(axes: Axes, runs: list[pd.DataFrame], scores: Row, mixed: bool) -> None:
    colour = approach_colour(scores["approach"])
    name = "one repeat" if mixed else "one run"
    for run in runs if len(runs) > 1 else []:
        axes.plot(*roc(run), color=colour, lw=0.8, alpha=faint(len(runs)), label=name)
        name = "_"
    if mixed:  # a low one is what mixed folds give without a signal
        area = f"folds mixed, pooled AUC {interval(scores['auc_pooled'], np.nan, np.nan)} (not comparable)"
    else:
        area = f"AUC {interval(scores['auc'], scores['auc_low'], scores['auc_high'])}"
    label = f"mean of {len(runs)}, " if len(runs) > 1 else ""
    axes.plot([0, *GRID], [0, *mean_roc(runs)], color=colour, lw=2, label=label + area)


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
        axes.set_title(f"{_first(scores, first)}, threshold {THRESHOLD:g}")
    else:
        say_why_empty(axes, reason(scores, UNSCORED))
    heading(figure, *cell_names(scores))
    return figure


def _first(scores: Row, rows: pd.DataFrame) -> str:
    return f"{in_words(scores['part'])}n = {len(rows)}"


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
    Typeset precision, recall and F1 of each label, their means and the accuracy, for the first repeat and seed.

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
        say_why_empty(axes, reason(scores, UNSCORED))
    heading(figure, *cell_names(scores))
    return figure


def classification_report(rows: pd.DataFrame, label_names: tuple[str, str]) -> pd.DataFrame:
    """
    Return precision, recall, F1 and support of each label at threshold 0.5, their means and the accuracy.

    Precision is not a number if no patient is given that label; the same holds for the mean that includes it.
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
    Draw the predicted probabilities of the patients of each label: one panel per phase, in training order.

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
        axes.set_title(f"{'' if phase == 'final' else f'{phase}: '}{_counts(rows, scores)}")
        if len(rows):
            _draw_distributions(axes, rows, label_names)
        else:
            say_why_empty(axes, reason(scores, UNSCORED))
    panels[0].set_ylabel("Share of the label's predictions")
    panels[0].set_ylim(bottom=0)
    if any(map(len, phases.values())):
        shown = next(axes for axes, rows in zip(panels, phases.values(), strict=True) if len(rows))
        figure.legend(*shown.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    heading(figure, *(str(scores[name]) for name in CELL))
    return figure


def _counts(rows: pd.DataFrame, scores: Row) -> str:
    if rows.empty:
        return "no predictions"
    runs = len(rows.groupby(RUN))
    return f"{in_words(scores['part'])}{plural(rows['patient_id'].nunique(), 'patient')}, {plural(runs, 'run')}"


def _draw_distributions(axes: Axes, rows: pd.DataFrame, label_names: tuple[str, str]) -> None:
    edges = np.linspace(0, 1, 21)
    for label, colour, fill in ((0, BLUE, True), (1, VERMILLION, False)):
        values = rows.loc[rows["label"] == label, "probability"].to_numpy(float)
        share = np.histogram(values, edges)[0] / max(len(values), 1)
        axes.stairs(share, edges, color=colour, alpha=0.35 if fill else 1, fill=fill, lw=1.8, label=label_names[label])
    axes.axvline(THRESHOLD, color=INK, lw=0.9, ls=":", label=f"threshold {THRESHOLD:g}")
