"""Copies of a cohort with labels that can be seen in its images: what a network that sees anything must find."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gliobench.cohorts.features import read_category, read_number
from gliobench.cohorts.spike import spike_labels
from gliobench.errors import GlioBenchError
from gliobench.terms import SEGMENTATION

FEWEST = 2  # patients of each label


def label_quantity(
    label: Mapping[str, Any], regions: pd.DataFrame, features: Mapping[str, Sequence[Mapping[str, Any]]]
) -> pd.Series:
    """
    Return what a visible label is made from.

    Parameters
    ----------
    label : mapping
        As `gliobench.settings.cohorts.Visible` has it.
    regions : DataFrame
        As in the schema ``regions``; only used where the label is from the segmentation.
    features : mapping
        What is read of each group, as `gliobench.settings.asked.Asked.feature_sources` returns it.

    Returns
    -------
    Series of float
        By patient_id, without those who lack it: a number, or 1 where a category has the wanted value and else 0.
    """
    if label["source"] == SEGMENTATION:
        texture = label.get("texture")
        of_series = regions["modality"].isna() if texture is None else regions["modality"] == texture
        return regions[of_series & (regions["region"] == label["region"])].set_index("patient_id")["value"]
    group, column = features[label["source"]], label["column"]
    if "equals" in label:
        return read_category(label["source"], group, column, label["equals"]).dropna()
    return read_number(label["source"], group, column).dropna()


def visible_labels(
    patients: pd.DataFrame, quantity: pd.Series, label: Mapping[str, Any], name: str, seed: int
) -> pd.DataFrame:
    """
    Label the patients by what their images show; everything but the labels stays.

    The median is that of all patients of the copy, tested ones too: it defines what the label means, as 50 years would,
    and tells nothing about a patient whose image is not seen. With an oracle AUC labels are drawn
    (`gliobench.cohorts.spike.spike_labels`), as many of each as the median would give.

    Parameters
    ----------
    patients : DataFrame
        As in the schema ``patients``.
    quantity : Series of float
        From `label_quantity`.
    label : mapping
        As for `label_quantity`.
    name : str
        What the label is called, for the message.
    seed : int
        Base seed of the copy, for labels that are drawn.

    Returns
    -------
    DataFrame
        The patients with the quantity, with new label and label_name; oracle_probability is that of drawn labels, and
        else missing. Each scan has a label of its own, because each is an image of its own; scans of one patient share
        a drawn one.

    Raises
    ------
    GlioBenchError
        Fewer than two patients would have one of the labels.
    """
    there = patients[patients["patient_id"].isin(quantity.index)]
    values = quantity.loc[there["patient_id"]]
    by_category = "equals" in label
    made = (values > (0.5 if by_category else values.median())).astype(int).to_numpy()
    counts = [int((made == value).sum()) for value in (0, 1)]
    if min(counts) < FEWEST:
        raise GlioBenchError(
            f"the visible label {name}: of {len(there)} patients with the quantity {counts[1]} have label 1 and "
            f"{counts[0]} label 0, but each needs {FEWEST}: choose another quantity."
        )
    names = _names(label)
    labelled = there.assign(label=made, label_name=[names[value] for value in made], oracle_probability=float("nan"))
    return spike_labels(labelled, values, label["oracle_auc"], seed) if "oracle_auc" in label else labelled


def _names(label: Mapping[str, Any]) -> tuple[str, str]:
    """Return what label 0 and label 1 are called."""
    if "equals" in label:
        return "other", label["equals"]
    return ("drawn low", "drawn high") if "oracle_auc" in label else ("median or below", "above median")
