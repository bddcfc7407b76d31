"""One training job of the workflow: files in, files out."""

import platform
import shutil
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.files import check_record, join_tables, write_json, write_table
from gliobench.inputs.patient_facts import KIND, patient_facts, with_patient_facts
from gliobench.inputs.store import join_shards
from gliobench.processor import processor
from gliobench.terms import ALL
from gliobench.training import Job, Machine, first_line, import_approach, keras_backend
from gliobench.training.folds import gather_folds, train_folds
from gliobench.training.labels import Labelled

PACKAGES = ("keras", "tensorflow", "torch", "torchvision", "monai", "numpy", "scikit-learn")
TABLES = ("predictions", "history")  # of a run
UNFINISHED = ".unfinished"  # folder of what a job keeps in case of a kill
RECORDED: tuple[str, ...] = ("repeat", "seed_index", "batch", "phases", "weights", "parameters")  # of a job
RECORDED += ("toolchain", "cohort_kind", "input", "series")


def run_job(
    job: Job, machine: Machine, labelled: Iterable[Labelled], arrays: Sequence[str | Path], outputs: Any
) -> None:
    """
    Train the folds of a job and write predictions, history, the run's record and the models.

    Parameters
    ----------
    job : Job
        What to train.
    machine : Machine
        Threads and device.
    labelled : iterable of Labelled
        The cohort; or copies of it with other labels, each trained like the cohort. Tables and record of copies have
        their number, and their models are not kept.
    arrays : sequence of path
        Shards of the approach's inputs.
    outputs : object
        Paths ``predictions``, ``history``, ``record`` and ``models``, as Snakemake gives them.
    """
    approach = import_approach(job.cell["approach"], job.toolchain)
    device = approach.prepare(machine)
    unfinished = Path(outputs.predictions).parent / UNFINISHED
    models = Path(outputs.models)
    for made in (unfinished, models):  # even if no fold is the job's
        made.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for each in labelled:
        inputs, index = load_inputs(job.input["kind"], arrays, job.series, each.patients, each.split["patient_id"])
        folder = unfinished if each.copy is None else unfinished / f"copy-{each.copy}"
        folds = train_folds(_job_of(job, each), approach, inputs, index, each.split, folder, machine, device)
        if each.copy is None:
            _collect_models(approach, folder, folds, models)
        records += [_numbered(each, fold) for fold in folds]
        for name, gathered in tables.items():
            gathered.append(_with_number(each, gather_folds(folder, folds, name)))
    for name, gathered in tables.items():
        write_table(join_tables(gathered, name), getattr(outputs, name), name)
    about: dict[str, Any] = {"shape": list(inputs.shape[1:]), "label_names": _label_names(each.patients)}
    about |= {"grad_cam": hasattr(approach, "cam_layer"), "device": device, "threads": machine.threads}
    unused = machine.unused_gpu(job.toolchain) if device == "cpu" else None
    about |= {"backend": keras_backend(), "unused_gpu": unused}
    record = _record(job, about, records)
    check_record(record, "run", str(outputs.record))
    write_json(record, outputs.record)
    discard(unfinished)


def _record(job: Job, about: dict[str, Any], folds: list[dict[str, Any]]) -> dict[str, Any]:
    settings = {name: getattr(job, name) for name in RECORDED}
    return {**job.cell, **settings, **about, "versions": versions(), "processor": processor(), "folds": folds}


def _job_of(job: Job, labelled: Labelled) -> Job:
    """Return the job of a cohort or copy, which has its own seed, and perhaps a reason why it cannot be trained."""
    impossible = next(iter(labelled.split["reason"].dropna()), None)
    cell = job.cell | {"cohort": labelled.cohort}
    return replace(job, cell=cell, seed=labelled.seed, reason=job.reason or impossible)


def _numbered(labelled: Labelled, record: dict[str, Any]) -> dict[str, Any]:
    return record if labelled.copy is None else {"copy": labelled.copy} | record


def _with_number(labelled: Labelled, table: pd.DataFrame) -> pd.DataFrame:
    return table if labelled.copy is None else table.assign(copy=labelled.copy)


def load_inputs(
    kind: str, arrays: Sequence[str | Path], series: Iterable[str], patients: pd.DataFrame, wanted: Iterable[str]
) -> tuple[np.ndarray, pd.DataFrame]:
    """
    Load the inputs of some patients, their series joined.

    Parameters
    ----------
    kind : str
        Kind of the inputs; says how series are joined.
    arrays : sequence of path
        Shards of an approach's inputs.
    series : iterable of str
        Series to join, in the order of the channels; none on a cohort without images.
    patients : DataFrame
        As in the schema ``patients``.
    wanted : iterable of str
        Patients to load; files without any of them are not opened.

    Returns
    -------
    inputs : ndarray
        Shape (n, ...).
    index : DataFrame
        patient_id, modality, slice_index and label of each row.
    """
    series, wanted = list(series), set(wanted)
    inputs, index = join_shards(kind, arrays, series, wanted) if series else no_inputs(wanted)
    if kind == KIND:
        inputs = with_patient_facts(inputs, patient_facts(patients).loc[index["patient_id"]].to_numpy())
    labels = patients[["patient_id", "label"]]
    return inputs, index.merge(labels, on="patient_id", how="left", validate="many_to_one")


def load_model(approach: ModuleType, path: Path) -> Any:
    """
    Read a model that an approach saved; reading a file, even an untrusted one, never runs code from it.

    Parameters
    ----------
    approach : module
        From `gliobench.approaches`; its formats hold numbers and settings, and its ``load`` refuses code.
    path : Path
        The file.

    Raises
    ------
    GlioBenchError
        The file is not a model of the approach, or holds more than a model.
    """
    name = approach.__name__.rpartition(".")[2]
    if path.suffix != approach.SUFFIX:
        raise GlioBenchError(
            f"{path} is not a model of {name}, because those files end in {approach.SUFFIX}; give another run."
        )
    try:
        return approach.load(path)
    except GlioBenchError:
        raise
    except Exception as reason:  # frameworks raise many types
        raise GlioBenchError(
            f"{path} cannot be read as a model of {name}: it is damaged, for another network, or holds code "
            f"({first_line(reason)}); train the run again, or give another."
        ) from reason


def no_inputs(patients: Iterable[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Return inputs without a channel for all patients of a cohort without images, for baselines that need none."""
    index = pd.DataFrame({"patient_id": sorted(patients), "modality": ALL})
    index = index.assign(slice_index=pd.array([None] * len(index), dtype="Int64"))
    return np.empty((len(index), 0, 0)), index


def _label_names(patients: pd.DataFrame) -> dict[str, str]:
    named = patients.dropna(subset="label_name").groupby("label")["label_name"].first()
    return {str(label): str(name) for label, name in named.items()}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that affect results."""
    installed = {dist.metadata["Name"].lower() for dist in metadata.distributions()}
    packages = {name: metadata.version(name) for name in PACKAGES if name in installed}
    return {"python": platform.python_version()} | packages


def _collect_models(approach: ModuleType, folder: Path, folds: Iterable[dict[str, Any]], models: Path) -> None:
    """Copy the models of the job's folds; a job that was killed with other settings may have left more."""
    for name in (f"fold-{fold['fold']}" for fold in folds if fold["status"] == "ok"):
        shutil.copyfile(folder / name / f"model{approach.SUFFIX}", models / f"{name}{approach.SUFFIX}")


def discard(folder: Path) -> None:
    """Remove what a job kept in case of a kill."""
    doomed = folder.with_name(f".discarded.{uuid.uuid4().hex}")
    folder.rename(doomed)  # at once, so that a kill leaves no incomplete fold
    shutil.rmtree(doomed)
