"""The figures of one cell, drawn by name from its predictions, trainings and scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from gliobench.reporting.curves import curves_figure
from gliobench.reporting.figures import classification_figure, confusion_figure, distributions_figure, roc_figure

PARTS = ("test", "whole", "validation")  # figures show the first of these that a cell has


@dataclass(frozen=True)
class CellScores:
    """
    What is known of a cell once it is scored.

    Attributes
    ----------
    rows : pandas.DataFrame
        Patients' predictions (`gliobench.evaluation.cells.patient_rows`), all phases and parts.
    metrics : pandas.DataFrame
        The cell's rows of the table ``metrics``.
    histories : sequence of pandas.DataFrame
        Its tables ``history``.
    phases : sequence of str
        Phases of the approach, in their order.
    label_names : (str, str)
        What labels 0 and 1 mean.
    """

    rows: pd.DataFrame
    metrics: pd.DataFrame
    histories: Sequence[pd.DataFrame]
    phases: Sequence[str]
    label_names: tuple[str, str]

    def shown(self, phase: str) -> tuple[pd.DataFrame, dict[Any, Any]]:
        """Return the predictions of a phase that figures show, and their row of the table ``metrics``."""
        return shown_scores(self.rows, self.metrics, phase)


def shown_scores(rows: pd.DataFrame, metrics: pd.DataFrame, phase: str) -> tuple[pd.DataFrame, dict[Any, Any]]:
    """Return the predictions of a cell's phase that figures show, and their row of the table ``metrics``."""
    rows = rows[rows["phase"] == phase]
    part = shown_part(rows)
    patients = metrics[metrics["unit"].ne("slice")]
    scores = patients[patients["phase"].eq(phase) & patients["part"].eq(part)]
    # A cell without predictions is one row, of no phase and part.
    found = (scores if len(scores) else metrics.head(1)).iloc[0].to_dict()
    return rows[rows["part"] == part], found | {"phase": phase}


def shown_part(rows: pd.DataFrame) -> str:
    """Return the part that figures show: the first of test, whole and validation that has rows."""
    there = set(rows["part"])
    return next((part for part in PARTS if part in there), PARTS[0])


def cell_figure(name: str, phase: str, cell: CellScores) -> Figure:
    """
    Draw one figure of a cell.

    Parameters
    ----------
    name : str
        One of `gliobench.reporting.names.DRAWN_FROM_SCORES`.
    phase : str
        The phase it shows; ignored by figures of all phases.
    cell : CellScores
        The cell.
    """
    if name == "curves":
        return curves_figure(cell.histories, cell.metrics.iloc[0].to_dict())
    if name == "distributions":
        shown = {one: cell.shown(one) for one in cell.phases}
        by_phase = {one: rows for one, (rows, _) in shown.items()}
        return distributions_figure(by_phase, shown[cell.phases[0]][1], cell.label_names)
    rows, scores = cell.shown(phase)
    if name == "roc":
        return roc_figure(rows, scores)
    draw = {"confusion": confusion_figure, "classification": classification_figure}[name]
    return draw(rows, scores, cell.label_names)
