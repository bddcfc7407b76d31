"""Networks for slices without their top: from keras.applications, and two that Keras lacks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gliobench.training.keras_session import all_layers, keras, without_gradients
from gliobench.training.keras_weights import initial_weights

Shape = tuple[int, ...]
layers = keras.layers
IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225], "float32")


def alexnet(input_shape: Shape) -> keras.Model:
    """Krizhevsky et al. 2012, its five convolutions in one stream, without local response normalisation."""
    inputs = keras.Input(input_shape)
    features = layers.Conv2D(96, 11, strides=4, padding="same", activation="relu")(inputs)
    features = layers.MaxPooling2D(3, strides=2, padding="same")(features)
    features = layers.Conv2D(256, 5, padding="same", activation="relu")(features)
    features = layers.MaxPooling2D(3, strides=2, padding="same")(features)
    for filters in (384, 384, 256):
        features = layers.Conv2D(filters, 3, padding="same", activation="relu")(features)
    return keras.Model(inputs, layers.MaxPooling2D(3, strides=2, padding="same")(features))


def resnet10(input_shape: Shape) -> keras.Model:
    """He et al. 2016 with one basic block per stage: 1 + 4 x 2 convolutions, and the head."""
    inputs = keras.Input(input_shape)
    features = _convolution(inputs, 64, 7, 2)
    features = layers.MaxPooling2D(3, strides=2, padding="same")(layers.ReLU()(features))
    for filters, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        features = _basic_block(features, filters, stride)
    return keras.Model(inputs, features)


def _basic_block(features: keras.KerasTensor, filters: int, stride: int) -> keras.KerasTensor:
    inner = layers.ReLU()(_convolution(features, filters, 3, stride))
    inner = _convolution(inner, filters, 3, 1)
    shortcut = features if stride == 1 else _convolution(features, filters, 1, stride)
    return layers.ReLU()(layers.Add()([inner, shortcut]))


def _convolution(features: keras.KerasTensor, filters: int, kernel: int, stride: int) -> keras.KerasTensor:
    features = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(
        features
    )
    return layers.BatchNormalization()(features)


@dataclass(frozen=True)
class Backbone:
    """
    One network without its top.

    Attributes
    ----------
    build : callable
        Builds it; those of keras.applications also take ``include_top`` and ``weights``.
    scale, offset : float, tuple of float
        The network expects pixels in [0, 1] times `scale` plus `offset` (one number per channel).
    in_keras : bool
        It is one of keras.applications, with ImageNet weights.
    """

    build: Callable[..., keras.Model]
    scale: float = 1.0
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    in_keras: bool = True


# What each expects: keras.applications.<network>.preprocess_input. EfficientNet takes 0..255 and rescales them itself,
# MobileNet -1..1, ResNet50 0..255 minus ImageNet's mean colour in the order blue, green, red.
BACKBONES = {
    "alexnet": Backbone(alexnet, in_keras=False),
    "mobilenet": Backbone(keras.applications.MobileNet, 2.0, (-1.0, -1.0, -1.0)),
    "resnet10": Backbone(resnet10, in_keras=False),
    "resnet50": Backbone(keras.applications.ResNet50, 255.0, (-103.939, -116.779, -123.68)),
    "efficientnetb0": Backbone(keras.applications.EfficientNetB0, 255.0),
    "efficientnetb3": Backbone(keras.applications.EfficientNetB3, 255.0),
}


def build_backbone(name: str, input_shape: Shape) -> keras.Model:
    """Return the network of that name with random weights; its name among layers is `name`."""
    known = BACKBONES[name]
    if known.in_keras:
        return known.build(include_top=False, weights=None, input_shape=input_shape, name=name)
    base = known.build(input_shape)
    base.name = name
    return base


def pretrained_weights(base: keras.Model, weights: str) -> list[np.ndarray] | None:
    """
    Return the initial arrays of the backbone, None for random ones; errors as in `initial_weights`.

    ImageNet's EfficientNet files hold the channels' standard deviation instead of the variance. keras.applications
    corrects this with an extra layer, but only for ``weights="imagenet"``; here the variance itself is corrected, also
    when it comes from a file.
    """
    known = BACKBONES[base.name]

    def download() -> keras.Model:
        return known.build(include_top=False, weights="imagenet", input_shape=base.input_shape[1:])

    arrays = initial_weights(base, base.name, weights, download if known.in_keras else None)
    if arrays is None:
        return None
    base.set_weights(arrays)
    for layer in base.layers:
        if isinstance(layer, layers.Normalization):
            if np.allclose(keras.ops.convert_to_numpy(layer.adapt_variance), IMAGENET_DEVIATION, atol=1e-3):
                layer.adapt_variance.assign(IMAGENET_DEVIATION**2)
            layer.finalize_state()
    return base.get_weights()


def settle_batch_norm(model: keras.Model, images: Any) -> None:
    """
    Set the moving statistics of every BatchNormalization to those of `images`.

    With random weights and BatchNormalization that never trains, the outputs of EfficientNetB0 vanish. These layers are
    left trainable.
    """
    norms = [layer for layer in all_layers(model) if isinstance(layer, layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.trainable = True  # if frozen, it would ignore the images
        layer.momentum = 0.0
    with without_gradients():
        model(images, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
