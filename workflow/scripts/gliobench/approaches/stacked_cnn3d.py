"""3D CNN over four modalities stacked as channels (Dursun et al.). PyTorch."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from gliobench.training import OnEpoch, Part, torch_loop, torch_session
from gliobench.training.torch_augment import augment_volumes
from gliobench.training.torch_loop import Loop, Model
from gliobench.training.torch_weights import initial_state

SUFFIX = torch_session.SUFFIX
SHAPING = ("depth", "filters", "dropout")  # parameters that shape the network

prepare = torch_session.prepare
predict, save, redrawn = torch_loop.predict, torch_loop.save, torch_loop.redrawn


class StackedCNN(nn.Module):
    """
    Blocks of 3x3x3 convolution, batch normalisation and ReLU, halved in size between; averaged to one logit.

    Parameters
    ----------
    channels : int
        Of the input.
    depth : int
        Blocks.
    filters : int
        Of the first block; each further one has twice as many.
    dropout : float
        Before the last layer.
    """

    def __init__(self, channels: int, depth: int, filters: int, dropout: float):
        super().__init__()
        widths = [channels] + [filters * 2**number for number in range(depth)]
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv3d(before, after, 3, padding=1, bias=False), nn.BatchNorm3d(after), nn.ReLU())
            for before, after in pairwise(widths)
        )
        self.halve = nn.MaxPool3d(2, ceil_mode=True)  # an axis of one voxel is kept
        self.dropout = nn.Dropout(dropout)
        self.logit = nn.Linear(widths[-1], 1)
        torch_session.in_float32(self.logit)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the logit of each row: (n, channels, x, y, z) to (n,)."""
        for number, block in enumerate(self.blocks):
            rows = block(self.halve(rows) if number else rows)
        return self.logit(self.dropout(rows.float().mean(dim=(2, 3, 4))))[:, 0]


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> Model:
    """Build the network for inputs of shape (channels, x, y, z)."""
    model = _model({"shape": list(shape), "parameters": {name: parameters[name] for name in SHAPING}})
    model.start = initial_state(weights, model.network)
    return model


def _network(about: dict) -> StackedCNN:
    return StackedCNN(about["shape"][0], **about["parameters"])


def _model(about: dict) -> Model:
    return Model(_network, about, 3, torch.Tensor.float, torch.Tensor.double)


def cam_layer(model: Model) -> nn.Module:
    """Return the layer with the maps that Grad-CAM weights: the last block, before averaging."""
    network = model.network
    assert isinstance(network, StackedCNN)
    return network.blocks[-1]


def fit(model: Model, phase: str, train: Part, validation: Part, parameters: dict, seed: int, on_epoch: OnEpoch) -> int:
    """Train from the initial weights, keep those of the lowest validation loss, stop early without a lower one."""
    torch_loop.renew(model, seed)
    optimizer = torch_session.adam(model.network, parameters["learning_rate"])
    loop = Loop(
        batch_size=parameters["batch_size"],
        epochs=parameters["epochs"],
        patience=parameters["patience"],
        rank=lambda record: -record["validation_loss"],
        loss=lambda logits, labels: nn.functional.binary_cross_entropy_with_logits(logits, labels.float()),
        augment=partial(augment_volumes, settings=parameters["augmentation"]),
    )
    return torch_loop.train(model, loop, optimizer, (train, validation), seed, on_epoch)


def load(path: Path) -> Model:
    """Read a model that `save` wrote; a file that carries code is refused."""
    return torch_loop.load(path, _model)
