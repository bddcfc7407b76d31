"""Shared code of all generated cohorts: seeds, a brain with a tumour, and writing many patients at once."""

import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gliobench.cohorts.anatomy import Anatomy, draw_pose, draw_warp, load_template, warp
from gliobench.cohorts.lesion import Lesion, Traits, draw_centre, draw_lesion
from gliobench.errors import GlioBenchError
from gliobench.files import write_table
from gliobench.processes import die_with_parent, main_not_run_again
from gliobench.seeds import derive_seed

LOGGER = logging.getLogger(__name__)


def working_spacing(matrix: int) -> int:
    """Return the anatomy's voxel size in mm (1 to 3) for slices of `matrix` pixels across about 240 mm."""
    return int(np.clip(round(0.8 * 240 / matrix), 1, 3))


def patient_rng(seed: int, patient: Mapping[str, Any], purpose: str) -> np.random.Generator:
    """Return the source of randomness of one purpose and patient, the same whatever else is drawn."""
    return np.random.default_rng(derive_seed(seed, patient["patient_id"], purpose))


def grow_tumour(
    patient: Mapping[str, Any], settings: Mapping[str, Any], seed: int, traits: Traits, *masks: NDArray[np.float32]
) -> tuple[Anatomy, Lesion, list[NDArray[np.float32]]]:
    """
    Build a patient's brain with a tumour in a hemisphere, on a grid as fine as the series need (1 to 3 mm).

    Parameters
    ----------
    patient, settings, seed
        As for the ``write_patient`` of a kind of cohort.
    traits : Traits
        Of the tumour.
    *masks : float32 array of shape (x, y, z)
        Further maps on the template's grid; returned as they lie in the patient.
    """
    template = load_template(working_spacing(settings["matrix"]))
    rng = patient_rng(seed, patient, "anatomy")
    pose = draw_pose(rng)
    radius = rng.uniform(*settings["lesion"]["core_radius"])
    centre = pose.to_patient(draw_centre(template, traits.location, rng))
    coordinates = draw_warp(template, pose, (centre, rng.uniform(2, 7), 1.6 * radius), rng)
    maps = warp(np.stack([*template.tissues, *masks]), coordinates)
    anatomy = Anatomy(maps[:3], template.affine)
    lesion = draw_lesion(anatomy, centre, radius, traits, patient_rng(seed, patient, "lesion"))
    return anatomy, lesion, list(maps[3:])


def clear(folder: Path, made: Iterable[Path], labels: Path) -> None:
    """
    Remove a generated cohort of an earlier call: its table of labels, then its folders.

    Raises
    ------
    GlioBenchError
        The folder holds data that were not generated.
    """
    there = [path for path in made if path.exists()]
    if there and not (folder / "truth.tsv").exists():
        raise GlioBenchError(f"{there[0]} holds data that were not generated; choose another folder for the cohort.")
    labels.unlink(missing_ok=True)
    for path in there:
        shutil.rmtree(path)


def write_patients(
    write: Callable[[dict[str, Any]], None], patients: pd.DataFrame, folder: Path, matrix: int, workers: int
) -> None:
    """
    Write all patients, and log the progress; the files are the same whatever the number of workers.

    ``truth.tsv`` (patient_id, site, oracle_probability) is written first and marks the folder as generated.

    Parameters
    ----------
    write : callable
        Writes the patient of one row; it can be pickled.
    patients : DataFrame
        One row per patient.
    folder : Path
        The cohort's folder.
    matrix : int
        Rows and columns of a slice.
    workers : int
        Processes that share the patients.
    """
    write_table(patients[["patient_id", "site", "oracle_probability"]], folder / "truth.tsv", "truth")
    rows: list[Any] = patients.to_dict("records")
    load_template(working_spacing(matrix))  # so that forked workers share it
    if workers == 1:
        _count(map(write, rows), len(rows))
    else:
        with ProcessPoolExecutor(min(workers, len(rows)), initializer=die_with_parent) as pool:
            with main_not_run_again():  # as some systems start processes
                written = pool.map(write, rows)
            _count(written, len(rows))


def _count(done: Any, total: int) -> None:
    for number, _ in enumerate(done, start=1):
        if number % max(1, total // 10) == 0:
            LOGGER.info("generated %d of %d patients", number, total)
