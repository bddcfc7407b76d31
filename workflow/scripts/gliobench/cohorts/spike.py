"""Copies of a cohort with labels drawn from a measured quantity: a signal of known strength in real data."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from gliobench.cohorts.owners import whose
from gliobench.errors import GlioBenchError
from gliobench.seeds import derive_seed

STEEPEST = 100.0  # of the logistic model, per standard deviation of the quantity
DRAWS = 1000  # at a time


def expected_auc(probability: NDArray[Any]) -> float:
    """
    Return the AUC of probabilities for labels drawn by them, on average: over pairs of different patients.

    Parameters
    ----------
    probability : array, shape (patients,)
        Of label 1, above 0 and below 1.
    """
    pairs = probability[:, None] * (1 - probability[None, :])
    np.fill_diagonal(pairs, 0)
    above = (probability[:, None] > probability[None, :]) + 0.5 * (probability[:, None] == probability[None, :])
    return float((pairs * above).sum() / pairs.sum())


def spike_labels(patients: pd.DataFrame, quantity: pd.Series, oracle_auc: float, seed: int) -> pd.DataFrame:
    """
    Draw labels from a logistic model on a quantity; the number of each label stays, everything else too.

    The quantity is replaced by its standard normal score, so that its scale and outliers do not matter. The model's
    slope is chosen so that the probabilities' `expected_auc` is `oracle_auc`, its intercept so that they add up to the
    number of positives. Labels are drawn until there are just as many.

    Parameters
    ----------
    patients : DataFrame
        As in the schema ``patients``.
    quantity : Series of float
        By patient_id. A patient without a number counts as average.
    oracle_auc : float
        Above 0.5, below 1.
    seed : int
        Base seed of the copy.

    Returns
    -------
    DataFrame
        The same patients with new label, label_name and oracle_probability. Scans of one patient share a label.

    Raises
    ------
    GlioBenchError
        No patient has the quantity, or it has too few different values for this AUC.
    """
    owners = whose(patients)
    people = patients[~owners.duplicated()]
    score = _normal_score(quantity.reindex(people["patient_id"]))
    probability = _logistic(score, oracle_auc, int(people["label"].sum()))
    label = pd.Series(_draw(probability, int(people["label"].sum()), seed), owners[people.index]).loc[owners]
    oracle = pd.Series(probability, owners[people.index]).loc[owners]
    names = patients.drop_duplicates("label").set_index("label")["label_name"]
    return patients.assign(
        label=label.to_numpy(), label_name=names.loc[label].to_numpy(), oracle_probability=oracle.to_numpy()
    )


def _normal_score(quantity: pd.Series) -> NDArray[np.float64]:
    ranks = quantity.rank()
    if not ranks.notna().any():
        raise GlioBenchError("no patient of the cohort has the quantity that labels are drawn from: check its column.")
    return special.ndtri((ranks - 0.5) / ranks.notna().sum()).fillna(0.0).to_numpy()


def _logistic(score: NDArray[np.float64], oracle_auc: float, positives: int) -> NDArray[np.float64]:
    """Return probabilities that add up to `positives`, with an expected AUC of `oracle_auc`."""

    def probabilities(slope: float) -> NDArray[np.float64]:
        end = slope * np.abs(score).max() + 20
        intercept = optimize.brentq(lambda shift: special.expit(slope * score + shift).sum() - positives, -end, end)
        return np.asarray(special.expit(slope * score + intercept))

    most = expected_auc(probabilities(STEEPEST))
    if most < oracle_auc:
        raise GlioBenchError(
            f"the quantity that labels are drawn from has too few different values for an oracle AUC of "
            f"{oracle_auc:g}: it reaches {most:.2f} at most; lower oracle_auc or choose another quantity."
        )
    return probabilities(optimize.brentq(lambda slope: expected_auc(probabilities(slope)) - oracle_auc, 0, STEEPEST))


def _draw(probability: NDArray[np.float64], positives: int, seed: int) -> NDArray[np.int64]:
    """Draw labels until there are `positives` of 1: the model's, given their number."""
    rng = np.random.default_rng(derive_seed(seed, "labels"))
    while True:
        labels = rng.random((DRAWS, len(probability))) < probability
        right = np.flatnonzero(labels.sum(axis=1) == positives)
        if len(right):
            return labels[right[0]].astype(int)
