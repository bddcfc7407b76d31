"""
The peer in `perf/training.py`: the fastest plain loop that one can write in a framework for the same network.

It does the same work as an approach's own `fit`, with nothing of the project's loops: the same network, loss, batch
size, optimiser and augmentation, on the same device in the same number type. All rows lie on the device, several
batches are augmented at once, and nothing waits for the device before the end of an epoch. It is tried as written and
as the framework can compile it, and the fastest is kept.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from perf.contenders import (
    SEED,
    Training,
    asked_of_loop,
    check_loss,
    keras_contenders,
    keras_step,
    loop_contenders,
    say,
)

from gliobench.errors import GlioBenchError
from gliobench.training import first_line

AHEAD = 8  # batches that are read and augmented at once

Batch = tuple[Any, Any]  # inputs and labels
Step = Callable[[Any, Any], Any]  # from a batch to its loss, on the device


@dataclass
class Peer:
    """
    A plain loop of one epoch; called, it trains and returns the seconds.

    Attributes
    ----------
    form : str
        How its step is computed.
    batches : callable
        The batches of an epoch, in a new order.
    step : callable
        Trains on a batch.
    loss : float
        Mean over the batches of the last epoch.
    """

    form: str
    batches: Callable[[], Iterator[Batch]]
    step: Step
    loss: float = float("nan")

    def __call__(self) -> float:
        """Train an epoch, and return its seconds."""
        start = time.perf_counter()
        losses = [self.step(inputs, labels) for inputs, labels in self.batches()]
        self.loss = float(sum(losses)) / len(losses)
        check_loss(self.loss)
        return time.perf_counter() - start


def fastest(peers: Iterable[Peer]) -> Peer:
    """Return the peer with the shortest epoch once it is warm; one that the framework cannot compute is said."""
    seconds, ready = [], []
    for peer in peers:
        try:
            peer()
            seconds.append(peer())
            ready.append(peer)
        except Exception as error:
            say(f"the peer is not {peer.form}: {first_line(error)}")
    if not ready:
        raise GlioBenchError("no form of the peer could be computed")
    return ready[seconds.index(min(seconds))]


def cut(order: Any, size: int, read: Callable[[Any], Batch]) -> Iterator[Batch]:
    """Yield batches of rows in an order, read and augmented some batches at a time."""
    for start in range(0, len(order), AHEAD * size):
        inputs, labels = read(order[start : start + AHEAD * size])
        for first in range(0, len(labels), size):
            yield inputs[first : first + size], labels[first : first + size]


def loop_peers(training: Training) -> Iterator[Peer]:
    """Yield the peers of an approach that trains in `torch_loop`."""
    import torch

    from gliobench.training.torch_augment import Draws
    from gliobench.training.torch_session import autocast, device

    model, loop, optimizer = asked_of_loop(training)
    last = {2: torch.channels_last, 3: torch.channels_last_3d}[model.dimensions]
    layout = last if device().type == "cuda" else torch.contiguous_format
    network = deepcopy(model.network).to(memory_format=layout).train()
    fused = type(optimizer)(network.parameters(), **optimizer.defaults | {"foreach": None, "fused": True})
    inputs, labels = (
        torch.from_numpy(values).to(device()) for values in (training.train.inputs, training.train.labels)
    )
    draws = Draws(SEED, device())

    def read(rows: Any) -> Batch:
        return loop.augment(model.read(inputs[rows]), draws).contiguous(memory_format=layout), labels[rows]

    def batches() -> Iterator[Batch]:
        return cut(torch.randperm(len(labels), device=device()), loop.batch_size, read)

    def loss_of(forward: Callable, batch: Any, truth: Any) -> Any:
        with autocast():
            outputs = forward(batch)
        return loop.loss(outputs.float(), truth)

    yield from torch_peers(network, loss_of, fused, batches)


def torch_peers(
    network: Callable, loss_of: Callable, optimizer: Any, batches: Callable[[], Iterator[Batch]]
) -> Iterator[Peer]:
    """Yield peers in PyTorch: uncompiled, compiled, and on a GPU also captured into CUDA graphs."""
    import torch

    def step_of(forward: Callable) -> Step:
        def step(batch: Any, truth: Any) -> Any:
            optimizer.zero_grad()
            loss = loss_of(forward, batch, truth)
            loss.backward()
            optimizer.step()
            return loss.detach()

        return step

    torch._dynamo.config.suppress_errors = False  # what cannot be compiled is said
    yield Peer("uncompiled", batches, step_of(network))
    yield Peer("compiled", batches, step_of(torch.compile(network)))
    if torch.cuda.is_available():
        yield Peer("compiled, CUDA graphs", batches, step_of(torch.compile(network, mode="reduce-overhead")))


def keras_peers(training: Training) -> Iterator[Peer]:
    """Yield the peers of an approach written in Keras, with the approach's network, on the backend of this process."""
    import keras

    from gliobench.training.keras_augment import augment

    task, network = training.task, keras_step(training)
    settings, rng = task.parameters.get("augmentation"), np.random.default_rng(SEED)
    brightest = 255 if task.kind == "slices" else 1
    inputs = keras.ops.convert_to_tensor(training.train.inputs)
    labels = keras.ops.convert_to_tensor(training.train.labels[:, None].astype(np.float32))
    loss = keras.losses.BinaryCrossentropy()

    def read(rows: Any) -> Batch:
        slices = keras.ops.cast(keras.ops.take(inputs, rows, axis=0), "float32") / brightest
        changed = augment(slices, settings, rng) if settings else slices
        return changed[..., None], keras.ops.take(labels, rows, axis=0)

    def batches() -> Iterator[Batch]:
        return cut(keras.ops.convert_to_tensor(rng.permutation(len(labels))), task.batch_size, read)

    def loss_of(forward: Callable, batch: Any, truth: Any) -> Any:
        return loss(truth, forward(batch, training=True))

    yield from KERAS[keras.backend.backend()](network, loss_of, batches)


def keras_on_torch(network: Any, loss_of: Callable, batches: Callable[[], Iterator[Batch]]) -> Iterator[Peer]:
    """Yield peers that train a Keras network in a loop of PyTorch."""
    import torch

    rate, epsilon = float(network.optimizer.learning_rate), network.optimizer.epsilon
    weights = [variable.value for variable in network.trainable_variables]
    yield from torch_peers(network, loss_of, torch.optim.Adam(weights, rate, eps=epsilon, fused=True), batches)


def keras_on_tensorflow(network: Any, loss_of: Callable, batches: Callable[[], Iterator[Batch]]) -> Iterator[Peer]:
    """Yield peers that train a Keras network in a loop of TensorFlow: its step a graph, and compiled by XLA."""
    import tensorflow as tf

    optimizer = type(network.optimizer).from_config(network.optimizer.get_config())
    optimizer.build(network.trainable_variables)

    def step(batch: Any, truth: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(network, batch, truth)
        optimizer.apply(tape.gradient(loss, network.trainable_weights), network.trainable_weights)
        return loss

    yield Peer("a graph", batches, tf.function(step))
    yield Peer("compiled by XLA", batches, tf.function(step, jit_compile=True))


KERAS = {"torch": keras_on_torch, "tensorflow": keras_on_tensorflow}
PEERS = {keras_contenders: keras_peers, loop_contenders: loop_peers}  # by the other contenders of an approach
