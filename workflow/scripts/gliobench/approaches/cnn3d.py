"""3D CNN on one modality (Bui and Fleming). Keras, backend-neutral."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from gliobench.training import OnEpoch, Part, keras_session
from gliobench.training.keras_session import keras
from gliobench.training.keras_weights import initial_weights
from gliobench.training.scores import binary_scores

SUFFIX = ".keras"
PREDICTED_AT_ONCE = 8
OPTIMIZERS = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
prepare, load = keras_session.prepare, keras_session.load_network


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> keras.Model:
    """
    Build and compile the network of the paper's Fig. 7 for inputs of shape (rows, columns, slices).

    At the paper's settings it has 257,153 parameters, 256,769 of them trainable.
    """
    model = _network(shape, parameters)
    model.initial_weights = initial_weights(model, "this 3D CNN", weights, download=None)
    schedule = keras.optimizers.schedules.ExponentialDecay(
        parameters["learning_rate"], parameters["decay_steps"], parameters["decay_rate"], staircase=True
    )
    keras_session.compile_binary(model, OPTIMIZERS[parameters["optimizer"]](schedule))
    return model


def _network(shape: tuple[int, ...], parameters: dict) -> keras.Model:
    inputs = keras.Input((*shape, 1))
    features = inputs
    for filters in parameters["filters"]:
        features = keras.layers.Conv3D(filters, 3)(features)
        features = keras.layers.BatchNormalization(momentum=parameters["batch_norm_momentum"])(features)
        features = keras.layers.LeakyReLU()(features)
    features = keras.layers.GlobalAveragePooling3D()(features)
    features = keras.layers.Dense(parameters["dense"], activation="relu")(features)
    features = keras.layers.Dropout(parameters["dropout"])(features)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", dtype="float32")(features))


def fit(
    model: keras.Model,
    phase: str,
    train: Part,
    validation: Part,
    parameters: dict,
    seed: int,
    on_epoch: OnEpoch,
) -> int:
    """
    Train from fresh weights and keep those of the best validation AUC (II.E); at equal AUC those of lower loss.

    Where `build` was given a file, every training starts from its weights.
    """
    keras_session.seed_all(seed)
    keras_session.renew(model, _network(model.input_shape[1:-1], parameters))
    keras_session.renew_optimizer(model.optimizer)
    if model.initial_weights is not None:
        model.set_weights(model.initial_weights)
    rng = np.random.default_rng(seed)
    minibatches = LabelledMinibatches(train, parameters["batch_size"], parameters["labels"], rng)
    labels = ValidationLabels(validation.labels, parameters["labels"], rng)
    held_out = keras_session.resident(validation.inputs)
    watch = keras_session.BestEpoch(
        lambda: labels.score(expit(predict(model, held_out))),
        lambda scores: (scores["auc"], -scores["loss"]),
        parameters["patience"],
        on_epoch,
    )
    return keras_session.fit_best(model, minibatches, parameters["epochs"], seed, watch)


def predict(model: keras.Model, inputs: Any) -> np.ndarray:
    """Return the log odds of label 1 for inputs of shape (n, rows, columns, slices), in an array or a tensor."""
    return keras_session.predict_log_odds(model, inputs, PREDICTED_AT_ONCE)


def save(model: keras.Model, path: Path) -> None:
    """Write the model in Keras' own format."""
    model.save(path)


class LabelledMinibatches:
    """
    Minibatches of training patients, with the label handling of a variant.

    Parameters
    ----------
    part : Part
        Training patients.
    batch_size : int
        Patients per minibatch; the last may be smaller.
    labels : str
        ``kept``: patients are reshuffled with their labels in each epoch. ``permuted``: the same, with labels
        permuted once before the first epoch. ``permuted_after_first_epoch``: patients keep their order, and after each
        epoch the labels are permuted relative to them, as in the authors' loader.
    rng : numpy Generator
        Source of every shuffle.
    """

    def __init__(self, part: Part, batch_size: int, labels: str, rng: np.random.Generator):
        self.inputs = keras_session.resident(part.inputs)
        self.labels = rng.permutation(part.labels) if labels == "permuted" else part.labels
        self.batch_size = batch_size
        self.policy = labels
        self.rng = rng
        self.order = np.arange(len(part)) if labels == "permuted_after_first_epoch" else rng.permutation(len(part))

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[Any, np.ndarray]:
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        return self.inputs[rows, ..., None], self.labels[rows, None].astype("float32")

    def shuffle(self) -> None:
        """Shuffle for the next epoch."""
        if self.policy == "permuted_after_first_epoch":
            self.labels = self.rng.permutation(self.labels)
        else:
            self.order = self.rng.permutation(self.order)


class ValidationLabels:
    """Labels of the validation patients under a variant's label handling, as in `LabelledMinibatches`."""

    def __init__(self, labels: np.ndarray, policy: str, rng: np.random.Generator):
        self.labels = rng.permutation(labels) if policy == "permuted" else labels
        self.policy = policy
        self.rng = rng

    def score(self, probabilities: np.ndarray) -> dict[str, float]:
        """Score an epoch's probabilities against the labels of that epoch."""
        scores = binary_scores(self.labels, probabilities)
        if self.policy == "permuted_after_first_epoch":
            self.labels = self.rng.permutation(self.labels)
        return scores
