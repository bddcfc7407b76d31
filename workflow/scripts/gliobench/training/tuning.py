"""Bayesian search for hyperparameters (Optuna's TPE) on training and validation patients; trials survive a kill."""

import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from gliobench.arithmetic import pinned
from gliobench.errors import GlioBenchError
from gliobench.files import read_table, table_schema
from gliobench.processes import SHOWN, die_with_parent, main_not_run_again
from gliobench.recipe import LOGGER, disk_is_full, log_to, say
from gliobench.seeds import derive_seed
from gliobench.training import Diverged, Job, Machine, Part, import_approach, why_it_failed
from gliobench.training.c_compiler import finds_c_compiler
from gliobench.training.folds import train_in_memory
from gliobench.training.gpus import visible_gpus
from gliobench.training.job import load_inputs
from gliobench.training.parts import check_batch_sizes, part_of, rows_of

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
NAMES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}

LEAST_FOR_IMPORTANCES = 5  # completed trials of different losses; a variance of fewer says nothing

optuna.logging.set_verbosity(optuna.logging.ERROR)  # failed trials are rows of the table


def tune(
    job: Job, settings: dict[str, Any], machine: Machine, load: Callable[[], tuple[Part, Part]], journal: Path
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """
    Search for the hyperparameters of the lowest validation loss.

    Trials go to one journal shared by all workers. An interrupted one is a failed trial, and its hyperparameters are
    tried again first. A trial's values depend on the base seed and on the trials finished before it: with one worker,
    the search is the same whether it was killed or not.

    Parameters
    ----------
    job : Job
        The cell; its parameters are those not searched for.
    settings : dict
        ``tuning`` of the approach: trials, workers, space.
    machine : Machine
        Threads and device of each worker.
    load : callable
        Loads the training and the validation part in each worker; picklable if there are several.
    journal : Path
        Optuna's journal; an earlier, killed search in it is resumed.

    Returns
    -------
    trials : DataFrame
        As in the schema ``trials``.
    best : dict
        number, value, parameters and importances (share of the loss' variance that each explains, by a
        functional analysis of variance of the completed trials; none if too few differ); if no trial was completed,
        ``reason`` says so, number and value are None, and there are no parameters.
    """
    journal.parent.mkdir(parents=True, exist_ok=True)
    study = _open(journal)
    _replace_stale(study)
    shares = split_evenly(settings["trials"] - _count(study), settings["workers"])
    work = partial(_work, job, settings["space"], machine, load, journal)
    if len(shares) == 1:
        work(0, shares[0])
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(len(shares), spawn, initializer=_begin_worker) as pool:
            with main_not_run_again():
                begun = [pool.submit(work, worker, share) for worker, share in enumerate(shares)]
            for done in begun:
                done.result()
    study = _open(journal)
    return _table(study.trials), _best(study)


def _begin_worker() -> None:
    """End with the search, and log to the standard error, which is the log of the job; nothing is printed there too."""
    die_with_parent()
    log_to(sys.stderr)
    os.environ[SHOWN] = "1"


def split_evenly(count: int, shares: int) -> list[int]:
    """Split a number of trials (0 if it is negative) between workers: 7 for 3 is 3, 2, 2."""
    each, more = divmod(max(count, 0), shares)
    return [each + (share < more) for share in range(shares)]


def _open(journal: Path) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(journal.resolve())))
    return optuna.create_study(storage=storage, study_name="tuning", direction="minimize", load_if_exists=True)


def _replace_stale(study: optuna.Study) -> None:
    """End the trials of a search that was killed, and put their hyperparameters first in the queue."""
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params)
        say(f"trial {trial.number} was interrupted and is tried again")


def _work(
    job: Job,
    space: dict[str, dict],
    machine: Machine,
    load: Callable[[], tuple[Part, Part]],
    journal: Path,
    worker: int,
    trials: int,
) -> None:
    approach = import_approach(job.cell["approach"], job.toolchain)
    approach.prepare(machine)
    parts = load()
    study = _open(journal)
    for _ in range(trials):
        number = _count(study)
        study.sampler = optuna.samplers.TPESampler(seed=derive_seed(job.seed, "tuning", number, worker))
        study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3)
        seed = derive_seed(job.seed, *job.cell.values(), "tuning", number, worker)
        objective = partial(_objective, job=job, space=space, approach=approach, parts=parts, seed=seed)
        study.optimize(objective, n_trials=1, catch=(Diverged, GlioBenchError))


def _count(study: optuna.Study) -> int:
    """Count the finished trials, failed ones included, but not interrupted ones."""
    trials = study.get_trials(deepcopy=False)
    return sum(trial.state in FINISHED or "reason" in trial.user_attrs for trial in trials)


def _objective(
    trial: Trial,
    job: Job,
    space: dict[str, dict],
    approach: ModuleType,
    parts: tuple[Part, Part],
    seed: int,
) -> float:
    train, validation = parts
    chosen = {name: _suggest(trial, name, **limits) for name, limits in space.items()}
    parameters = job.parameters | chosen
    start = time.perf_counter()
    losses: list[float] = []

    def on_epoch(record: dict[str, float]) -> None:
        losses.append(record["validation_loss"])
        trial.report(record["validation_loss"], int(record["epoch"]))
        if trial.should_prune():
            raise optuna.TrialPruned

    def fit(model: Any) -> None:
        losses.clear()
        approach.fit(model, job.phases[0], train, validation, parameters, seed, on_epoch)

    try:
        check_batch_sizes(parameters, len(train))
        model = approach.build(train.inputs.shape[1:], parameters, job.weights)
        train_in_memory(partial(fit, model), model, record={})
    except (Diverged, GlioBenchError) as error:
        trial.set_user_attr("reason", str(error))
        raise
    except optuna.TrialPruned:
        raise
    except Exception as error:  # frameworks raise many types; the row has the reason, and the search continues
        if disk_is_full(Path.cwd()):
            raise
        LOGGER.exception("%s trial %d", job.name, trial.number)
        why = why_it_failed(error, job.cell["approach"], parameters)
        trial.set_user_attr("reason", why)
        raise GlioBenchError(why) from error
    finally:
        trial.set_user_attr("seconds", time.perf_counter() - start)
    say(f"{job.name} trial {trial.number}: validation loss {min(losses):.4f}, {chosen}")
    return min(losses)


def _suggest(trial: Trial, name: str, low: Any = None, high: Any = None, log: bool = False, choices: Any = None) -> Any:
    if choices is not None:
        return trial.suggest_categorical(name, choices)
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=log)
    return trial.suggest_float(name, low, high, log=log)


def _table(trials: list[FrozenTrial]) -> pd.DataFrame:
    rows = [
        {
            "number": trial.number,
            "state": NAMES.get(trial.state, "failed"),
            "value": trial.value,
            "parameters": json.dumps(trial.params, sort_keys=True),
            "seconds": trial.user_attrs.get("seconds"),
            "reason": trial.user_attrs.get("reason", "cut off" if trial.state == TrialState.FAIL else None),
        }
        for trial in trials
    ]
    return pd.DataFrame(rows, columns=list(table_schema("trials")["properties"]))


def _best(study: optuna.Study) -> dict[str, Any]:
    complete = study.get_trials(states=[TrialState.COMPLETE])
    if not complete:
        nothing: dict[str, Any] = {"number": None, "value": None, "parameters": {}, "importances": {}}
        return nothing | {"reason": "no trial of the tuning was completed; trials.tsv has the reason of each"}
    best = study.best_trial
    enough = len({trial.value for trial in complete}) >= LEAST_FOR_IMPORTANCES
    shares = _importances(study) if enough else {}
    return {"number": best.number, "value": best.value, "parameters": best.params, "importances": shares}


def _importances(study: optuna.Study) -> dict[str, float]:
    try:
        shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    except RuntimeError:  # nothing to explain: all settings are alike, or the losses differ by rounding alone
        return {}
    return {name: float(share) for name, share in shares.items()}


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
        Shards of the approach's inputs; those that hold test patients alone are not opened.
    folder : Path
        Where the journal of a search is kept in case of a kill, by what the search depends on.
    """
    weights = [job.weights] if Path(job.weights).is_file() else []
    key = _fingerprint(job, settings, machine, [patients, split, *arrays, *weights])
    load = partial(load_parts, job.input, job.series, job.repeat, str(patients), str(split), list(arrays))
    return tune(job, settings, machine, load, folder / f"{key}.log")


def load_parts(
    settings: dict[str, Any], series: list[str], repeat: int, patients: str, split: str, arrays: list[str]
) -> tuple[Part, Part]:
    """Return the training and the validation part of a split's first fold."""
    table = read_table(split, "split")
    roles = table[(table["repeat"] == repeat) & (table["fold"] == 0) & (table["role"] != "test")]
    inputs, index = load_inputs(settings["kind"], arrays, series, read_table(patients, "patients"), roles["patient_id"])
    chosen = (rows_of(index, roles, role) for role in ("train", "validation"))
    train, validation = (part_of(inputs, index, rows, settings) for rows in chosen)
    return train, validation


def _fingerprint(job: Job, settings: dict[str, Any], machine: Machine, inputs: Sequence[str | Path]) -> str:
    """Return a digest of what a search depends on; what it computes with, as far as no framework is asked for it."""
    on_gpu = machine.device != "cpu" and bool(visible_gpus())
    computed_with = [asdict(machine), on_gpu, on_gpu and finds_c_compiler(), pinned()]
    digest = hashlib.sha256(json.dumps([asdict(job), settings, computed_with], sort_keys=True).encode())
    for path in inputs:
        digest.update(f"{path} {Path(path).stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:16]
