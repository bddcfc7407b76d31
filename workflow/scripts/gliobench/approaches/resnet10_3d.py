"""3D ResNet10 on one series: the winner of the RSNA-MICCAI competition (Baba). PyTorch, MONAI's network."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets import resnet10
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from gliobench.errors import GlioBenchError
from gliobench.seeds import derive_seed
from gliobench.training import OnEpoch, Part, torch_loop, torch_session
from gliobench.training.parts import check_batch_sizes
from gliobench.training.torch_loop import Loop, Model
from gliobench.training.torch_weights import initial_state

SUFFIX = torch_session.SUFFIX
SHAPING = ("ensemble", "widen_factor")  # parameters that shape the network
ROWS_AT_ONCE = 4  # when predicting: the first layer's output takes 1 GB for a patient of 256x256x64

prepare, predict, save = torch_session.prepare, torch_loop.predict, torch_loop.save


class Ensemble(nn.ModuleList):
    """Networks with one logit each; `forward` gives the logits of all, of shape (rows, networks)."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the logits of each row: (n, 1, rows, columns, slices) to (n, networks)."""
        return torch.cat([network(rows) for network in self], dim=1)


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> Model:
    """
    Build one network, or an ensemble, for inputs of any shape (rows, columns, slices).

    Each network has 14,356,929 weights to train.
    """
    model = _model({"shape": list(shape), "parameters": {name: parameters[name] for name in SHAPING}})
    model.start = initial_state(weights, model.network)
    return model


def _network(about: dict) -> Ensemble:
    return Ensemble(_one(about["parameters"]["widen_factor"]) for _ in range(about["parameters"]["ensemble"]))


def _one(widen_factor: float) -> nn.Module:
    network = resnet10(spatial_dims=3, n_input_channels=1, num_classes=1, widen_factor=widen_factor)
    torch_session.in_float32(network.avgpool, network.fc)
    return network


def _model(about: dict) -> Model:
    return Model(_network, about, 3, _with_channel, log_odds_of_mean, rows_at_once=ROWS_AT_ONCE)


def _with_channel(rows: torch.Tensor) -> torch.Tensor:
    return rows[:, None].float()


def log_odds_of_mean(logits: torch.Tensor) -> torch.Tensor:
    """
    Return the log odds of the mean probability of some networks, from their logits: (n, networks) to (n,).

    Computed from logarithms, so that means near 0 and 1 keep their order; of one network they are its logits.
    """
    if logits.shape[1] == 1:
        return logits[:, 0]
    return torch.logsumexp(logsigmoid(logits), dim=1) - torch.logsumexp(logsigmoid(-logits), dim=1)


def fit(model: Model, phase: str, train: Part, validation: Part, parameters: dict, seed: int, on_epoch: OnEpoch) -> int:
    """
    Train from the initial weights, and keep those of the best validation AUC.

    An ensemble sees the training patients only: each network is trained without one of their stratified folds, which
    chooses its epoch. The validation patients then are new to all of its networks. Epochs are counted on from one
    network to the next.

    Returns
    -------
    int
        The best epoch; of an ensemble, the best of all networks, though each keeps its own.
    """
    torch_loop.renew(model, seed)
    networks = model.network
    assert isinstance(networks, Ensemble)
    ranks: dict[int, tuple[float, float]] = {}

    def counted_on(record: dict[str, float], before: int) -> None:
        epoch = before + int(record["epoch"])
        ranks[epoch] = _rank(record)
        on_epoch(record | {"epoch": epoch})

    for number, parts in enumerate(_parts_by_network(train, validation, len(networks), seed)):
        check_batch_sizes(parameters, len(parts[0]))
        one = replace(model, draw=partial(_as_it_is, networks[number]))
        report = partial(counted_on, before=number * parameters["epochs"])
        _train(one, parts, parameters, derive_seed(seed, number), report)
    return max(ranks, key=ranks.__getitem__)


def _as_it_is(network: nn.Module, about: dict) -> nn.Module:
    """Return one network of an ensemble in place of a drawn one."""
    return network


def _parts_by_network(train: Part, validation: Part, networks: int, seed: int) -> Iterator[tuple[Part, Part]]:
    """Yield the patients that each network is trained on, and those that choose its epoch."""
    if networks == 1:
        yield train, validation
        return
    counts = np.bincount(train.labels, minlength=2)
    if counts.min() < networks:
        raise GlioBenchError(
            f"an ensemble of {networks} networks needs {networks} training patients of each label, but label "
            f"{counts.argmin()} has {counts.min()}: lower `ensemble` in the config under `settings` or add patients"
        )
    folds = StratifiedKFold(networks, shuffle=True, random_state=seed)
    for inner in folds.split(train.labels, train.labels):
        trained, chooses = (Part(train.inputs[rows], train.labels[rows], train.patient_ids[rows]) for rows in inner)
        yield trained, chooses


def _train(model: Model, parts: tuple[Part, Part], parameters: dict, seed: int, on_epoch: OnEpoch) -> None:
    """Train one network."""
    optimizer = torch_session.adam(model.network, parameters["learning_rate"])
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, parameters["milestones"], parameters["gamma"])
    loop = Loop(
        batch_size=parameters["batch_size"],
        epochs=parameters["epochs"],
        patience=parameters["epochs"],  # none: every epoch is trained
        rank=_rank,
        loss=_loss,
        augment=lambda rows, draws: rows,
        drop_last=True,
    )
    torch_loop.train(model, loop, optimizer, parts, seed, on_epoch, schedule)


def _rank(record: dict[str, float]) -> tuple[float, float]:
    """Rank an epoch by its validation AUC; at equal AUC the lower validation loss decides."""
    return record["validation_auc"], -record["validation_loss"]


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return binary_cross_entropy_with_logits(logits[:, 0], labels.to(logits.dtype))


def load(path: Path) -> Model:
    """Read a model that `save` wrote; a file that carries code is refused."""
    return torch_loop.load(path, _model)
