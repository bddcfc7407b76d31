"""Keras on TensorFlow or PyTorch: device, threads, exact repeats, fresh weights in a compiled model, the best epoch."""

import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

from gliobench.training import Diverged, Machine, OnEpoch
from gliobench.training.freed_memory import keep_freed_memory

_DEVICE = ExitStack()  # holds Keras' device for as long as the process lives
_BELOW: WeakKeyDictionary[keras.Model, keras.Model] = WeakKeyDictionary()
Scores = dict[str, float]


def prepare(machine: Machine) -> str:
    """
    Choose the device, fix the number of threads and request exact repeats; call once, before the first model.

    On CPU everything is float32. On a GPU, on the torch backend, all layers but the last compute in bfloat16 if
    `gliobench.training.torch_session.safe_bf16` allows it.

    Parameters
    ----------
    machine : Machine
        Threads, device, and whether a GPU must repeat exactly too. On torch an operation without a deterministic
        implementation only warns.

    Returns
    -------
    str
        The device that Keras computes on: ``cpu``, or the GPU's name.

    Raises
    ------
    GlioBenchError
        ``cuda`` was requested, and there is none that the backend can use.
    """
    keep_freed_memory()
    backend = keras.backend.backend()
    name = {"tensorflow": _prepare_tensorflow, "torch": _prepare_torch}[backend](machine)
    machine.check_gpu(name != "cpu", backend)
    return name


def _prepare_tensorflow(machine: Machine) -> str:
    import tensorflow as tf

    gpus = [] if machine.device == "cpu" else tf.config.list_physical_devices("GPU")
    tf.config.set_visible_devices(gpus, "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(machine.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if machine.deterministic or not gpus:
        tf.config.experimental.enable_op_determinism()
        tf.random.set_seed(0)  # op determinism requires one; every fit draws from its own
    return str(tf.config.experimental.get_device_details(gpus[0])["device_name"]) if gpus else "cpu"


def _prepare_torch(machine: Machine) -> str:
    import torch

    from gliobench.training import torch_session

    torch.set_num_threads(machine.threads)
    if machine.device == "cpu" or not torch.cuda.is_available():
        _DEVICE.enter_context(keras.device("cpu"))
        return "cpu"
    if machine.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
    if torch_session.safe_bf16():
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    return str(torch.cuda.get_device_name())


def seed_all(seed: int) -> None:
    """
    Seed what Keras draws from: Python's generator, which seeds initialisers and dropout, and torch's own.

    TensorFlow's global seed is not changed: Keras does not use it, and setting it discards the compiled kernels.
    """
    random.seed(seed)
    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(seed)


def without_gradients() -> AbstractContextManager[Any]:
    """Return the context of a forward pass that keeps nothing for a backward pass; TensorFlow keeps nothing untold."""
    if keras.backend.backend() != "torch":
        return nullcontext()
    import torch

    return torch.no_grad()


def resident(array: np.ndarray) -> Any:
    """Return an array where batches are best cut from: on the torch backend's GPU, if it fits, else in host memory."""
    if keras.backend.backend() != "torch":
        return array
    from gliobench.training import torch_session

    return torch_session.resident(array, keras.ops.zeros(()).device)


def compile_binary(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Compile a model that returns one probability: cross-entropy, accuracy and AUC."""
    model.compile(
        optimizer=optimizer,
        loss="binary_crossentropy",
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy"), keras.metrics.AUC(name="auc")],
        jit_compile=False,
    )


class Minibatches(Protocol):
    """What a training reads, one minibatch after the other; each is inputs and labels, in arrays or tensors."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> tuple[Any, Any]: ...

    def shuffle(self) -> None:
        """Prepare the next epoch; called after each one. Keras' own `on_epoch_end` is called before the first, too."""


def fit_best(
    model: keras.Model,
    minibatches: Minibatches,
    epochs: int,
    seed: int,
    watch: "BestEpoch",
    *callbacks: keras.callbacks.Callback,
) -> int:
    """Train a compiled model, leave it with the weights of its best epoch, and return that epoch, from 1."""
    if not model.optimizer.built:  # a step that creates variables is traced twice
        model.optimizer.build(model.trainable_variables)
    own = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: seed_all(seed),  # torch draws while it compiles
        on_epoch_end=lambda epoch, logs: minibatches.shuffle(),
    )
    read = {"tensorflow": _tensorflow_data, "torch": _TorchData}[keras.backend.backend()]
    model.fit(read(minibatches), epochs=epochs, callbacks=[own, watch, *callbacks], shuffle=False, verbose=0)
    model.set_weights(watch.best_weights)
    return watch.best_epoch


class _TorchData(keras.utils.PyDataset):
    """Minibatches as Keras reads them on the torch backend."""

    def __init__(self, minibatches: Minibatches):
        super().__init__(workers=1)
        self.minibatches = minibatches

    def __len__(self) -> int:
        return len(self.minibatches)

    def __getitem__(self, number: int) -> tuple[Any, Any]:
        return self.minibatches[number]


def _tensorflow_data(minibatches: Minibatches) -> Any:
    """
    Return minibatches as a data set of TensorFlow, which prepares one ahead.

    Keras would leave it to an autotuner how many, whose thread often ends only two seconds after its epoch.
    """
    import tensorflow as tf

    n = len(minibatches)
    rows = tuple(tf.TensorSpec((None, *values.shape[1:]), values.dtype) for values in minibatches[0])
    options = tf.data.Options()
    options.autotune.enabled = False
    data = tf.data.Dataset.from_generator(lambda: map(minibatches.__getitem__, range(n)), output_signature=rows)
    return data.apply(tf.data.experimental.assert_cardinality(n)).prefetch(1).with_options(options)


def renew(model: keras.Model, fresh: keras.Model) -> None:
    """
    Give a model the state of a fresh one: weights and dropout generators.

    The compiled step is kept, so that the folds of one job trace it once.
    """
    for variable, source in zip(model.variables, fresh.variables, strict=True):
        variable.assign(source.value)


def renew_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Clear the state of an optimiser from earlier steps, except its learning rate."""
    if optimizer.built:
        for variable in optimizer.variables:
            if variable is not optimizer._learning_rate:
                variable.assign(keras.ops.zeros_like(variable))


def load_network(path: Path) -> keras.Model:
    """
    Read a network for prediction; a file that carries code is refused by Keras.

    Layers keep the number type of their training, except in a float32 session, as on every CPU: then they are float32.
    """
    network = keras.saving.load_model(path, compile=False, safe_mode=True)
    network.jit_compile = False  # as it was trained
    policy = keras.mixed_precision.dtype_policy()
    for layer in [network, *all_layers(network)] if policy.name == "float32" else []:
        layer.dtype_policy = policy
    return network


def predict_log_odds(
    network: keras.Model, inputs: Any, rows_at_once: int, read: Callable[[Any], Any] | None = None
) -> np.ndarray:
    """
    Return the log odds of label 1 for each row of the inputs, (n,) float64.

    Parameters
    ----------
    network : keras.Model
        As `below_sigmoid` wants it.
    inputs : array
        Rows without the axis of channels, which is added here; in host memory or `resident`.
    rows_at_once : int
        Rows predicted at once.
    read : callable, optional
        From some of the rows to the network's numbers.
    """
    if not len(inputs):
        return np.empty(0)
    below, features = below_sigmoid(network), []
    for start in range(0, len(inputs), rows_at_once):
        rows = inputs[start : start + rows_at_once]
        features.append(_apply(below, (read(rows) if read else rows)[..., None]))
    return log_odds(network, keras.ops.convert_to_numpy(keras.ops.concatenate(features)))


def _apply(network: keras.Model, rows: Any) -> Any:
    """Return what a network predicts; torch leaves it on the device, so that the next rows do not wait."""
    if keras.backend.backend() != "torch":
        return network.predict_on_batch(rows)
    with without_gradients():
        return network(rows, training=False)


def below_sigmoid(network: keras.Model) -> keras.Model:
    """
    Return the layers of a network without its last one, for `log_odds`; the weights are shared.

    The network is a chain of layers that ends in one dense unit with a sigmoid, or in a Sequential that does. The
    answer is kept, so that it is traced once per network.
    """
    if network not in _BELOW:
        inputs = keras.Input(network.input_shape[1:])
        features = inputs
        for layer in _chain(network)[:-1]:
            features = layer(features)
        _BELOW[network] = keras.Model(inputs, features)
        _BELOW[network].jit_compile = False
    return _BELOW[network]


def log_odds(network: keras.Model, features: np.ndarray) -> np.ndarray:
    """
    Log odds of label 1, float64, of rows that `below_sigmoid` made of a network's inputs.

    A float32 sigmoid is 1 for every logit above 17, and rows there would lose their order.
    """
    kernel, bias = (weights.astype(float) for weights in _chain(network)[-1].get_weights())
    return (features.astype(float) @ kernel + bias)[:, 0]


def _chain(network: keras.Model) -> list[keras.layers.Layer]:
    layers = network.layers[1:]
    return [*layers[:-1], *layers[-1].layers] if isinstance(layers[-1], keras.Sequential) else layers


def finite(arrays: Sequence[np.ndarray]) -> bool:
    """Return whether all arrays are finite."""
    return all(np.isfinite(values).all() for values in arrays)


def all_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a model and of the models inside it."""
    return [
        inner
        for layer in model.layers
        for inner in ([layer, *all_layers(layer)] if isinstance(layer, keras.Model) else [layer])
    ]


class BestEpoch(keras.callbacks.Callback):
    """
    Score the validation part after each epoch, note the best weights, and stop after `patience` epochs without better.

    Parameters
    ----------
    score : callable
        The validation part's loss, accuracy and auc with the weights of now; called once an epoch. The loss is also
        left to later callbacks as ``val_loss``.
    rank : callable
        Orders scores: the best epoch has the highest rank, among equals it is the first.
    patience : int
        Epochs to wait for a better one.
    on_epoch : callable
        Told every epoch's numbers.

    Raises
    ------
    Diverged
        A loss or a weight is NaN or infinite.
    """

    def __init__(
        self, score: Callable[[], Scores], rank: Callable[[Scores], tuple[float, ...]], patience: int, on_epoch: OnEpoch
    ):
        super().__init__()
        self.score = score
        self.rank = rank
        self.patience = patience
        self.report = on_epoch
        self.best: tuple[float, ...] | None = None
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Score, report, keep or stop."""
        logs = {} if logs is None else logs
        scores = self.score()
        logs["val_loss"] = scores["loss"]
        weights = self.model.get_weights()
        # A fused ReLU may turn NaN into 0, so that the losses of a broken network look like numbers.
        if not finite([np.array([logs["loss"], scores["loss"]]), *weights]):
            raise Diverged(f"the loss or a weight was NaN or infinite in epoch {epoch + 1}")
        self.report(
            {name: float(logs[name]) for name in ("loss", "accuracy", "auc")}
            | {f"validation_{name}": value for name, value in scores.items()}
            | {"epoch": epoch + 1, "seconds": time.perf_counter() - self.start}
        )
        if self.best is None or self.rank(scores) > self.best:
            self.best, self.best_epoch, self.best_weights = self.rank(scores), epoch + 1, weights
        elif epoch + 1 - self.best_epoch >= self.patience:
            self.model.stop_training = True
