"""Calibration: whether predicted probabilities match observed frequencies."""

import numpy as np
import pandas as pd
from scipy.special import logit
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM  # statsmodels.api would load all models
from statsmodels.tools.tools import add_constant

from gliobench.evaluation.columns import ROUND
from gliobench.evaluation.metrics import clipped

NOTHING = (float("nan"), float("nan"))


def calibration(rows: pd.DataFrame) -> tuple[dict[str, float], str | None]:
    """
    Slope and intercept of a logistic regression of the label on the logit of the probability (Cox 1958).

    Fitted to all patients of a round, its folds pooled, and averaged over the rounds. A slope of 1 with an intercept
    of 0 is ideal; a slope below 1 means that probabilities are too extreme.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row per patient and run, with repeat, seed_index, label and probability.

    Returns
    -------
    dict of str to float
        ``calibration_slope`` and ``calibration_intercept``, not numbers if a round has no finite fit.
    str or None
        The reason if they are not numbers.
    """
    fits: list[tuple[float, float]] = []
    reasons: list[str] = []
    for _, rows_of_round in rows.groupby(ROUND):
        label = rows_of_round["label"].to_numpy(int)
        evidence = logit(clipped(rows_of_round["probability"].to_numpy(float)))
        reason = _why_not(label, evidence)
        if reason:
            reasons.append(reason)
        fits.append(NOTHING if reason else _fit(label, evidence))
    slope, intercept = np.mean(fits, axis=0).tolist()
    return {"calibration_slope": slope, "calibration_intercept": intercept}, _in_words(reasons)


def _why_not(label: np.ndarray, evidence: np.ndarray) -> str | None:
    high, low = evidence[label == 1], evidence[label == 0]
    if not len(high) or not len(low):
        return "only one label occurs"
    if np.ptp(evidence) == 0:
        return "all probabilities are the same"
    # With one variable a finite fit needs labels that overlap on both sides (Albert and Anderson 1984).
    if high.min() >= low.max() or high.max() <= low.min():
        return "the probabilities separate the labels without overlap"
    return None


def _fit(label: np.ndarray, evidence: np.ndarray) -> tuple[float, float]:
    mean, scale = evidence.mean(), evidence.std()  # standardised: the fit then converges wherever the logits lie
    model = GLM(label, add_constant((evidence - mean) / scale), family=Binomial())
    constant, steepness = model.fit(maxiter=200, tol=1e-12).params
    slope = steepness / scale
    return float(slope), float(constant - slope * mean)


def _in_words(reasons: list[str]) -> str | None:
    first = ", ".join(dict.fromkeys(reasons))
    return f"calibration_slope and calibration_intercept are empty: {first}" if reasons else None
