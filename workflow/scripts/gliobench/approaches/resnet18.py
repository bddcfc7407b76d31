"""ImageNet's ResNet18 on single slices (Kaymak and Demir). PyTorch, torchvision."""

from functools import partial
from pathlib import Path

import torch
from torch import nn
from torchvision.models import ResNet18_Weights, resnet18

from gliobench.training import OnEpoch, Part, torch_loop, torch_session
from gliobench.training.torch_augment import flip
from gliobench.training.torch_loop import Loop, Model
from gliobench.training.torch_weights import initial_state

SUFFIX = torch_session.SUFFIX
LAST_LAYER = ("fc.weight", "fc.bias")
MEAN = (0.485, 0.456, 0.406)  # of ImageNet's red, green and blue in [0, 1], as torchvision's weights were trained with
DEVIATION = (0.229, 0.224, 0.225)

prepare, predict, save = torch_session.prepare, torch_loop.predict, torch_loop.save


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> Model:
    """
    Build torchvision's ResNet18 with a last layer of two outputs (3.3), for slices of any shape (rows, columns).

    It has 11,177,538 parameters; the last layer is always fresh.
    """
    model = _model({"shape": list(shape)})
    download = partial(
        ResNet18_Weights.IMAGENET1K_V1.get_state_dict, check_hash=True, weights_only=True, progress=False
    )
    model.start = initial_state(weights, model.network, download, LAST_LAYER)
    return model


def _network(about: dict) -> nn.Module:
    network = resnet18(weights=None)
    network.fc = nn.Linear(network.fc.in_features, 2)
    torch_session.in_float32(network.avgpool, network.fc)
    return network


def _model(about: dict) -> Model:
    return Model(_network, about, 2, as_colours, lambda outputs: outputs[:, 1] - outputs[:, 0])


def as_colours(slices: torch.Tensor) -> torch.Tensor:
    """Turn slices (n, rows, columns) of 0 to 255 into three equal channels, normalised like ImageNet's (3.1)."""
    mean, deviation = (torch_session.constant(values, slices.device).view(3, 1, 1) for values in (MEAN, DEVIATION))
    return (slices[:, None].float() / 255 - mean) / deviation


def fit(model: Model, phase: str, train: Part, validation: Part, parameters: dict, seed: int, on_epoch: OnEpoch) -> int:
    """
    Train from the initial weights and keep those of the best validation accuracy (3.3), counted in slices.

    At equal accuracy the lower validation loss decides, then the earlier epoch.
    """
    torch_loop.renew(model, seed)
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
        augment=lambda rows, draws: flip(rows, 3, draws.images) if parameters["flip"] else rows,
    )
    return torch_loop.train(model, loop, optimizer, (train, validation), seed, on_epoch, schedule)


def load(path: Path) -> Model:
    """Read a model that `save` wrote; a file that carries code is refused."""
    return torch_loop.load(path, _model)
