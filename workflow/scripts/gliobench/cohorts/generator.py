"""What all generated cohorts share: settings with defaults, seeds, and many patients written at once."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd

from gliobench.cohorts.anatomy import load_template
from gliobench.errors import GlioBenchError
from gliobench.files import read_json
from gliobench.processes import die_with_parent
from gliobench.seeds import derive_seed
from gliobench.settings import SCHEMAS, check

LOGGER = logging.getLogger(__name__)


def fill(settings: Mapping[str, Any], schema: str, where: str) -> dict[str, Any]:
    """
    Check settings against ``<schema>.schema.json`` and fill in the defaults, which stand there.

    Raises
    ------
    GlioBenchError
        A key is unknown or a value impossible.
    """
    check(settings, schema, where)
    filled: dict[str, Any] = _fill(read_json(SCHEMAS / f"{schema}.schema.json"), settings)
    return filled


def _fill(schema: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, Mapping):
        rules = schema["properties"]
        defaults = {key: rule["default"] for key, rule in rules.items() if "default" in rule}
        return {key: _fill(rules[key], part) for key, part in (defaults | dict(value)).items()}
    if isinstance(value, list):
        return [_fill(schema.get("items", {}), part) for part in value]
    return value


def check_ranges(ranges: Mapping[str, list[float]], where: str) -> None:
    """Raise a sentence if the smaller end of a range, by its name, is not given first."""
    for place, (low, high) in ranges.items():
        if low > high:
            raise GlioBenchError(f"{where}, {place}: {low} is above {high}; give the smaller one first.")


def working_spacing(matrix: int) -> int:
    """Return the anatomy's voxel size in mm (1 to 3) for slices of `matrix` pixels across about 240 mm."""
    return int(np.clip(round(0.8 * 240 / matrix), 1, 3))


def patient_rng(seed: int, patient: Mapping[str, Any], purpose: str) -> np.random.Generator:
    """Return the source of randomness of one purpose and patient, the same whatever else is drawn."""
    return np.random.default_rng(derive_seed(seed, patient["patient_id"], purpose))


def write_patients(write: Callable[[dict[str, Any]], None], patients: pd.DataFrame, matrix: int, workers: int) -> None:
    """
    Write all patients, and log how far it has come.

    Parameters
    ----------
    write : callable
        Writes the patient of one row; it can be pickled.
    patients : DataFrame
        A row a patient.
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
