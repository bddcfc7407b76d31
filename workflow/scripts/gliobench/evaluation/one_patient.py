"""One patient and a run: whether the run knows the patient, and where its answer lies among the patients it tested."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gliobench.terms import MODALITIES, USABLE

PIXELS, SERIES_UID, SAME_ID = "same pixels", "same SeriesInstanceUID", "same id"
OTHER_IMAGES, NEW, UNCHECKED = "other images of a known id", "new", "not checked"
FIRST_COUNTS = ("train", "validation", "whole", "test")  # the first one that a model has of a patient counts
UNSEEN = (None, "test")
IMPLAUSIBLE = 0.05  # a conformal p up to this rules a label out
MIDDLE_HALF = (0.25, 0.75)  # of all tested patients
NO_INFORMATION, MIDDLE, UNKNOWN = "no information shown", "in the middle", "not known"
BOTH_POSSIBLE, UNUSUAL = "both labels possible", "unusual for one label"

Fold = Mapping[str, Any]


def identify(patient: pd.DataFrame, cohort: pd.DataFrame | None, scored: Collection[str]) -> tuple[str, list[str]]:
    """
    Find a patient in the cohort of a run, by content.

    Parameters
    ----------
    patient, cohort : DataFrame
        As in the schema ``series``: of the patient, and of the whole cohort or None.
    scored : collection of str
        Patients in the ``predictions.tsv`` of the run. A table of series without them is another cohort's.

    Returns
    -------
    str
        ``same pixels``; ``same SeriesInstanceUID``, if no other patient of the cohort has it; ``same id``, where the
        content cannot be compared; ``other images of a known id``; ``new``; or ``not checked``, where the content
        cannot be compared and the id is new.
    list of str
        Ids of the same patient in the cohort.
    """
    patient_id = str(patient["patient_id"].iloc[0])
    mine = patient[patient["status"].isin(USABLE) & patient["modality"].isin(MODALITIES)]
    if mine.empty or cohort is None or not scored or not set(scored) <= set(cohort["patient_id"]):
        return (SAME_ID, [patient_id]) if patient_id in scored else (UNCHECKED, [])
    images = cohort[cohort["modality"].isin(MODALITIES)]
    same = images.loc[images["content"].isin(mine["content"].dropna()), "patient_id"]
    if len(same):
        return PIXELS, sorted(same.unique())
    owners = images.groupby("series_uid")["patient_id"].agg(["nunique", "first"])
    owners = owners[owners["nunique"].eq(1) & owners.index.isin(mine["series_uid"].dropna())]
    if len(owners):
        return SERIES_UID, sorted(owners["first"].unique())
    return OTHER_IMAGES if patient_id in set(cohort["patient_id"]) else NEW, []


def parts_by_fold(predictions: pd.DataFrame, patient_ids: Collection[str]) -> dict[int, str]:
    """
    Return the part that a patient has in each fold of a run; of several, the first of `FIRST_COUNTS`.

    Parameters
    ----------
    predictions : DataFrame
        As in the schema ``predictions``, with the rows of slices.
    patient_ids : collection of str
        The patient's ids.
    """
    rows = predictions[predictions["patient_id"].isin(list(patient_ids))]
    parts = rows.groupby("fold")["part"].unique().to_dict()
    return {int(str(fold)): next(part for part in FIRST_COUNTS if part in there) for fold, there in parts.items()}


def out_of_fold(predictions: pd.DataFrame, phase: str) -> pd.DataFrame:
    """
    Choose the rows of patients whom the fold's model tested and had not seen, not even in some of their slices.

    Parameters
    ----------
    predictions : DataFrame
        As in the schema ``predictions``.
    phase : str
        State of the training.
    """
    keys = pd.MultiIndex.from_frame(predictions[["fold", "patient_id"]])
    met = keys.isin(keys[predictions["part"].ne("test").to_numpy()])
    return predictions[~met & predictions["slice_index"].isna() & predictions["phase"].eq(phase)]


def placement(tested: pd.DataFrame, folds: Sequence[Fold], patient_ids: Collection[str]) -> dict[str, Any] | None:
    """
    Compare the answer for a patient with the patients whom the same models tested.

    Each model's log odds are compared with those of the patients that this model tested, because the level of another
    model must not decide. Whether a label is plausible is label-conditional conformal prediction, summed over the
    folds (cross-conformal; Vovk 2015, doi:10.1007/s10472-013-9368-4): p of a label is the share of its patients, with
    this one, who lie as far on the other label's side.

    Parameters
    ----------
    tested : DataFrame
        From `out_of_fold`.
    folds : sequence of dict
        ``fold``, ``probability`` and ``log_odds`` of each model that has not seen the patient.
    patient_ids : collection of str
        The patient's ids in the cohort: it is not compared with itself.

    Returns
    -------
    dict or None
        ``labels``: for labels 0 and 1 the number of patients, and how many have a lower and a higher answer;
        ``plausible``: the labels whose p is above 0.05; ``median``: of the tested patients' probabilities;
        ``models_above`` and ``models_below``: models on each side of it. None if the models tested nobody.
    """
    mine = {fold["fold"]: fold["log_odds"] for fold in folds}
    others = tested[tested["fold"].isin(list(mine)) & ~tested["patient_id"].isin(list(patient_ids))]
    if others.empty:
        return None
    difference = others["log_odds"] - others["fold"].map(mine).astype(float)
    labels = []
    for label in (0, 1):
        of_label = difference[others["label"] == label]
        counts = {"n": len(of_label), "lower": int((of_label < 0).sum()), "higher": int((of_label > 0).sum())}
        labels.append({"label": label} | counts)
    median = float(others["probability"].median())
    answers = np.array([fold["probability"] for fold in folds])
    return {
        "labels": labels,
        "plausible": [label["label"] for label in labels if conformal_p(label) > IMPLAUSIBLE],
        "median": median,
        "models_above": int((answers > median).sum()),
        "models_below": int((answers < median).sum()),
    }


def why_not_placed(folds: Sequence[Fold]) -> str:
    """Say why an answer is not compared with those of tested patients; without a full stop."""
    if not any(fold["part"] in UNSEEN for fold in folds):
        return "All of these models have seen this patient"
    return "The models that have not seen this patient tested no other patient out of fold"


def conformal_p(label: Mapping[str, int]) -> float:
    """Return the p of a label in `placement`: label 0 is unlikely if few of its patients are as high, 1 if as low."""
    beyond = label["n"] - (label["lower"] if label["label"] == 0 else label["higher"])
    return (beyond + 1) / (label["n"] + 1)


def verdict(score: Mapping[str, Any] | None, placed: Mapping[str, Any] | None) -> str:
    """
    Say what an answer can tell.

    Parameters
    ----------
    score : dict or None
        ``auc_low`` and ``auc_high`` of the cell, None where there is no interval.
    placed : dict or None
        From `placement`.

    Returns
    -------
    str
        ``no information shown``: the interval of the AUC includes 0.5; ``in the middle``: see `why_in_the_middle`;
        ``both labels possible``; ``unusual for one label``; or ``not known``, where nothing can be compared.
    """
    if score and includes_chance(score):
        return NO_INFORMATION
    if placed is None:
        return UNKNOWN
    if any(why_in_the_middle(placed).values()):
        return MIDDLE
    return BOTH_POSSIBLE if len(placed["plausible"]) == 2 else UNUSUAL


def why_in_the_middle(placed: Mapping[str, Any]) -> dict[str, bool]:
    """
    Say which reasons hold for not telling an answer from the middle.

    Returns
    -------
    dict of str to bool
        ``sides``: models lie on both sides of the median. ``half``: both labels are plausible, and the answer is in the
        middle half of all tested patients. ``between``: no label is plausible, so the answer is between the labels.
    """
    low, high = MIDDLE_HALF
    return {
        "sides": bool(placed["models_above"] and placed["models_below"]),
        "half": len(placed["plausible"]) == 2 and low <= share_below(placed) <= high,
        "between": not placed["plausible"],
    }


def share_below(placed: Mapping[str, Any]) -> float:
    """Return the share of all tested patients with a lower answer; ties count half."""
    lower, higher, n = (sum(label[name] for label in placed["labels"]) for name in ("lower", "higher", "n"))
    return float((lower + (n - lower - higher) / 2) / n)


def includes_chance(score: Mapping[str, Any]) -> bool:
    """Whether the interval of an AUC is known and includes 0.5."""
    low, high = score["auc_low"], score["auc_high"]
    return bool(pd.notna(low) and pd.notna(high) and low <= 0.5 <= high)
