"""The loop over folds that every approach shares: train, score, record; finished folds survive a kill."""

import hashlib
import json
import resource
import shutil
import sys
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.files import read_json, read_table, table_schema, write_json, write_table
from gliobench.recipe import LOGGER, say
from gliobench.seeds import derive_seed
from gliobench.sources import library_files
from gliobench.training import Diverged, Part
from gliobench.training.scores import choose_threshold

ROLES = ("test", "validation", "train")


@dataclass(frozen=True)
class Job:
    """
    One training job: the folds k of a repeat with k mod `batches` = `batch`.

    `cell` holds cohort, approach, variant, modality and protocol; `seed` is the cohort's base seed.
    """

    cell: dict[str, str]
    repeat: int
    seed_index: int
    batch: int
    batches: int
    seed: int
    phases: list[str]
    parameters: dict[str, Any]

    def fold_seed(self, fold: int) -> int:
        """Return the seed of one run: a function of the base seed and the run's identity."""
        return derive_seed(self.seed, *self.cell.values(), self.repeat, self.seed_index, fold)

    @property
    def name(self) -> str:
        """The job in words, for progress lines."""
        return " ".join([*self.cell.values(), f"repeat {self.repeat}"])


def train_folds(
    job: Job, approach: ModuleType, inputs: np.ndarray, patients: pd.DataFrame, split: pd.DataFrame, folder: Path
) -> list[dict[str, Any]]:
    """
    Train the job's folds, each into a folder of its own, and return their records.

    Parameters
    ----------
    job : Job
        What to train.
    approach : module
        From `gliobench.approaches`.
    inputs : ndarray
        Shape (n, ...).
    patients : DataFrame
        patient_id and label of each row of `inputs`.
    split : DataFrame
        As in the schema ``split``; patients without an input are left out.
    folder : Path
        Where ``fold-<k>/`` go; those already there with the same fingerprint are taken as they are.

    Returns
    -------
    list of dict
        One a fold, as they stand under ``folds`` in ``run.json``.
    """
    if not len(inputs):
        raise GlioBenchError(f"{job.name}: no patient has a usable series; see series.tsv for the reasons.")
    rows = split[(split["repeat"] == job.repeat) & (split["fold"] % job.batches == job.batch)]
    model = None
    records = []
    for fold in sorted(rows["fold"].unique().tolist()):
        roles = rows[rows["fold"] == fold]
        target = folder / f"fold-{fold}"
        key = _fingerprint(job, fold, roles, inputs, patients)
        record = _finished(target, key)
        if record is None:
            model = model or approach.build(inputs.shape[1:], job.parameters)
            parts = {role: _part(inputs, patients, roles, role) for role in ROLES}
            record = _train_fold(job, approach, model, parts, fold, target, key)
        records.append(record)
    return records


def gather_folds(folder: Path, records: Iterable[dict], table: str) -> pd.DataFrame:
    """Join a table (``predictions`` or ``history``) of all folds."""
    return pd.concat(
        [read_table(folder / f"fold-{record['fold']}" / f"{table}.tsv", table) for record in records],
        ignore_index=True,
    )


def _part(inputs: np.ndarray, patients: pd.DataFrame, roles: pd.DataFrame, role: str) -> Part:
    mine = patients["patient_id"].isin(roles.loc[roles["role"] == role, "patient_id"]).to_numpy()
    return Part(inputs[mine], patients.loc[mine, "label"].to_numpy(int), patients.loc[mine, "patient_id"].to_numpy(str))


def _fingerprint(job: Job, fold: int, roles: pd.DataFrame, inputs: np.ndarray, patients: pd.DataFrame) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(inputs).data)
    about = [
        job.cell,
        job.phases,
        job.parameters,
        job.fold_seed(fold),
        roles[["patient_id", "role"]].to_csv(index=False),
        patients[["patient_id", "label"]].to_csv(index=False),
    ]
    digest.update(json.dumps(about, sort_keys=True).encode())
    for path in library_files("train.py", f"gliobench/approaches/{job.cell['approach']}.py"):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def _finished(target: Path, key: str) -> dict[str, Any] | None:
    if (target / "record.json").is_file():
        kept = read_json(target / "record.json")
        if kept["key"] == key:
            say(f"{target.name}: finished earlier, kept")
            return kept["record"]
    shutil.rmtree(target, ignore_errors=True)
    return None


def _train_fold(
    job: Job, approach: ModuleType, model: Any, parts: dict[str, Part], fold: int, target: Path, key: str
) -> dict[str, Any]:
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    temporary.mkdir(parents=True)
    start = time.perf_counter()
    record: dict[str, Any] = {"fold": fold, "status": "ok", "reason": None, "seed": job.fold_seed(fold)}
    record |= {f"n_{role}": len(part) for role, part in parts.items()}
    history: list[dict[str, Any]] = []
    predictions: list[pd.DataFrame] = []
    best_epochs: dict[str, int] = {}
    try:
        _check_parts(parts)
        for phase in job.phases:
            on_epoch = _EpochLog(job, fold, phase, history)
            best_epochs[phase] = approach.fit(
                model, phase, parts["train"], parts["validation"], job.parameters, job.fold_seed(fold), on_epoch
            )
            predictions.append(_predictions(approach, model, parts, fold, phase))
        approach.save(model, temporary / f"model{approach.SUFFIX}")
    except Diverged as reason:
        record |= {"status": "diverged", "reason": str(reason)}
    except GlioBenchError as reason:
        record |= {"status": "failed", "reason": str(reason)}
    seconds = time.perf_counter() - start
    trained = len(history) * len(parts["train"])
    record |= {
        "best_epoch": best_epochs,
        "seconds": seconds,
        "samples_per_second": trained / seconds,
        "peak_memory_bytes": _peak_memory(),
    }
    write_table(_frame(predictions, "predictions"), temporary / "predictions.tsv", "predictions")
    write_table(_frame([pd.DataFrame(history)], "history"), temporary / "history.tsv", "history")
    write_json({"key": key, "record": record}, temporary / "record.json")
    temporary.rename(target)
    say(f"{job.name} fold {fold}: {record['status']}, {len(history)} epochs in {seconds:.0f} s")
    return record


def _check_parts(parts: dict[str, Part]) -> None:
    for role in ("train", "validation"):
        if len(np.unique(parts[role].labels)) < 2:
            raise GlioBenchError(f"the {role} part has {len(parts[role])} patients and lacks one of the labels")
    if not len(parts["test"]):
        raise GlioBenchError("no test patient has a usable series")


def _predictions(approach: ModuleType, model: Any, parts: dict[str, Part], fold: int, phase: str) -> pd.DataFrame:
    probabilities = {role: approach.predict(model, part.inputs) for role, part in parts.items()}
    if not all(np.isfinite(values).all() for values in probabilities.values()):
        raise Diverged("a prediction is no number")
    threshold = choose_threshold(parts["validation"].labels, probabilities["validation"])
    tables = [
        pd.DataFrame(
            {
                "fold": fold,
                "phase": phase,
                "part": role,
                "patient_id": parts[role].patient_ids,
                "slice_index": None,
                "label": parts[role].labels,
                "probability": probabilities[role],
                "threshold": threshold,
            }
        )
        for role in ROLES
    ]
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _frame(tables: list[pd.DataFrame], schema: str) -> pd.DataFrame:
    columns = list(table_schema(schema)["properties"])
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def _peak_memory() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class _EpochLog:
    """Collects the history of one phase, and says now and then how far it is."""

    SECONDS_BETWEEN_LINES = 20

    def __init__(self, job: Job, fold: int, phase: str, history: list[dict[str, Any]]):
        self.job, self.fold, self.phase, self.history = job, fold, phase, history
        self.said = time.monotonic()

    def __call__(self, record: dict[str, float]) -> None:
        self.history.append({"fold": self.fold, "phase": self.phase} | record)
        numbers = ", ".join(f"{name} {value:.3g}" for name, value in record.items() if name != "epoch")
        line = f"{self.job.name} fold {self.fold} {self.phase} epoch {record['epoch']}: {numbers}"
        if time.monotonic() - self.said > self.SECONDS_BETWEEN_LINES:
            self.said = time.monotonic()
            say(line)
        else:
            LOGGER.info("%s", line)
