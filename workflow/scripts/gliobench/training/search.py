"""One tuning job of the workflow: files in, trials out; the test patients' files are never opened."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.files import read_table
from gliobench.training import Machine, Part
from gliobench.training.batch import Job
from gliobench.training.gpus import visible_gpus
from gliobench.training.job import load_inputs
from gliobench.training.parts import part_of, rows_of
from gliobench.training.tuning import tune


def search(
    job: Job,
    settings: dict[str, Any],
    machine: Machine,
    patients: str | Path,
    split: str | Path,
    arrays: Sequence[str],
    folder: Path,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """
    Search for a cell's hyperparameters on the first fold of its split; see `gliobench.training.tuning.tune`.

    Parameters
    ----------
    job, settings, machine
        As for `tune`.
    patients, split : path
        Tables of the cohort.
    arrays : sequence of str
        Shards of the approach's inputs; those with only test patients are not opened.
    folder : Path
        Folder of the journals, named by what the search depends on.
    """
    journal = folder / ".unfinished" / f"{_fingerprint(job, settings, machine, [patients, split, *arrays])}.log"
    load = partial(load_parts, job.input, job.needs["series"], job.repeat, str(patients), str(split), list(arrays))
    return tune(job, settings, machine, load, journal)


def load_parts(
    kind: str, series: list[str], repeat: int, patients: str, split: str, arrays: list[str]
) -> tuple[Part, Part]:
    """Return the training and the validation part of a split's first fold."""
    table = read_table(split, "split")
    roles = table[(table["repeat"] == repeat) & (table["fold"] == 0) & (table["role"] != "test")]
    inputs, index = load_inputs(kind, arrays, series, read_table(patients, "patients"), roles["patient_id"])
    train, validation = (part_of(inputs, index, rows_of(index, roles, role)) for role in ("train", "validation"))
    return train, validation


def _fingerprint(job: Job, settings: dict[str, Any], machine: Machine, inputs: Sequence[str | Path]) -> str:
    """Return a digest of what a search depends on, without asking a framework for its environment."""
    computed_with = [asdict(machine), machine.device != "cpu" and bool(visible_gpus()), os.environ.get("KERAS_BACKEND")]
    digest = hashlib.sha256(json.dumps([asdict(job), settings, computed_with], sort_keys=True).encode())
    for path in inputs:
        digest.update(f"{path} {Path(path).stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:16]
