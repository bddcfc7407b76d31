"""3D DenseNet121 on stacked modalities: brainstem infiltration. PyTorch, MONAI's network, augmentation as TorchIO's."""

from functools import partial
from pathlib import Path

import torch
from monai.networks.nets import DenseNet121
from torch import nn

from gliobench.errors import GlioBenchError
from gliobench.training import OnEpoch, Part, torch_loop, torch_session
from gliobench.training.torch_loop import Loop, Model
from gliobench.training.torch_weights import initial_state
from gliobench.training.torchio_augment import augment_patients, has_segmentation

SUFFIX = torch_session.SUFFIX
KEPT = ("blocks", "validation_batch_size")  # parameters that a model's file holds

prepare, predict, save = torch_session.prepare, torch_loop.predict, torch_loop.save


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> Model:
    """
    Build the network for inputs of shape (channels, x, y, z).

    It has 11,309,505 weights to train for four channels, 11,331,457 with a segmentation as the fifth.

    Raises
    ------
    GlioBenchError
        The input is too small to be halved as often as the network does, a minibatch is too small for batch
        normalisation, or the weights do not fit.
    """
    halvings = len(parameters["blocks"]) - 1
    least = 4 * 2**halvings - 3  # two layers that halve with padding, then one without after each block but the last
    if min(shape[1:]) < least:
        raise GlioBenchError(
            f"densenet121: an input of {'x'.join(map(str, shape[1:]))} voxels is too small for the network, "
            f"which needs {least} along each axis; raise `shape` under `input`."
        )
    model = _model({"shape": list(shape), "parameters": {name: parameters[name] for name in KEPT}})
    model.start = initial_state(weights, model.network)
    return model


def _network(about: dict) -> nn.Module:
    network = DenseNet121(
        spatial_dims=3, in_channels=about["shape"][0], out_channels=1, block_config=tuple(about["parameters"]["blocks"])
    )
    torch_session.in_float32(network.class_layers)
    return network


def _model(about: dict) -> Model:
    rows_at_once = about["parameters"]["validation_batch_size"]
    return Model(_network, about, 3, torch.Tensor.float, _log_odds, rows_at_once=rows_at_once)


def _log_odds(outputs: torch.Tensor) -> torch.Tensor:
    return outputs[:, 0]


def _loss(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], labels.to(outputs.dtype))


def fit(model: Model, phase: str, train: Part, validation: Part, parameters: dict, seed: int, on_epoch: OnEpoch) -> int:
    """Train from the initial weights, keep those of the lowest validation loss, stop early without a lower one."""
    torch_loop.renew(model, seed)
    optimizer = torch_session.adam(model.network, parameters["learning_rate"])
    segmentation = has_segmentation(train.inputs)
    loop = Loop(
        batch_size=parameters["batch_size"],
        epochs=parameters["epochs"],
        patience=parameters["patience"],
        rank=lambda record: -record["validation_loss"],
        loss=_loss,
        augment=partial(
            augment_patients, settings=parameters["augmentation"], segmentation=segmentation, spacing=train.spacing
        ),
        uncapped=True,  # in the document it goes into the hundreds
    )
    return torch_loop.train(model, loop, optimizer, (train, validation), seed, on_epoch)


def load(path: Path) -> Model:
    """Read a model that `save` wrote; a file that carries code is refused."""
    return torch_loop.load(path, _model)
