"""Initial weights of a Keras network: none, ImageNet's, or those of a file that carries no code."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gliobench.errors import GlioBenchError
from gliobench.training import first_line
from gliobench.training.keras_session import all_layers, keras

CHOICES = "choose `weights: none`, `weights: imagenet` or the path of a file"
SUFFIXES = (".keras", ".h5")


def initial_weights(
    network: keras.Model, name: str, weights: str, download: Callable[[], keras.Model] | None
) -> list[np.ndarray] | None:
    """
    Return the initial arrays of `network`.

    Parameters
    ----------
    network : keras.Model
        Temporarily receives the weights of a file.
    name : str
        The network's name, for messages.
    weights : str
        ``none``; ``imagenet``; or a file: weights that Keras wrote (``.h5``, ``.weights.h5``), or a whole model
        (``.keras``), of this network or with a layer of this network's name.
    download : callable, optional
        Returns the same network with ImageNet's weights; without it there are none.

    Returns
    -------
    list of ndarray, or None
        In the order of ``network.get_weights()``; None for ``none``.

    Raises
    ------
    GlioBenchError
        There are no such weights, they cannot be downloaded, or the file is missing or for another network.
    """
    if weights == "none":
        return None
    if weights != "imagenet":
        return _from_file(network, name, Path(weights))
    if download is None:
        raise GlioBenchError(f"Keras has no ImageNet weights for {name}; {CHOICES}.")
    try:
        return download().get_weights()
    except Exception as reason:  # Keras raises a plain one
        raise GlioBenchError(
            f"The ImageNet weights of {name} could not be downloaded ({first_line(reason)}); {CHOICES}."
        ) from reason


def _from_file(network: keras.Model, name: str, path: Path) -> list[np.ndarray]:
    if not path.is_file():
        raise GlioBenchError(f"There is no weight file {path}; {CHOICES}.")
    if path.suffix not in SUFFIXES:
        raise GlioBenchError(
            f"The weight file {path} is neither .keras nor .h5, the formats that cannot carry code; {CHOICES}."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns when it leaves a layer random
            if path.suffix == ".keras":
                network.set_weights(_of_model(path, network.name))
            else:
                network.load_weights(path)
    except Exception as reason:  # Keras and h5py raise many types
        raise GlioBenchError(
            f"The weight file {path} does not hold weights of {name} ({first_line(reason)}); {CHOICES}."
        ) from reason
    return network.get_weights()


def _of_model(path: Path, name: str) -> list[np.ndarray]:
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    inside = [layer for layer in all_layers(model) if layer.name == name]
    return (inside or [model])[0].get_weights()
