"""Scores used in training: per epoch, and the threshold."""

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

ENOUGH_FOR_THRESHOLD = 15


def binary_scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """
    Return loss, accuracy (at 0.5) and AUC of probabilities.

    The loss is the mean cross-entropy in nats, NaN if a probability is; AUC is 0.5 if only one label occurs.
    """
    if not np.isfinite(probabilities).all():
        return {"loss": float("nan"), "accuracy": float("nan"), "auc": float("nan")}
    both = len(np.unique(labels)) == 2
    return {
        "loss": float(log_loss(labels, probabilities, labels=[0, 1])),
        "accuracy": float(np.mean((probabilities >= 0.5) == labels)),
        "auc": float(roc_auc_score(labels, probabilities)) if both else 0.5,
    }


def choose_threshold(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Return the best threshold on validation patients (Youden's J), or None below 15 patients per label."""
    if np.bincount(labels, minlength=2).min() < ENOUGH_FOR_THRESHOLD:
        return None
    false_positive, true_positive, thresholds = roc_curve(labels, probabilities)
    return float(np.clip(thresholds[np.argmax(true_positive - false_positive)], 0, 1))
