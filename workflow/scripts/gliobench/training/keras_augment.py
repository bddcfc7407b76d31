"""Augmentation of 2D training slices, one minibatch at a time, on any backend of Keras."""

from typing import Any

import numpy as np

from gliobench.training.keras_session import keras


def augment(slices: Any, settings: dict[str, Any], rng: np.random.Generator) -> Any:
    """
    Rotate, zoom, shift, flip and brighten each slice with its own random values; bilinear, black outside.

    Parameters
    ----------
    slices : array or tensor
        Shape (n, rows, columns), float32 in [0, 1].
    settings : dict
        ``rotation``: largest angle to either side, degrees; ``zoom``: range of factors, above 1 enlarges; ``shift``:
        up to this share of the side, in both directions; ``brightness``: range of factors. Half of the slices are
        mirrored left to right.
    rng : numpy Generator
        Source of every number.

    Returns
    -------
    tensor
        Same shape and type, in [0, 1], on the backend's device.
    """
    maps = _output_to_input(len(slices), slices.shape[1:], settings, rng)
    moved = keras.ops.image.affine_transform(
        slices[..., None], maps, interpolation="bilinear", data_format="channels_last"
    )
    low, high = settings["brightness"]
    brightness = rng.uniform(low, high, (len(slices), 1, 1)).astype("float32")
    return keras.ops.clip(keras.ops.multiply(moved[..., 0], brightness), 0, 1)


def _output_to_input(n: int, sides: tuple[int, ...], settings: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    rows, columns = sides
    angle = np.deg2rad(rng.uniform(-settings["rotation"], settings["rotation"], n))
    low, high = settings["zoom"]
    zoom = rng.uniform(low, high, n)
    shift = rng.uniform(-settings["shift"], settings["shift"], (2, n)) * [[columns], [rows]]
    mirror = rng.choice([-1.0, 1.0], n)
    cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
    xx, xy, yx, yy = mirror * cosine, -mirror * sine, sine, cosine
    x, y = (columns - 1) / 2, (rows - 1) / 2
    to_x = x - xx * (x + shift[0]) - xy * (y + shift[1])
    to_y = y - yx * (x + shift[0]) - yy * (y + shift[1])
    nothing = np.zeros(n)
    return np.stack([xx, xy, to_x, yx, yy, to_y, nothing, nothing], axis=1).astype("float32")
