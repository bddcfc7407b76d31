"""The loop over folds shared by all approaches: train, score, record; finished folds survive a kill."""

import gc
import hashlib
import json
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from gliobench.arithmetic import pinned
from gliobench.errors import GlioBenchError
from gliobench.files import join_tables, read_json, read_table, write_json, write_table
from gliobench.recipe import LOGGER, disk_is_full, say
from gliobench.training import Diverged, Job, Machine, Part, gpu_is_full, keras_backend, why_it_failed
from gliobench.training.meter import Meter
from gliobench.training.parts import ROLES, SLICE, check_batch_sizes, check_parts, part_of, prediction_rows, rows_of

VALIDATION = "validation_"  # begins the name of a score of the validation part


def train_folds(
    job: Job,
    approach: ModuleType,
    inputs: np.ndarray,
    index: pd.DataFrame,
    split: pd.DataFrame,
    folder: Path,
    machine: Machine,
    device: str,
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
    index : DataFrame
        patient_id, modality, slice_index and label of each row of `inputs`.
    split : DataFrame
        As in the schema ``split``; patients without an input are left out.
    folder : Path
        Folder of the ``fold-<k>/``; existing ones with the same fingerprint are kept.
    machine : Machine
        The machine that the approach was prepared for.
    device : str
        The device, as returned by its ``prepare``; on a GPU, its energy is recorded.

    Returns
    -------
    list of dict
        One per fold, as under ``folds`` in ``run.json``.
    """
    if not len(inputs):
        raise GlioBenchError(f"{job.name}: no patient has a usable series; see series.tsv for the reasons.")
    rows = split[(split["repeat"] == job.repeat) & (split["fold"] % job.batches == job.batch)]
    common = _common_fingerprint(job, inputs, index, machine, device)
    if hasattr(approach, "before_folds"):
        inputs = approach.before_folds(inputs, index["label"].to_numpy(int), job.parameters)
    build = cache(lambda: approach.build(inputs.shape[1:], job.parameters, job.weights))
    records = []
    for number in sorted(rows["fold"].unique().tolist()):
        roles = rows[rows["fold"] == number]
        target = folder / f"fold-{number}"
        key = _fingerprint(job, number, roles, common)
        record = _finished(target, key)
        if record is None:
            # Not named here: a fold's parts are copies, and gone before those of the next fold are made.
            record = _train_fold(_Fold(job, approach, inputs, index, roles), build, target, key, device)
        records.append(record)
    return records


def gather_folds(folder: Path, records: Iterable[dict], table: str) -> pd.DataFrame:
    """Join a table (``predictions`` or ``history``) of all folds."""
    return join_tables(
        [read_table(folder / f"fold-{record['fold']}" / f"{table}.tsv", table) for record in records], table
    )


def _common_fingerprint(job: Job, inputs: np.ndarray, index: pd.DataFrame, machine: Machine, device: str) -> str:
    """Return a digest of what the folds of a job share: data, initial weights, code, and computing environment."""
    digest = hashlib.sha256(np.ascontiguousarray(inputs).data)
    digest.update(index[[*SLICE, "label"]].to_csv(index=False).encode())
    if Path(job.weights).is_file():
        digest.update(Path(job.weights).read_bytes())
    computed_with = [
        job.library,
        device,
        machine.threads,
        machine.deterministic,
        keras_backend(),
        pinned(),
        _compiles(),
    ]
    digest.update(json.dumps(computed_with).encode())
    return digest.hexdigest()


def _compiles() -> bool:
    """Whether this process compiles networks for the GPU, which it does if there is a C compiler; loads nothing."""
    session = sys.modules.get("gliobench.training.torch_session")
    return session is not None and session.compiles()


def _fingerprint(job: Job, fold: int, roles: pd.DataFrame, common: str) -> str:
    about = [
        job.cell,
        job.phases,
        job.parameters,
        job.weights,
        job.part,
        job.input.get("spacing"),
        job.fold_seed(fold),
        roles[[*SLICE, "role"]].to_csv(index=False),
        common,
    ]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _finished(target: Path, key: str) -> dict[str, Any] | None:
    if (target / "record.json").is_file():
        kept = read_json(target / "record.json")
        if kept["key"] == key:
            say(f"{target.name}: finished earlier, kept")
            return kept["record"]
    shutil.rmtree(target, ignore_errors=True)
    return None


class _Fold:
    """One fold of a job: the parts it is trained and scored on, and what its training gives."""

    def __init__(self, job: Job, approach: ModuleType, inputs: np.ndarray, index: pd.DataFrame, roles: pd.DataFrame):
        self.job, self.approach = job, approach
        self.number = int(roles["fold"].iloc[0])
        self.tested = bool((roles["role"] == "test").any())
        chosen = {role: rows_of(index, roles, role) for role in ROLES}
        self.rows = {role: index[which] for role, which in chosen.items()}
        self.parts = {role: part_of(inputs, index, which, job.input) for role, which in chosen.items()}
        self.history: list[dict[str, Any]] = []
        self.predictions: list[pd.DataFrame] = []
        self.best_epochs: dict[str, int] = {}

    def check(self) -> None:
        """Raise the reason why this fold cannot be trained, if there is one."""
        if self.job.reason:
            raise GlioBenchError(self.job.reason)
        check_parts(self.parts, self.tested)
        check_batch_sizes(self.job.parameters, len(self.parts["train"]))

    def train(self, model: Any) -> None:
        """Train a model through all phases, and predict after each; what an attempt before left is forgotten."""
        self.history.clear()
        self.predictions.clear()
        self.best_epochs.clear()
        job, seed = self.job, self.job.fold_seed(self.number)
        for phase in job.phases:
            on_epoch = _EpochLog(job, self.number, phase, self.history)
            train, validation = self.parts["train"], self.parts["validation"]
            self.best_epochs[phase] = self.approach.fit(model, phase, train, validation, job.parameters, seed, on_epoch)
            log_odds = _predict(self.approach, model, self.parts)
            self.predictions.append(prediction_rows(self.rows, log_odds, self.number, phase))

    def first_record(self) -> dict[str, Any]:
        """Return the record of a fold that nothing has happened to."""
        sizes = {f"n_{role}": len(part) for role, part in self.parts.items()}
        return {"fold": self.number, "status": "ok", "reason": None, "seed": self.job.fold_seed(self.number)} | sizes

    def write(self, folder: Path) -> None:
        """Write the tables of the training."""
        table, part = join_tables(self.predictions, "predictions"), self.job.part
        write_table(table.assign(part=part) if part else table, folder / "predictions.tsv", "predictions")
        write_table(join_tables([pd.DataFrame(self.history)], "history"), folder / "history.tsv", "history")


def _train_fold(fold: _Fold, build: Callable[[], Any], target: Path, key: str, device: str) -> dict[str, Any]:
    """Train a fold into a folder that has its name once all of it exists, and return its record."""
    job = fold.job
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    temporary.mkdir(parents=True)
    meter = Meter(device)
    record = fold.first_record()
    try:
        fold.check()
        model = build()
        train_in_memory(partial(fold.train, model), model, record)
        fold.approach.save(model, temporary / f"model{fold.approach.SUFFIX}")
    except Diverged as reason:
        record |= {"status": "diverged", "reason": str(reason)}
    except GlioBenchError as reason:
        record |= {"status": "failed", "reason": str(reason)}
    except Exception as error:  # frameworks raise many types; the row has the reason, and the study continues
        if disk_is_full(target.parent):
            raise
        LOGGER.exception("%s fold %d", job.name, fold.number)
        record |= {"status": "failed", "reason": why_it_failed(error, job.cell["approach"], job.parameters)}
    record |= {"best_epoch": fold.best_epochs} | meter.read(samples=len(fold.history) * len(fold.parts["train"]))
    fold.write(temporary)
    write_json({"key": key, "record": record}, temporary / "record.json")
    temporary.rename(target)
    why = f" ({record['reason']})" if record["reason"] else ""
    lasted = f"{len(fold.history)} epochs in {record['seconds']:.0f} s"
    say(f"{job.name} fold {fold.number}: {record['status']}{why}, {lasted}")
    return record


def train_in_memory(train: Callable[[], None], model: Any, record: dict[str, Any]) -> None:
    """Train; if the GPU's memory is full, once more with each minibatch in two parts, where the model can."""
    if not hasattr(model, "accumulate"):
        train()
        return
    model.accumulate = 1
    if _fills_memory(train):
        say("the memory of the GPU is full: trained once more, with each minibatch in two parts")
        _free_memory()
        record["accumulate"] = model.accumulate = 2
        train()


def _fills_memory(train: Callable[[], None]) -> bool:
    """Train, and return whether this ended in a full GPU; the error, which holds arrays on it, ends here."""
    try:
        train()
    except Exception as error:
        if not gpu_is_full(error):
            raise
        return True
    return False


def _free_memory() -> None:
    """Return to the GPU what PyTorch, if loaded, has of it and no longer uses."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()


def _predict(approach: ModuleType, model: Any, parts: dict[str, Part]) -> dict[str, np.ndarray]:
    log_odds = {role: approach.predict(model, part.inputs) for role, part in parts.items()}
    if not all(np.isfinite(values).all() for values in log_odds.values()):
        raise Diverged("a prediction is NaN or infinite")
    return log_odds


def epoch_text(record: dict[str, float]) -> str:
    """
    Say how an epoch went, the scores first: the terminal cuts a line at its end.

    Parameters
    ----------
    record : dict
        One epoch, as in the schema ``history``: epoch, seconds, and scores, those of the validation part with the
        prefix ``validation_``.

    Returns
    -------
    str
        ``epoch 3: loss 0.61/0.66, auc 0.71/0.58 (training/validation, 5.4 s)``.
    """
    scores = dict.fromkeys(name.removeprefix(VALIDATION) for name in record if name not in ("epoch", "seconds"))
    numbers = ", ".join(f"{name} {_figure(record, name)}/{_figure(record, VALIDATION + name)}" for name in scores)
    return f"epoch {record['epoch']}: {numbers} (training/validation, {record['seconds']:.1f} s)"


def _figure(record: dict[str, float], name: str) -> str:
    return f"{record[name]:.3g}" if name in record else "-"


class _EpochLog:
    """Collects the history of one phase, and regularly reports its progress."""

    SECONDS_BETWEEN_LINES = 20

    def __init__(self, job: Job, fold: int, phase: str, history: list[dict[str, Any]]):
        self.job, self.fold, self.phase, self.history = job, fold, phase, history
        self.said = time.monotonic()

    def __call__(self, record: dict[str, float]) -> None:
        self.history.append({"fold": self.fold, "phase": self.phase} | record)
        line = f"fold {self.fold} {self.phase} {epoch_text(record)}: {self.job.name}"
        if time.monotonic() - self.said > self.SECONDS_BETWEEN_LINES:
            self.said = time.monotonic()
            say(line)
        else:
            LOGGER.info("%s", line)
