"""One training job of the workflow: files in, files out."""

import platform
import shutil
import uuid
from collections.abc import Sequence
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from gliobench.files import read_table, write_json, write_table
from gliobench.inputs.store import read_shards
from gliobench.training.batch import Job, gather_folds, train_folds

PACKAGES = ("keras", "tensorflow", "torch", "numpy", "scikit-learn")


def run_job(
    job: Job,
    weights: str,
    patients: str | Path,
    split: str | Path,
    arrays: Sequence[str | Path],
    outputs: Any,
    threads: int,
) -> None:
    """
    Train the folds of a job and write predictions, history, the run's record and the models.

    Parameters
    ----------
    job : Job
        What to train.
    weights : str
        Initial weights, as the table names them.
    patients, split : path
        Tables of the cohort.
    arrays : sequence of path
        Shards of the approach's input.
    outputs : object
        Paths ``predictions``, ``history``, ``record`` and ``models``, as Snakemake gives them.
    threads : int
        Threads of one operation.
    """
    approach = import_module(f"gliobench.approaches.{job.cell['approach']}")
    device = approach.prepare(threads)
    inputs, index = read_shards(arrays)
    labelled = index.merge(read_table(patients, "patients"), on="patient_id", how="left", validate="many_to_one")
    unfinished = Path(outputs.predictions).parent / ".unfinished"
    records = train_folds(job, approach, inputs, labelled, read_table(split, "split"), unfinished)
    write_table(gather_folds(unfinished, records, "predictions"), outputs.predictions, "predictions")
    write_table(gather_folds(unfinished, records, "history"), outputs.history, "history")
    _collect_models(approach, unfinished, Path(outputs.models))
    about = {"weights": weights, "device": device, "threads": threads, "versions": _versions()}
    write_json(_record(job) | about | {"folds": records}, outputs.record)
    _discard(unfinished)


def _record(job: Job) -> dict[str, Any]:
    return job.cell | {
        "repeat": job.repeat,
        "seed_index": job.seed_index,
        "batch": job.batch,
        "parameters": job.parameters,
    }


def _versions() -> dict[str, str]:
    installed = {dist.metadata["Name"].lower() for dist in metadata.distributions()}
    versions = {name: metadata.version(name) for name in PACKAGES if name in installed}
    return {"python": platform.python_version()} | versions


def _collect_models(approach: ModuleType, folds: Path, models: Path) -> None:
    models.mkdir(parents=True, exist_ok=True)
    for model in sorted(folds.glob(f"fold-*/model{approach.SUFFIX}")):
        shutil.copyfile(model, models / f"{model.parent.name}{approach.SUFFIX}")


def _discard(folder: Path) -> None:
    doomed = folder.with_name(f".discarded.{uuid.uuid4().hex}")
    folder.rename(doomed)  # at once, so that a kill leaves no half of a finished fold
    shutil.rmtree(doomed)
