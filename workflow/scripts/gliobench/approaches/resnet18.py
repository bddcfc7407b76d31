"""ImageNet's ResNet18 on single slices (Kaymak and Demir). PyTorch, torchvision."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.models import ResNet18_Weights, resnet18

from gliobench.training import OnEpoch, Part, torch_loop, torch_session
from gliobench.training.torch_augment import flip
from gliobench.training.torch_loop import Loop, Model, renew
from gliobench.training.torch_weights import initial_state

SUFFIX = torch_session.SUFFIX
LAST_LAYER = ("fc.weight", "fc.bias")
MEAN = (0.485, 0.456, 0.406)  # of ImageNet's red, green and blue in [0, 1], as torchvision's weights were trained with
DEVIATION = (0.229, 0.224, 0.225)

prepare = torch_session.prepare


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> Model:
    """
    Build torchvision's ResNet18 with a last layer of two outputs (3.3).

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of one slice; the network takes any.
    parameters : dict
        As in ``config/approaches/resnet18.yaml``; none is of the network.
    weights : str
        ``none``, ``imagenet``, or the path of a file; the last layer is always fresh.

    Returns
    -------
    Model
        11,177,538 parameters.
    """
    network = _network()
    download = partial(
        ResNet18_Weights.IMAGENET1K_V1.get_state_dict, check_hash=True, weights_only=True, progress=False
    )
    start = initial_state(weights, network, download, LAST_LAYER)
    return _model(network, {"shape": list(shape)}, start)


def _network() -> nn.Module:
    network = resnet18(weights=None)
    network.fc = nn.Linear(network.fc.in_features, 2)
    return network


def _model(network: nn.Module, about: dict, start: dict | None = None) -> Model:
    return Model(torch_session.place(network, 2), about, as_colours, _log_odds, start or {})


def as_colours(slices: torch.Tensor) -> torch.Tensor:
    """Turn slices (n, rows, columns) of 0 to 255 into three equal channels, normalised like ImageNet's (3.1)."""
    mean, deviation = (torch.tensor(values, device=slices.device).view(3, 1, 1) for values in (MEAN, DEVIATION))
    return (slices[:, None].float() / 255 - mean) / deviation


def _log_odds(outputs: torch.Tensor) -> torch.Tensor:
    return outputs[:, 1] - outputs[:, 0]


def fit(model: Model, phase: str, train: Part, validation: Part, parameters: dict, seed: int, on_epoch: OnEpoch) -> int:
    """
    Train from the initial weights and keep those of the best validation accuracy (3.3), counted in slices.

    At equal accuracy the lower validation loss decides, then the earlier epoch.

    Returns
    -------
    int
        The best epoch, from 1.

    Raises
    ------
    Diverged
        A loss or a weight is NaN or infinite.
    """
    renew(model, _network, seed)
    optimizer = torch.optim.SGD(
        model.network.parameters(), lr=parameters["learning_rate"], momentum=parameters["momentum"]
    )
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, parameters["step_size"], parameters["gamma"])
    loop = Loop(
        batch_size=parameters["batch_size"],
        epochs=parameters["epochs"],
        patience=parameters["epochs"],  # none: every epoch is trained
        rank=lambda record: (record["validation_accuracy"], -record["validation_loss"]),
        loss=nn.functional.cross_entropy,
        augment=lambda batch, generator: flip(batch, 3, generator) if parameters["flip"] else batch,
    )
    return torch_loop.train(model, loop, optimizer, (train, validation), seed, on_epoch, schedule)


def predict(model: Model, inputs: np.ndarray) -> np.ndarray:
    """Return the log odds of label 1 for slices of shape (n, rows, columns), 0 to 255."""
    return torch_loop.predict(model, inputs)


def save(model: Model, path: Path) -> None:
    """Write the weights."""
    torch_session.save_weights(model.network, path, model.about)


def load(path: Path) -> Model:
    """Read a model that `save` wrote; a file that carries code is refused."""
    state, about = torch_session.load_weights(path)
    network = _network()
    network.load_state_dict(state)
    return _model(network, about)
