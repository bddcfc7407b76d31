"""How long a cell takes to score, a pair to compare, and a figure to draw: of random predictions."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.columns import BASELINE, HARMONISED, MAIN
from gliobench.evaluation.pairwise import pairwise_table
from gliobench.evaluation.runs import patient_rows
from gliobench.figures.cell import CellScores, cell_figure
from gliobench.figures.style import save_figure
from gliobench.training.parts import ROLES, prediction_rows

FOLDS = 5
SEED = 0
DRAWN = 3  # times; the first loads the letters, as once in every job
PHASE = "final"


def time_scores(patients: int, repeats: int, resamples: int, folder: Path) -> dict[str, float]:
    """
    Score a cell of so many patients and repeats, compare it with a baseline, and draw a figure of it.

    Returns
    -------
    dict
        ``cell_seconds``, ``pair_seconds`` and ``figure_seconds``.
    """
    network, baseline = (_runs(name, patients, repeats) for name in ("network", BASELINE))
    begun = time.perf_counter()
    metrics = score_cell(*network, SEED, resamples)
    scored = time.perf_counter()
    pairwise_table([network, baseline])
    paired = time.perf_counter()
    cell = CellScores(patient_rows(*network), metrics, [], [], [PHASE], ("0", "1"))
    drawn = []
    for _ in range(DRAWN):
        begun_drawing = time.perf_counter()
        save_figure(cell_figure("roc", PHASE, cell), folder / "roc")
        drawn.append(time.perf_counter() - begun_drawing)
    return {
        "cell_seconds": scored - begun,
        "pair_seconds": paired - scored,
        "figure_seconds": min(drawn),
    }


def _runs(approach: str, patients: int, repeats: int) -> tuple[list[pd.DataFrame], list[dict[str, Any]]]:
    """Return random predictions of a cell, and its records."""
    cell = {"cohort": "sample", "approach": approach, "variant": MAIN, "modality": "all", "protocol": HARMONISED}
    about = {"seed_index": 0, "batch": 0, "phases": [PHASE], "weights": "none"}
    folds = [{"fold": fold, "status": "ok", "reason": None} for fold in range(FOLDS)]
    records = [{**cell, **about, "repeat": repeat, "folds": folds} for repeat in range(repeats)]
    return [_predictions(patients, repeat) for repeat in range(repeats)], records


def _predictions(patients: int, repeat: int) -> pd.DataFrame:
    rng = np.random.default_rng([SEED, repeat])
    place = rng.permutation(patients) % FOLDS
    ids = [f"{number:05}" for number in range(patients)]
    everybody = pd.DataFrame(
        {"patient_id": ids, "modality": "all", "slice_index": pd.array([None] * patients, "Int64")}
    )
    everybody = everybody.assign(label=np.arange(patients) % 2)
    tables = []
    for fold in range(FOLDS):
        role = np.where(place == fold, "test", np.where(place == (fold + 1) % FOLDS, "validation", "train"))
        parts = {name: everybody[role == name] for name in ROLES}
        log_odds = {name: rng.normal(part["label"]) for name, part in parts.items()}
        tables.append(prediction_rows(parts, log_odds, fold, PHASE))
    return pd.concat(tables, ignore_index=True)
