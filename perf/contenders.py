"""
What `perf/training.py` compares: an approach's own `fit`, its training step alone, a plain loop, and `perf/peers.py`.

A turn trains some batches and returns the seconds that they took.
"""

import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sized
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

from gliobench.errors import GlioBenchError
from gliobench.training import Part

Turn = Callable[[], float]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
WORKERS = min(4, CORES)  # of the plain loop's DataLoader
SEED = 0


@dataclass(frozen=True)
class Task:
    """
    What is measured of one approach, as plain data.

    Attributes
    ----------
    approach : str
        Its name.
    shape : tuple of int
        Of one row of the inputs, channels first where there are any.
    kind : str
        Of the inputs.
    phase : str
        The one that trains the whole network.
    parameters : dict
        Of the main variant, limited to two epochs.
    batch_size, steps, repeats : int
        Rows of a batch, batches of a timed epoch, turns that are kept.
    device : {"auto", "cpu", "cuda"}
        As in a study's config.
    backend : {"tensorflow", "torch"}
        Of Keras.
    """

    approach: str
    shape: tuple[int, ...]
    kind: str
    phase: str
    parameters: dict[str, Any]
    batch_size: int
    steps: int
    repeats: int
    device: str
    backend: str


@dataclass(frozen=True)
class Training:
    """A task with the approach's module, its model and random patients."""

    task: Task
    approach: ModuleType
    model: Any
    train: Part
    validation: Part

    def fit(self) -> list[dict[str, float]]:
        """Train two epochs, and return their records."""
        history: list[dict[str, float]] = []
        task = self.task
        self.approach.fit(self.model, task.phase, self.train, self.validation, task.parameters, SEED, history.append)
        return history

    def pipeline(self) -> float:
        """Return the seconds of the second epoch."""
        last = self.fit()[-1]
        check_loss(last["loss"])
        return last["seconds"]

    def first_batch(self) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs and labels of one batch."""
        return self.train.inputs[: self.task.batch_size], self.train.labels[: self.task.batch_size]


def asked_of_loop(training: Training) -> tuple[Any, Any, Any]:
    """Return what the `fit` of an approach gives to `torch_loop`: model, settings of the loop, optimiser."""
    from gliobench.training import torch_loop

    with mock.patch.object(torch_loop, "train", side_effect=InterruptedError) as train, suppress(InterruptedError):
        training.fit()
    return train.call_args.args[:3]


def loop_contenders(training: Training) -> tuple[Turn, Turn]:
    """Return resident and plain training of an approach that trains in `torch_loop`, as its `fit` asks it to."""
    import torch

    from gliobench.training.torch_augment import Draws
    from gliobench.training.torch_session import autocast, device

    model, loop, optimizer = asked_of_loop(training)
    inputs, labels = training.first_batch()
    batch = model.read(torch.from_numpy(inputs).to(device()))
    batch, truth = loop.augment(batch, Draws(SEED, device())), torch.from_numpy(labels).to(device())

    def forward(batch: Any) -> Any:
        with autocast():
            return model.step(batch)

    def changed(row: int) -> tuple[Any, Any]:
        read = model.read(torch.from_numpy(training.train.inputs[row : row + 1]))
        return loop.augment(read, Draws(row, read.device))[0], training.train.labels[row]

    resident = torch_step(forward, loop.loss, optimizer)
    network, plain_optimizer = plain_copy(model.network, optimizer)
    plain = torch_step(network, loop.loss, plain_optimizer)
    rows = Rows(len(training.train), changed)

    turn = resident_turn(training, model.network.train, lambda: resident(batch, truth))
    return turn, plain_turn(training, plain, rows)


def torch_step(forward: Callable[[Any], Any], loss_of: Callable[[Any, Any], Any], optimizer: Any) -> Callable:
    """Return a training step from a batch and its labels to its loss."""

    def step(batch: Any, truth: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(forward(batch).float(), truth)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def plain_copy(network: Any, optimizer: Any) -> tuple[Any, Any]:
    """Return a copy of a network in the usual memory format, and an optimiser of the same settings for it."""
    import torch

    copy = deepcopy(network).to(memory_format=torch.contiguous_format).train()
    return copy, type(optimizer)(copy.parameters(), **optimizer.defaults)


@dataclass(frozen=True)
class Rows:
    """A PyTorch data set: rows as a function returns them."""

    n: int
    read: Callable[[int], tuple[Any, Any]]

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, row: int) -> tuple[Any, Any]:
        return self.read(row)


def plain_turn(training: Training, step: Callable, rows: Sized) -> Turn:
    """Return an epoch over a `DataLoader`, in an ordinary loop that looks at each loss."""
    import torch

    from gliobench.training.torch_session import device

    loader: torch.utils.data.DataLoader = torch.utils.data.DataLoader(
        rows,  # type: ignore[arg-type]
        training.task.batch_size,
        shuffle=True,
        num_workers=WORKERS,
        persistent_workers=True,
        pin_memory=device().type == "cuda",
        multiprocessing_context="fork",
    )

    def turn() -> float:
        start = time.perf_counter()
        for batch, truth in loader:
            check_loss(step(batch.to(device()), truth.to(device())).item())
        return time.perf_counter() - start

    return turn


def resident_turn(training: Training, ready: Callable[[], Any], step: Callable[[], Any]) -> Turn:
    """Return so many steps of a model made ready, after one to warm up; the losses are waited for."""

    def turn() -> float:
        ready()
        float(step())
        start = time.perf_counter()
        losses = [step() for _ in range(training.task.steps)]
        check_loss(float(losses[-1]))
        return time.perf_counter() - start

    return turn


def keras_step(training: Training) -> Any:
    """Return the compiled Keras model whose step the approach takes in the task's phase."""
    return training.model.steps[training.task.phase] if hasattr(training.model, "steps") else training.model


def keras_contenders(training: Training) -> tuple[Turn, Turn]:
    """Return resident and plain training of a Keras approach; all three share one model and its compiled step."""
    import keras

    task, part, model = training.task, training.train, keras_step(training)
    brightest = np.float32(255 if task.kind == "slices" else 1)
    images, labels = (part.inputs / brightest)[..., None], part.labels[:, None].astype(np.float32)
    batch, truth = (keras.ops.convert_to_tensor(values[: task.batch_size]) for values in (images, labels))

    def plain() -> float:
        ticks: list[float] = []
        clock = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: ticks.append(time.perf_counter()),
            on_epoch_end=lambda epoch, logs: ticks.append(time.perf_counter()),
        )
        data: dict[str, Any] = {"x": images, "y": labels, "batch_size": task.batch_size}
        if "augmentation" in task.parameters:
            data = {"x": plain_slices(images, labels, task), "steps_per_epoch": task.steps, "shuffle": False}
        history = model.fit(**data, epochs=2, callbacks=[clock], verbose=0).history
        check_loss(history["loss"][-1])
        return ticks[-1] - ticks[-2]

    def step() -> float:
        return model.train_on_batch(batch, truth, return_dict=True)["loss"]

    return resident_turn(training, lambda: None, step), plain


def plain_slices(images: np.ndarray, labels: np.ndarray, task: Task) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches without end, each slice augmented separately with scipy."""
    rng = np.random.default_rng(SEED)
    settings = task.parameters["augmentation"]
    while True:
        chosen = rng.integers(0, len(images), task.batch_size)
        changed = [augmented_slice(images[row, ..., 0], settings, rng) for row in chosen]
        yield np.stack(changed)[..., None], labels[chosen]


def augmented_slice(image: np.ndarray, settings: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Rotate, zoom, shift, mirror and brighten one slice, as ``efficientnet`` does."""
    from scipy.ndimage import affine_transform

    angle = np.deg2rad(rng.uniform(-settings["rotation"], settings["rotation"]))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn / rng.uniform(*settings["zoom"]) * [1, rng.choice([1, -1])]
    centre = (np.array(image.shape) - 1) / 2
    shift = rng.uniform(-settings["shift"], settings["shift"], 2) * image.shape
    moved = affine_transform(image, matrix, centre - matrix @ (centre + shift), order=1)
    return np.clip(moved * np.float32(rng.uniform(*settings["brightness"])), 0, 1)


def say(sentence: str) -> None:
    """Print progress, separately from the result."""
    print(sentence, file=sys.stderr, flush=True)


def check_loss(loss: float) -> None:
    """Refuse the speed of a training whose loss is no number."""
    if not math.isfinite(loss):
        raise GlioBenchError("a loss was no number, so that its speed says nothing")


CONTENDERS = {
    "cnn3d": keras_contenders,
    "efficientnet": keras_contenders,
    "resnet18": loop_contenders,
    "stacked_cnn3d": loop_contenders,
    "densenet121": loop_contenders,
    "resnet10_3d": loop_contenders,
}
