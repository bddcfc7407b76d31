"""Transfer learning, then fine-tuning, on 2D slices of one modality (Spoorthy et al.). Keras, backend-neutral."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from gliobench.training import OnEpoch, Part, keras_session
from gliobench.training.keras_augment import augment
from gliobench.training.keras_backbones import BACKBONES, build_backbone, pretrained_weights, settle_batch_norm
from gliobench.training.keras_session import keras
from gliobench.training.scores import binary_scores

SUFFIX = ".keras"
PREDICTED_AT_ONCE = 64
prepare = keras_session.prepare


class HeadStep(keras.Model):
    """The transfer phase's view of a network: everything below the head computes as it does when it predicts."""

    def __init__(self, network: keras.Model):
        super().__init__()
        self.features = network.get_layer("features")
        self.head = network.get_layer("head")

    def call(self, slices: Any, training: bool | None = None) -> Any:
        """Return probabilities."""
        return self.head(self.features(slices, training=False), training=training)


@dataclass(frozen=True)
class Classifier:
    """
    A network and its two training steps, which share every weight and are traced once per job.

    Attributes
    ----------
    network : keras.Model
        Slices of shape (n, rows, columns, 1) in [0, 1] to probabilities of shape (n, 1).
    steps : dict of keras.Model
        Compiled, one per phase; empty in a model loaded for prediction.
    pretrained : list of ndarray, or None
        Initial backbone weights of every training; None for random ones.
    """

    network: keras.Model
    steps: dict[str, keras.Model]
    pretrained: list[np.ndarray] | None = None


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> Classifier:
    """Build the network of section IV for slices of shape (rows, columns), and compile both phases."""
    network = _network(shape, parameters)
    base = network.get_layer("features").get_layer(parameters["backbone"])
    pretrained = pretrained_weights(base, weights)
    steps = {"transfer": HeadStep(network), "finetuned": network}
    for phase, step in steps.items():
        keras_session.compile_binary(step, keras.optimizers.Adam(parameters[phase]["learning_rate"]))
    return Classifier(network, steps, pretrained)


def _network(shape: tuple[int, ...], parameters: dict) -> keras.Model:
    slices = keras.Input((*shape, 1))
    return keras.Model(slices, _head(parameters)(_features(shape, parameters)(slices)))


def _features(shape: tuple[int, ...], parameters: dict) -> keras.Model:
    name = parameters["backbone"]
    scale = 1.0 if parameters["double_rescale"] else BACKBONES[name].scale
    slices = keras.Input((*shape, 1))
    colours = keras.layers.Concatenate()([slices, slices, slices])
    colours = keras.layers.Rescaling(scale, BACKBONES[name].offset)(colours)
    maps = build_backbone(name, (*shape, 3))(colours)
    return keras.Model(slices, keras.layers.GlobalAveragePooling2D()(maps), name="features")


def _head(parameters: dict) -> keras.Model:
    momentum = parameters["batch_norm_momentum"]
    return keras.Sequential(
        [
            keras.layers.BatchNormalization(momentum=momentum),
            keras.layers.Dropout(parameters["dropout"]),
            keras.layers.Dense(parameters["dense"], activation="relu"),
            keras.layers.BatchNormalization(momentum=momentum),
            keras.layers.Dropout(parameters["dropout"]),
            keras.layers.Dense(1, activation="sigmoid", dtype="float32"),
        ],
        name="head",
    )


def fit(
    model: Classifier,
    phase: str,
    train: Part,
    validation: Part,
    parameters: dict,
    seed: int,
    on_epoch: OnEpoch,
) -> int:
    """
    Train one phase and keep the weights of its lowest validation loss (IV), over slices.

    ``transfer`` starts from a fresh head on the pretrained backbone and trains only the head; a backbone of random
    weights first takes its BatchNormalization statistics from one minibatch of training slices. ``finetuned`` continues
    with every layer except BatchNormalization, whose weights and moving statistics stay frozen.
    """
    settings = parameters[phase]
    keras_session.seed_all(seed)
    minibatches = TrainingSlices(train, settings["batch_size"], parameters["augmentation"], seed)
    if phase == "transfer":
        _start_afresh(model, minibatches, parameters)
    _unfreeze(model.network, phase)
    step = model.steps[phase]
    keras_session.renew_optimizer(step.optimizer)
    step.optimizer.learning_rate = settings["learning_rate"]
    held_out = keras_session.resident(validation.inputs)
    watch = keras_session.BestEpoch(
        lambda: binary_scores(validation.labels, expit(predict(model, held_out))),
        lambda scores: (-scores["loss"],),
        settings["patience"],
        on_epoch,
    )
    slower = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", mode="min", min_delta=0.0, **settings["plateau"])
    return keras_session.fit_best(step, minibatches, settings["epochs"], seed, watch, slower)


def _start_afresh(model: Classifier, minibatches: "TrainingSlices", parameters: dict) -> None:
    shape = tuple(minibatches.slices.shape[1:])
    keras_session.renew(model.network, _network(shape, parameters))
    features = model.network.get_layer("features")
    if model.pretrained is not None:
        features.get_layer(parameters["backbone"]).set_weights(model.pretrained)
    else:
        settle_batch_norm(features, minibatches[0][0])


def _unfreeze(network: keras.Model, phase: str) -> None:
    tuned = phase == "finetuned"
    for part, trains in ((network.get_layer("features"), tuned), (network.get_layer("head"), True)):
        # One by one: a model that already has the value does not pass it on.
        for layer in (part, *keras_session.all_layers(part)):
            layer.trainable = trains and not (tuned and isinstance(layer, keras.layers.BatchNormalization))


def predict(model: Classifier, inputs: Any) -> np.ndarray:
    """Return the log odds of label 1 for slices of shape (n, rows, columns), uint8, in an array or a tensor."""
    return keras_session.predict_log_odds(model.network, inputs, PREDICTED_AT_ONCE, _scaled)


def save(model: Classifier, path: Path) -> None:
    """Write the network in Keras' own format, without its optimiser."""
    model.network.save(path, include_optimizer=False)


def load(path: Path) -> Classifier:
    """Read a model that `save` wrote, to predict; a file that carries code is refused by Keras."""
    return Classifier(keras_session.load_network(path), steps={})


class TrainingSlices:
    """
    Minibatches of training slices, reshuffled and augmented again in each epoch.

    Parameters
    ----------
    part : Part
        Training slices, uint8.
    batch_size : int
        Slices per minibatch. The last may be smaller; a single slice is merged with the minibatch before, because it
        has no variance for normalisation.
    augmentation : dict
        As `augment` reads it.
    seed : int
        With the epoch and the minibatch's number, the source of its randomness, whatever the order of the minibatches.
    """

    def __init__(self, part: Part, batch_size: int, augmentation: dict[str, Any], seed: int):
        self.slices = keras_session.resident(part.inputs)
        self.labels = part.labels
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.seed = seed
        self.epoch = 0
        self._shuffle()

    def __len__(self) -> int:
        return max(1, -(-(len(self.labels) - 1) // self.batch_size))

    def __getitem__(self, number: int) -> tuple[Any, np.ndarray]:
        end = (number + 1) * self.batch_size if number + 1 < len(self) else None
        rows = self.order[number * self.batch_size : end]
        rng = np.random.default_rng([self.seed, self.epoch, 1 + number])
        slices = augment(_scaled(self.slices[rows]), self.augmentation, rng)
        return slices[..., None], self.labels[rows, None].astype("float32")

    def shuffle(self) -> None:
        """Shuffle for the next epoch."""
        self.epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        self.order = np.random.default_rng([self.seed, self.epoch, 0]).permutation(len(self.labels))


def _scaled(slices: Any) -> Any:
    return keras.ops.cast(slices, "float32") / 255
