"""After each epoch of a Keras approach: score the validation part, report, keep the best weights, stop early."""

import time
from collections.abc import Callable

import numpy as np

from gliobench.training import Diverged, OnEpoch
from gliobench.training.keras_session import finite, keras

Scores = dict[str, float]


class BestEpoch(keras.callbacks.Callback):
    """
    Score the validation part after each epoch, keep the best weights, stop after `patience` epochs without better ones.

    Parameters
    ----------
    score : callable
        The validation part's loss, accuracy and auc with the current weights; called once per epoch. The loss is also
        passed to later callbacks as ``val_loss``.
    rank : callable
        Orders scores: the best epoch has the highest rank; the first of equals wins.
    patience : int
        Epochs to wait for a better one.
    on_epoch : callable
        Receives every epoch's numbers.

    Raises
    ------
    Diverged
        A loss or a weight is NaN or infinite.
    """

    def __init__(
        self, score: Callable[[], Scores], rank: Callable[[Scores], tuple[float, ...]], patience: int, on_epoch: OnEpoch
    ):
        super().__init__()
        self.score = score
        self.rank = rank
        self.patience = patience
        self.report = on_epoch
        self.best: tuple[float, ...] | None = None
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the clock."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Score, report, keep or stop."""
        logs = {} if logs is None else logs
        scores = self.score()
        logs["val_loss"] = scores["loss"]
        weights = self.model.get_weights()
        # A fused ReLU may turn NaN into 0, so the losses of a broken network may be finite.
        if not finite([np.array([logs["loss"], scores["loss"]]), *weights]):
            raise Diverged(f"the loss or a weight was NaN or infinite in epoch {epoch + 1}")
        self.report(
            {name: float(logs[name]) for name in ("loss", "accuracy", "auc")}
            | {f"validation_{name}": value for name, value in scores.items()}
            | {"epoch": epoch + 1, "seconds": time.perf_counter() - self.start}
        )
        if self.best is None or self.rank(scores) > self.best:
            self.best, self.best_epoch, self.best_weights = self.rank(scores), epoch + 1, weights
        elif epoch + 1 - self.best_epoch >= self.patience:
            self.model.stop_training = True
