"""3D DenseNet121 on stacked modalities: brainstem infiltration. MONAI's network, TorchIO's augmentation, Lightning."""

import copy
import logging
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.plugins.environments import LightningEnvironment
from monai.networks.nets import DenseNet121
from torch.nn.functional import binary_cross_entropy_with_logits

from gliobench.errors import GlioBenchError
from gliobench.training import Diverged, Machine, OnEpoch, Part, torch_session
from gliobench.training.scores import binary_scores
from gliobench.training.torch_loop import split_batches
from gliobench.training.torch_session import SUFFIX, device, seed_all
from gliobench.training.torch_weights import State, initial_state
from gliobench.training.torchio_augment import Augmented, limit_threads

__all__ = ["SUFFIX", "build", "fit", "load", "predict", "prepare", "save"]


class Classifier(lightning.LightningModule):
    """
    The network, and how Lightning trains it.

    Attributes
    ----------
    network : DenseNet121
        MONAI's, with one logit.
    settings : dict
        The approach's parameters.
    start : dict
        Weights that a training starts from, where a file gave them; else empty.
    seen : list
        Logits and labels of the epoch's training batches, as the network answered while it trained.
    """

    def __init__(self, channels: int, settings: dict):
        super().__init__()
        self.channels, self.settings = channels, settings
        self.network = _network(channels, settings)
        self.start: State = {}
        self.seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return a logit for each row of (n, channels, x, y, z)."""
        with torch_session.autocast():
            return self.network(inputs)[:, 0].float()

    def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
        """Return the loss of a batch."""
        inputs, labels = batch
        logits = self(inputs)
        self.seen.append((logits.detach(), labels))
        return binary_cross_entropy_with_logits(logits, labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimiser of one training."""
        return torch.optim.Adam(self.network.parameters(), self.settings["learning_rate"])


def prepare(machine: Machine) -> str:
    """Set torch up, have TorchIO's resampling keep to the same threads, and return the device's name."""
    limit_threads(machine.threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # devices and tips, once a fold
    warnings.filterwarnings("ignore", module="lightning")  # advice on workers and epochs
    return torch_session.prepare(machine)


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> Classifier:
    """
    Build the network.

    Parameters
    ----------
    shape : tuple of int
        Channels, x, y and z of one input.
    parameters : dict
        As in ``config/approaches/densenet121.yaml``.
    weights : str
        ``none``, or the path of a file that `save` wrote.

    Returns
    -------
    Classifier
        With 11,309,505 weights to train for four channels, 11,331,457 with a segmentation as the fifth.

    Raises
    ------
    GlioBenchError
        The input is too small to be halved as often as the network does, a batch is too small for batch
        normalisation, or the weights do not fit.
    """
    halvings = len(parameters["blocks"]) - 1
    least = 4 * 2**halvings - 3  # two layers that halve with padding, then one without after each block but the last
    if min(shape[1:]) < least:
        raise GlioBenchError(
            f"densenet121: an input of {'x'.join(map(str, shape[1:]))} voxels is too small for the network, "
            f"which needs {least} along each axis; raise `shape` under `input`."
        )
    if parameters["batch_size"] < 2:
        raise GlioBenchError(
            "densenet121: `batch_size` must be 2 or more, since batch normalisation compares patients."
        )
    model = Classifier(shape[0], parameters)
    model.start = initial_state(weights, model.network)
    return model


def _network(channels: int, parameters: dict) -> DenseNet121:
    return DenseNet121(spatial_dims=3, in_channels=channels, out_channels=1, block_config=tuple(parameters["blocks"]))


def fit(
    model: Classifier, phase: str, train: Part, validation: Part, parameters: dict, seed: int, on_epoch: OnEpoch
) -> int:
    """
    Train from fresh (or given) weights and keep those of the lowest validation loss.

    Returns
    -------
    int
        The best epoch, from 1.

    Raises
    ------
    Diverged
        A loss or a weight is no number.
    """
    seed_all(seed)
    model.settings = parameters
    model.network.load_state_dict(_network(model.channels, parameters).state_dict() | model.start)
    model.train()
    batches = torch.utils.data.DataLoader(
        Augmented(train, parameters["augmentation"]), batch_sampler=Batches(len(train), parameters["batch_size"])
    )
    watch = BestEpoch(validation, parameters["patience"], on_epoch)
    _trainer(parameters["epochs"], watch).fit(model, batches)
    model.network.load_state_dict(watch.best_weights)
    return watch.best_epoch


def _trainer(epochs: int, watch: lightning.Callback) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator="gpu" if device().type == "cuda" else "cpu",
        devices=1,
        plugins=[LightningEnvironment()],  # or it would take a Slurm job for its own to lay out and requeue
        max_epochs=epochs,
        callbacks=[watch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def predict(model: Classifier, inputs: np.ndarray) -> np.ndarray:
    """Return the probability of label 1 for inputs of shape (n, channels, x, y, z)."""
    return _probabilities(_logits(model, inputs)).numpy()


def _logits(model: Classifier, inputs: np.ndarray) -> torch.Tensor:
    size, was_training = model.settings["validation_batch_size"], model.training
    model.to(device()).eval()
    logits = [torch.empty(0)]
    with torch.no_grad():
        for start in range(0, len(inputs), size):
            batch = torch.from_numpy(inputs[start : start + size].astype(np.float32))
            logits.append(model(batch.to(device())).cpu())
    model.train(was_training)
    return torch.cat(logits)


def _probabilities(logits: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(logits.double())


def save(model: Classifier, path: Path) -> None:
    """Write weights and settings, without code."""
    about = {"channels": model.channels, "parameters": model.settings}
    torch_session.save_weights(model.network, path, about)


def load(path: Path) -> Classifier:
    """Read a model that `save` wrote."""
    state, about = torch_session.load_weights(path)
    model = Classifier(about["channels"], about["parameters"])
    model.network.load_state_dict(state)
    return model


class Batches(torch.utils.data.Sampler[list[int]]):
    """Row numbers of the batches of an epoch, shuffled; a last patient alone joins the batch before."""

    def __init__(self, n_patients: int, size: int):
        self.n_patients, self.size = n_patients, size

    def __len__(self) -> int:
        return len(split_batches(torch.arange(self.n_patients), self.size))

    def __iter__(self) -> Iterator[list[int]]:
        return (rows.tolist() for rows in split_batches(torch.randperm(self.n_patients), self.size))


class BestEpoch(lightning.Callback):
    """Score the validation patients after each epoch, keep the best weights, stop after `patience` epochs without."""

    def __init__(self, validation: Part, patience: int, on_epoch: OnEpoch):
        self.validation = validation
        self.patience = patience
        self.report = on_epoch
        self.best = np.inf
        self.best_epoch = 0
        self.best_weights: dict[str, torch.Tensor] = {}

    def on_train_epoch_start(self, trainer: lightning.Trainer, model: Classifier) -> None:
        """Start the clock."""
        model.seen.clear()
        self.start = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, model: Classifier) -> None:
        """Score, report, keep or stop."""
        epoch = trainer.current_epoch + 1
        logits, labels = (torch.cat(values).cpu() for values in zip(*model.seen, strict=True))
        scores = _scores(logits, labels)
        validation = _scores(_logits(model, self.validation.inputs), torch.from_numpy(self.validation.labels))
        losses = [scores["loss"], validation["loss"]]
        if not np.isfinite(losses).all() or not torch_session.finite(model):
            raise Diverged(f"the loss or a weight was no number in epoch {epoch}")
        self.report(
            scores
            | {f"validation_{name}": value for name, value in validation.items()}
            | {"epoch": epoch, "seconds": time.perf_counter() - self.start}
        )
        if validation["loss"] < self.best:
            self.best, self.best_epoch = validation["loss"], epoch
            self.best_weights = copy.deepcopy(model.network.state_dict())
        elif epoch - self.best_epoch >= self.patience:
            trainer.should_stop = True


def _scores(logits: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    # The loss comes from the logits: probabilities of 0 or 1 would cap it, and it goes into the hundreds here.
    loss = binary_cross_entropy_with_logits(logits.double(), labels.double())
    return binary_scores(labels.numpy().astype(int), _probabilities(logits).numpy()) | {"loss": loss.item()}
