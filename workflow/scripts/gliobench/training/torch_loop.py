"""A PyTorch model and the epochs of its training: minibatches, augmentation, scores, the best state, early stopping."""

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import nn

from gliobench.training import Diverged, OnEpoch, Part, torch_session
from gliobench.training.scores import binary_scores
from gliobench.training.torch_augment import Draws
from gliobench.training.torch_session import autocast, compiled, device, finite, resident
from gliobench.training.torch_weights import State

Augment = Callable[[torch.Tensor, Draws], torch.Tensor]


@dataclass
class Model:
    """
    A network, and what training, prediction and saving need in addition.

    Attributes
    ----------
    draw : callable
        From `about` to the network with random weights.
    about : dict
        Plain values that describe the network; kept in its file.
    dimensions : {2, 3}
        Of its images.
    read : callable
        From stored rows to the network's input; works on the device.
    log_odds : callable
        From the network's float64 output to the log odds of label 1.
    start : dict
        Initial pretrained weights of a training; empty for none.
    rows_at_once : int
        Rows predicted at once.
    accumulate : int
        Parts of each minibatch that go through the network one after the other, their gradients added up for one step,
        so that fewer rows are on the device at once. The step is the same, except that batch normalisation sees parts.
    network : Module
        Drawn, on the session's device.
    """

    draw: Callable[[dict[str, Any]], nn.Module]
    about: dict[str, Any]
    dimensions: int
    read: Callable[[torch.Tensor], torch.Tensor]
    log_odds: Callable[[torch.Tensor], torch.Tensor]
    start: State = field(default_factory=dict)
    rows_at_once: int = 32
    accumulate: int = 1
    network: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self.network = torch_session.place(self.draw(self.about), self.dimensions)
        self.step = compiled(self.network)


@dataclass(frozen=True)
class Loop:
    """
    How a network is trained.

    Attributes
    ----------
    batch_size, epochs : int
        A last minibatch of one row is merged with the one before, because one row has no variance for normalisation;
        see `drop_last`.
    patience : int
        Epochs without a better one before training stops.
    rank : callable
        From an epoch's record to a value that is highest in the best epoch; the first of equals is kept.
    loss : callable
        From the network's output and integer labels to the mean loss of a minibatch, in nats.
    augment : callable
        From a minibatch of inputs and `Draws` to one of the same shape; training only.
    uncapped : bool
        Whether the validation loss is `loss` of the outputs in float64. Else it is that of the probabilities, at most
        36 nats per row.
    drop_last : bool
        Whether the rows of a last minibatch that is not full take no part in the epoch.
    """

    batch_size: int
    epochs: int
    patience: int
    rank: Callable[[dict[str, float]], Any]
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    augment: Augment
    uncapped: bool = False
    drop_last: bool = False


def renew(model: Model, seed: int) -> None:
    """Give the network weights drawn with `seed`, overwritten by the pretrained ones, if any."""
    torch_session.seed_all(seed)
    model.network.load_state_dict(model.draw(model.about).state_dict() | model.start)


def redrawn(model: Model, seed: int) -> Model:
    """Return the same network with other weights, drawn with `seed`."""
    torch_session.seed_all(seed)
    return replace(model, start={})


def save(model: Model, path: Path) -> None:
    """Write the weights, and what describes the network."""
    torch_session.save_weights(model.network, path, model.about)


def load(path: Path, make: Callable[[dict[str, Any]], Model]) -> Model:
    """Read what `save` wrote into a model that `make` makes of its description; a file that carries code is refused."""
    state, about = torch_session.load_weights(path)
    model = make(about)
    model.network.load_state_dict(state)
    return model


def train(
    model: Model,
    loop: Loop,
    optimizer: torch.optim.Optimizer,
    parts: tuple[Part, Part],
    seed: int,
    on_epoch: OnEpoch,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> int:
    """
    Train for some epochs and leave the network in its best state.

    Parameters
    ----------
    model : Model
        Continues from its present weights.
    loop : Loop
        The training settings.
    optimizer : Optimizer
        Of the network's parameters.
    parts : tuple of Part
        Training and validation.
    seed : int
        Of minibatches, augmentation and dropout.
    on_epoch : callable
        Receives each epoch's record; an error it raises ends the training, and the next one starts as usual.
    schedule : LRScheduler, optional
        Stepped once per epoch.

    Returns
    -------
    int
        The best epoch, from 1.

    Raises
    ------
    Diverged
        A loss or a weight is NaN or infinite.
    """
    training, validation = parts
    torch_session.seed_all(seed)
    order, draws = torch.Generator().manual_seed(seed), Draws(seed, device())
    rows, held_out = _rows(training), _rows(validation)
    best_rank, best_epoch, best_state = None, 0, {}
    for epoch in range(1, loop.epochs + 1):
        start = time.perf_counter()
        trained = _one_epoch(model, loop, optimizer, rows, torch.randperm(len(training), generator=order), draws)
        if schedule is not None:
            schedule.step()
        numbers = _to_host(*trained, *_validated(model, loop, held_out), finite(model.network))
        record = _record(numbers, validation.labels, loop.uncapped)
        if not np.isfinite([record["loss"], record["validation_loss"]]).all() or not numbers[-1][0]:
            raise Diverged(f"the loss or a weight was NaN or infinite in epoch {epoch}")
        on_epoch({"epoch": epoch, "seconds": time.perf_counter() - start} | record)
        rank = loop.rank(record)
        if best_rank is None or rank > best_rank:
            best_rank, best_epoch, best_state = rank, epoch, deepcopy(model.network.state_dict())
        elif epoch - best_epoch >= loop.patience:
            break
    model.network.load_state_dict(best_state)
    return best_epoch


@dataclass(frozen=True)
class _Rows:
    """A part's rows and labels, both on the device if the rows fit there."""

    inputs: torch.Tensor
    labels: torch.Tensor


def _rows(part: Part) -> _Rows:
    inputs = resident(part.inputs)
    return _Rows(inputs, torch.from_numpy(np.ascontiguousarray(part.labels)).to(inputs.device))


def _one_epoch(
    model: Model, loop: Loop, optimizer: torch.optim.Optimizer, rows: _Rows, order: torch.Tensor, draws: Draws
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Take one step per minibatch; return its losses' sum over rows, and label and probability used for each row."""
    model.network.train()
    total, seen, probabilities = torch.zeros((), device=device()), [], []
    for chosen in split_minibatches(order.to(rows.labels.device), loop.batch_size, loop.drop_last):
        minibatch = loop.augment(model.read(rows.inputs[chosen].to(device())), draws)
        truth = rows.labels[chosen].to(device())
        parts = max(1, min(model.accumulate, len(truth) // 2))  # none of a single row
        optimizer.zero_grad()
        for some, told in zip(minibatch.chunk(parts), truth.chunk(parts), strict=True):
            with autocast():
                outputs = model.step(some)
            loss = loop.loss(outputs.float(), told)
            (loss * (len(told) / len(truth))).backward()
            total += loss.detach() * len(told)
            probabilities.append(torch.sigmoid(model.log_odds(outputs.detach().double())))
        optimizer.step()
        seen.append(truth)
    return total, torch.cat(seen), torch.cat(probabilities)


def _to_host(*values: torch.Tensor) -> list[np.ndarray]:
    """Return tensors on the device as flat float64 arrays, in one transfer: each one would wait for the device."""
    flat = torch.cat([each.double().flatten() for each in values]).cpu().numpy()
    return np.split(flat, np.cumsum([each.numel() for each in values])[:-1])


def _record(numbers: list[np.ndarray], labels: np.ndarray, uncapped: bool) -> dict[str, float]:
    """Return the scores of an epoch's steps and, of the validation part, those of the network after it."""
    total, truths, probabilities, loss, log_odds = numbers[:5]
    scores = binary_scores(labels, expit(log_odds)) | ({"loss": float(loss[0])} if uncapped else {})
    steps = binary_scores(truths, probabilities) | {"loss": float(total[0]) / len(truths)}
    return steps | {f"validation_{name}": value for name, value in scores.items()}


def split_minibatches(order: torch.Tensor, size: int, drop_last: bool = False) -> list[torch.Tensor]:
    """Cut rows into minibatches; a last one that is not full is dropped, or else merged if it is a single row."""
    minibatches = list(order.split(size))
    if drop_last:
        return [minibatch for minibatch in minibatches if len(minibatch) == size]
    if len(minibatches) > 1 and len(minibatches[-1]) == 1:
        minibatches[-2:] = [torch.cat(minibatches[-2:])]
    return minibatches


def predict(model: Model, inputs: np.ndarray) -> np.ndarray:
    """Return the log odds of label 1 for each row, (n,) float64."""
    nobody = torch.empty(0, dtype=torch.float64, device=device())
    return torch.cat([nobody, *map(model.log_odds, _outputs(model, resident(inputs)))]).cpu().numpy()


def _validated(model: Model, loop: Loop, rows: _Rows) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss, if it is `uncapped`, and the log odds of the network in its present state, on the device."""
    outputs = torch.cat(_outputs(model, rows.inputs))
    loss = loop.loss(outputs, rows.labels.to(device())) if loop.uncapped else torch.zeros((), device=device())
    return loss, model.log_odds(outputs)


def _outputs(model: Model, rows: torch.Tensor) -> list[torch.Tensor]:
    """Return the network's float64 outputs, some rows at a time."""
    model.network.eval()
    outputs = []
    for start in range(0, len(rows), model.rows_at_once):
        read = model.read(rows[start : start + model.rows_at_once].to(device()))
        with torch.inference_mode(), autocast():
            outputs.append(model.network(read).double())
    return outputs
