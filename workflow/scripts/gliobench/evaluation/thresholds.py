"""What a method's probabilities are worth at each threshold: confusion matrix and net benefit."""

import numpy as np
import pandas as pd

from gliobench.evaluation.columns import ROUND

THRESHOLDS = np.round(np.arange(0.01, 1, 0.01), 2)
COUNTS = ("tp", "fp", "fn", "tn")


def threshold_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """
    Count patients at each threshold, averaged over the rounds, with the scores that follow from the counts.

    Parameters
    ----------
    rows : pandas.DataFrame
        Patients' predictions of one cell, phase and part, with repeat and seed_index.

    Returns
    -------
    pandas.DataFrame
        One row per value of `THRESHOLDS`: ``threshold``; ``tp``, ``fp``, ``fn`` and ``tn``, mean numbers of patients
        per repeat and seed (label 1 is predicted from the threshold on); ``sensitivity`` and ``specificity``;
        ``ppv`` and ``npv``, not numbers where nobody is given that label; ``net_benefit``, in true positives per
        patient (Vickers and Elkin 2006). No rows without predictions.
    """
    labels, probabilities = rows["label"].to_numpy(int), rows["probability"].to_numpy(float)
    if not len(labels):
        return pd.DataFrame(columns=["threshold", *COUNTS, "sensitivity", "specificity", "ppv", "npv", "net_benefit"])
    rounds = len(rows[ROUND].drop_duplicates())
    called = _at_least(probabilities[labels == 1]) / rounds, _at_least(probabilities[labels == 0]) / rounds
    positive, negative = (labels == 1).sum() / rounds, (labels == 0).sum() / rounds
    table = pd.DataFrame({"threshold": THRESHOLDS, "tp": called[0], "fp": called[1]})
    table = table.assign(fn=positive - table["tp"], tn=negative - table["fp"])
    odds = table["threshold"] / (1 - table["threshold"])
    return table.assign(
        sensitivity=table["tp"] / (positive or np.nan),
        specificity=table["tn"] / (negative or np.nan),
        ppv=table["tp"] / (table["tp"] + table["fp"]),
        npv=table["tn"] / (table["tn"] + table["fn"]),
        net_benefit=(table["tp"] - odds * table["fp"]) / (positive + negative),
    )


def treat_all(prevalence: float) -> np.ndarray:
    """Return the net benefit of calling every patient positive, at each of `THRESHOLDS`."""
    benefit: np.ndarray = prevalence - (1 - prevalence) * THRESHOLDS / (1 - THRESHOLDS)
    return benefit


def _at_least(values: np.ndarray) -> np.ndarray:
    """Count the values from each of `THRESHOLDS` on."""
    return len(values) - np.searchsorted(np.sort(values), THRESHOLDS, side="left")
