"""Scores used in training: per epoch, and the threshold."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, log_expit, logsumexp
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

if TYPE_CHECKING:
    from gliobench.training import Part

ENOUGH_FOR_THRESHOLD = 15
DIGITS = 12  # of log odds that are kept: means over equal slices differ in the last ones


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


def fitted_scores(parts: "Mapping[str, Part]", predict: Callable[[np.ndarray], np.ndarray]) -> dict[str, float]:
    """
    Return `binary_scores` of a fitted model on several parts.

    Parameters
    ----------
    parts : mapping of str to Part
        Prefix of the scores' names -> the patients.
    predict : callable
        Returns the log odds of inputs.
    """
    scores = {prefix: binary_scores(part.labels, expit(predict(part.inputs))) for prefix, part in parts.items()}
    return {f"{prefix}{name}": value for prefix, of_part in scores.items() for name, value in of_part.items()}


def mean_log_odds(log_odds: np.ndarray) -> float:
    """
    Return the log odds of the mean of probabilities, from their log odds.

    Computed from logarithms, so that means near 0 and 1 keep their order.
    """
    return float(logsumexp(log_expit(log_odds)) - logsumexp(log_expit(-np.asarray(log_odds))))


def rounded(log_odds: np.ndarray) -> np.ndarray:
    """Round log odds to `DIGITS` significant digits; those between -1 and 1 to as many decimals, less one."""
    scale = 10.0 ** np.floor(np.log10(np.maximum(np.abs(log_odds), 1)))
    return np.round(log_odds / scale, DIGITS - 1) * scale


def choose_threshold(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Return the best threshold on validation patients (Youden's J), or None below 15 patients per label."""
    if np.bincount(labels, minlength=2).min() < ENOUGH_FOR_THRESHOLD:
        return None
    false_positive, true_positive, thresholds = roc_curve(labels, probabilities)
    return float(np.clip(thresholds[np.argmax(true_positive - false_positive)], 0, 1))
