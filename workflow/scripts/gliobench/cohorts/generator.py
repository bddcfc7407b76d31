"""Shared code of all generated cohorts: seeds, and writing many patients at once."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from gliobench.cohorts.anatomy import load_template
from gliobench.processes import die_with_parent
from gliobench.seeds import derive_seed

LOGGER = logging.getLogger(__name__)


def working_spacing(matrix: int) -> int:
    """Return the anatomy's voxel size in mm (1 to 3) for slices of `matrix` pixels across about 240 mm."""
    return int(np.clip(round(0.8 * 240 / matrix), 1, 3))


def patient_rng(seed: int, patient: Mapping[str, Any], purpose: str) -> np.random.Generator:
    """Return the source of randomness of one purpose and patient, the same whatever else is drawn."""
    return np.random.default_rng(derive_seed(seed, patient["patient_id"], purpose))


def write_patients(write: Callable[[dict[str, Any]], None], patients: pd.DataFrame, matrix: int, workers: int) -> None:
    """
    Write all patients, and log the progress.

    Parameters
    ----------
    write : callable
        Writes the patient of one row; it can be pickled.
    patients : DataFrame
        One row per patient.
    matrix : int
        Rows and columns of a slice.
    workers : int
        Processes that share the patients.
    """
    rows: list[Any] = patients.to_dict("records")
    load_template(working_spacing(matrix))  # so that forked workers share it
    if workers == 1:
        _count(map(write, rows), len(rows))
    else:
        with ProcessPoolExecutor(min(workers, len(rows)), initializer=die_with_parent) as pool:
            _count(pool.map(write, rows), len(rows))


def _count(done: Any, total: int) -> None:
    for number, _ in enumerate(done, start=1):
        if number % max(1, total // 10) == 0:
            LOGGER.info("generated %d of %d patients", number, total)
