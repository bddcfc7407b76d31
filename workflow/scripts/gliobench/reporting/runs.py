"""From a score to where it comes from: the runs of each cell, their settings and their files."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gliobench import paths
from gliobench.evaluation.columns import CELL
from gliobench.origin import computed_on
from gliobench.reporting.display import Display
from gliobench.wording import EMPTY

SETTINGS = ("phases", "weights", "input", "series", "parameters")  # of a run's record

Record = Mapping[str, Any]


@dataclass(frozen=True)
class CellRuns:
    """
    The runs of a cell.

    Attributes
    ----------
    anchor : str
        The place on the approach's page.
    title : str
        Its names.
    folder : str
        The folder of its runs below the study's.
    settings : dict
        What all of them were trained with; a tuned parameter is that of the first.
    folds : Display
        One row per fold.
    """

    anchor: str
    title: str
    folder: str
    settings: dict[str, Any]
    folds: Display


def runs_of(records: Iterable[Record], approach: str) -> list[CellRuns]:
    """Return the runs of an approach's cells, in the order of their records."""
    cells: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        if record.get("approach") == approach:
            cells.setdefault(tuple(record[name] for name in CELL), []).append(record)
    return [_cell_runs(dict(zip(CELL, names, strict=True)), runs) for names, runs in cells.items()]


def anchor(cell: Mapping[Any, Any]) -> str:
    """Return the place of a cell on its approach's page: letters, digits and dashes."""
    return "-".join(["runs", *(re.sub(r"[^A-Za-z0-9_]+", "-", str(cell[name])) for name in CELL)])


def _cell_runs(cell: Mapping[str, str], records: Sequence[Record]) -> CellRuns:
    rows = [_fold(record, fold) for record in records for fold in record["folds"]]
    text = pd.DataFrame(rows)
    caption = (
        "One row per fold; seconds of its training. In each run's folder, repeat-*/seed-*/batch-*: predictions.tsv, "
        "history.tsv (every epoch), run.json (settings, versions, machine) and the models."
    )
    return CellRuns(
        anchor(cell),
        " · ".join(cell[name] for name in ("cohort", "variant", "modality", "protocol")),
        paths.RUNS.format(**cell),
        {name: records[0][name] for name in SETTINGS},
        Display(text, frozenset(text.columns) - {"Status", "Device"}, caption, keys=3),
    )


def _fold(record: Record, fold: Record) -> dict[str, str]:
    epochs = [f"{epoch}" if name == "final" else f"{name} {epoch}" for name, epoch in fold["best_epoch"].items()]
    return {
        "Repeat": str(record["repeat"]),
        "Seed": str(record["seed_index"]),
        "Fold": str(fold["fold"]),
        "Status": fold["status"] if not fold["reason"] else f"{fold['status']}: {fold['reason']}",
        "Train": str(fold["n_train"]),
        "Validation": str(fold["n_validation"]),
        "Test": str(fold["n_test"]),
        "Epoch kept": ", ".join(epochs) or EMPTY,
        "Seconds": f"{fold['seconds']:.1f}",
        "Device": computed_on(record),
    }
