"""How long an approach trains and predicts: its own `fit` on random patients, timed by its own clock."""

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.errors import GlioBenchError
from gliobench.processes import peak_memory
from gliobench.training import Part, why_it_failed

SEED = 0
STEPS = 4  # minibatches of a timed epoch, if the training part has as many
EPOCHS = 2  # of a warm fit: in the first, minibatches of a new size may still be traced
SLOW = 5.0  # s of a pass with one minibatch, from which on no more are taken
VALIDATION = 4  # training rows per validation row


def random_part(shape: tuple[int, ...], dtype: npt.DTypeLike, rows: int) -> Part:
    """Return random patients with both labels: bytes from 0 to 255, other numbers from 0 to 1."""
    rng = np.random.default_rng(SEED)
    whole, kind = (rows, *shape), np.dtype(dtype)
    inputs = rng.integers(0, 256, whole, kind) if kind.kind == "u" else rng.random(whole, np.float32).astype(kind)
    labels = np.arange(rows) % 2
    return Part(inputs, labels, labels.astype(str))


def of_phase(parameters: Mapping[str, Any], phase: str) -> Mapping[str, Any]:
    """Return the parameters of a phase: its own where it has some, else those of the approach."""
    return parameters.get(phase, parameters)


def with_epochs(parameters: Mapping[str, Any], phase: str, epochs: int) -> dict[str, Any]:
    """Return parameters with another number of epochs in a phase; those of a method without epochs as they are."""
    own = of_phase(parameters, phase)
    if "epochs" not in own:
        return dict(parameters)
    changed = {**own, "epochs": epochs}
    return {**parameters, phase: changed} if phase in parameters else changed


def time_network(
    approach: ModuleType,
    shape: tuple[int, ...],
    dtype: npt.DTypeLike,
    parameters: Mapping[str, Any],
    phases: list[str],
    most_rows: int,
    parts: Any = random_part,
) -> list[dict[str, Any]]:
    """
    Time one network of an approach: each phase with some steps, the epoch's scores, and predictions.

    A first pass with one minibatch compiles; a second one is kept, unless it was so short that more can be taken.

    Parameters
    ----------
    approach : module
        From `gliobench.approaches`, prepared.
    shape, dtype
        Of one row of its inputs.
    parameters : mapping
        Its hyperparameters; only the epochs are changed.
    phases : list of str
        Of a training.
    most_rows : int
        Rows of the study's training part: no more are trained on, but a whole minibatch in any case.
    parts : callable, optional
        As `random_part`.

    Returns
    -------
    list of dict
        One per phase: ``row_seconds`` of an epoch for each training row, without validation; ``fit_seconds`` of a fold
        beside its epochs; ``networks`` trained one after the other; ``predict_seconds`` for each row; ``once_seconds``
        of a job, for building and compiling all phases, with the first; ``model_bytes`` and ``peak_bytes``.

    Raises
    ------
    GlioBenchError
        It cannot be trained: a full GPU, or a loss that is no number.
    """
    with _in_a_sentence(approach, parameters):
        networks = int(parameters.get("ensemble", 1))
        batch = max([int(of_phase(parameters, phase).get("batch_size", most_rows)) for phase in phases]) * networks
        begun = time.perf_counter()
        model = approach.build(shape, dict(parameters), "none")
        some = parts(shape, dtype, max(batch, 2))
        _passed(approach, model, some, parameters, phases, 1)
        compiled = time.perf_counter()
        kept = _passed(approach, model, some, parameters, phases, 1)
        warm = time.perf_counter() - compiled
        if warm < SLOW:
            some = parts(shape, dtype, max(min(most_rows, STEPS * batch), batch, 2))
            kept = _passed(approach, model, some, parameters, phases, EPOCHS)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"model{approach.SUFFIX}")
            approach.save(model, path)
            size = path.stat().st_size
        return [
            {
                "phase": phase,
                "row_seconds": max(0.0, each["last_seconds"] - each["predicted"] * _validation(some) / len(some))
                / len(some),
                "fit_seconds": each["fit_seconds"],
                "networks": networks,
                "predict_seconds": each["predicted"] / len(some),
                "once_seconds": max(0.0, compiled - begun - warm) if number == 0 else 0.0,
                "model_bytes": size,
                "peak_bytes": peak_memory() - some.inputs.nbytes,
            }
            for number, (phase, each) in enumerate(zip(phases, kept, strict=True))
        ]


@contextmanager
def _in_a_sentence(approach: ModuleType, parameters: Mapping[str, Any]) -> Iterator[None]:
    """Say which approach cannot be timed, and why."""
    try:
        yield
    except GlioBenchError:
        raise
    except Exception as error:  # frameworks raise many types
        name = approach.__name__.rpartition(".")[2]
        raise GlioBenchError(f"{name} cannot be timed: {why_it_failed(error, name, parameters)}") from error


def _validation(train: Part) -> int:
    return max(2, len(train) // VALIDATION)


def _passed(
    approach: ModuleType, model: Any, train: Part, parameters: Mapping[str, Any], phases: list[str], epochs: int
) -> list[dict[str, float]]:
    """Train every phase for some epochs and predict the training part after each, as a fold does."""
    kept = slice(_validation(train))
    validation = Part(train.inputs[kept], train.labels[kept], train.patient_ids[kept])
    passed = []
    for phase in phases:
        history: list[dict[str, float]] = []
        begun = time.perf_counter()
        approach.fit(model, phase, train, validation, with_epochs(parameters, phase, epochs), SEED, history.append)
        fitted = time.perf_counter()
        approach.predict(model, train.inputs)
        last = [record["seconds"] for record in history if record["epoch"] % epochs == 0 or len(history) == 1]
        passed.append(
            {
                "last_seconds": sum(last) / len(last),
                "fit_seconds": max(0.0, fitted - begun - sum(record["seconds"] for record in history)),
                "predicted": time.perf_counter() - fitted,
            }
        )
    return passed
