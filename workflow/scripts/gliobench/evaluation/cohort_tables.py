"""The audit of a cohort: a summary by modality, and the unused series."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from gliobench.files import check_table
from gliobench.terms import ALL_SERIES, OK, USABLE

MEASURES = {"slices": "n_slices", "spacing": "spacing", "slice_spacing": "slice_spacing"}


def cohort_summary(cohort: str, patients: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    """
    Summarise a cohort: one row per modality, and for the segmentation and each group of features if there are any.

    A cohort with none of them has one row, ``none``.

    Parameters
    ----------
    cohort : str
        Name of the cohort.
    patients, series : pandas.DataFrame
        Its tables ``patients`` and ``series``.

    Returns
    -------
    pandas.DataFrame
        Table ``cohorts``: counts; median, smallest and largest number of slices and spacings (mm) of the series that
        could be read (excluded ones included).
    """
    head = {
        "cohort": cohort,
        "patients": len(patients),
        "positive": int((patients["label"] == 1).sum()),
        "label_names": label_names(patients),
        "oracle_auc": _oracle_auc(patients),
        "sites": _sites(patients["site"]),
    }
    there = [name for name in dict.fromkeys([*ALL_SERIES, *series["modality"]]) if name in set(series["modality"])]
    rows = [{**head, "modality": name, **_facts(series[series["modality"] == name])} for name in there or ["none"]]
    return check_table(pd.DataFrame(rows), "cohorts", f"the summary of {cohort}")


def label_names(patients: pd.DataFrame) -> str:
    """Name the labels of a cohort, label 0 first."""
    return " / ".join(patients.groupby("label")["label_name"].first().sort_index())


def _oracle_auc(patients: pd.DataFrame) -> float:
    """AUC of the probabilities behind the labels on these patients, if known."""
    if patients["oracle_probability"].isna().any() or patients["label"].nunique() < 2:
        return float("nan")
    return round(
        float(roc_auc_score(patients["label"].to_numpy(int), patients["oracle_probability"].to_numpy(float))), 6
    )


def _sites(sites: pd.Series) -> str | None:
    """Count the patients of each site, the largest first, and those of unknown site; None if no site is known."""
    counts = sorted(sites.value_counts().items(), key=lambda each: (-each[1], str(each[0])))
    unknown = int(sites.isna().sum())
    words = [f"{site}: {count}" for site, count in counts] + [f"unknown: {unknown}"] * (unknown > 0)
    return ", ".join(words) if counts else None


def _facts(series: pd.DataFrame) -> dict[str, object]:
    status = series["status"].value_counts()
    read = series[series["n_slices"].notna()]
    facts: dict[str, object] = {
        f"series_{name.replace(' ', '_')}": int(status.get(name, 0)) for name in (*USABLE, "excluded", "failed")
    }
    for name, column in MEASURES.items():
        values = read[column].astype(float)
        for statistic in ("median", "min", "max"):
            facts[f"{name}_{statistic}"] = round(values.agg(statistic), 3) if len(values) else np.nan
    matrix = read["rows"].astype("Int64").astype("str") + " x " + read["columns"].astype("Int64").astype("str")
    return facts | {"planes": _counts(read["plane"]), "matrix": next(iter(matrix.mode()), None)}


def _counts(values: pd.Series) -> str | None:
    counts = values.dropna().value_counts().sort_index()
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or None


def exclusions(
    cohort: str,
    series: pd.DataFrame,
    indexes: Mapping[str, Sequence[pd.DataFrame]] | None = None,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
    left_out: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """
    List the patients of a collection who are not in the cohort, and the series that are not used, or not everywhere.

    Parameters
    ----------
    cohort : str
        Name of the cohort.
    series : DataFrame
        Its table ``series``.
    indexes : mapping of str to sequence of DataFrame, optional
        For each approach, or variant with its own input, the indexes of its inputs; rows with a reason have no input,
        or are remarks on one.
    fields : mapping of str to mapping, optional
        For each of them its field of view, as `gliobench.inputs.field.choose_field` returns it.
    left_out : DataFrame, optional
        As in the schema ``left_out``.

    Returns
    -------
    DataFrame
        Table ``exclusions``.
    """
    columns = ["patient_id", "modality", "status", "reason"]
    tables = [series.loc[series["status"] != OK, columns].assign(approach=None)]
    if left_out is not None:
        people = left_out[["patient_id", "reason"]].assign(modality=None, status="excluded", approach=None)
        tables.append(people[[*columns, "approach"]])
    for approach, of_inputs in (indexes or {}).items():
        for index in of_inputs:
            said = index[index["reason"].notna()]
            made = pd.MultiIndex.from_frame(index.loc[index["reason"].isna(), ["patient_id", "modality"]])
            partly = pd.MultiIndex.from_frame(said[["patient_id", "modality"]]).isin(made)
            status = np.where(partly, "no value", "not covered")
            tables.append(said.assign(approach=approach, status=status)[[*columns, "approach"]])
    for approach, field in (fields or {}).items():
        cut = pd.DataFrame(field["cut"], columns=["cohort", "patient_id", "modality", "reason"])
        cut = cut[cut["cohort"] == cohort].assign(approach=approach, status="cut")
        tables.append(cut[[*columns, "approach"]])
    table = pd.concat([each for each in tables if len(each)] or tables[:1], ignore_index=True).assign(cohort=cohort)
    table = table.sort_values(["patient_id", "modality"], kind="stable", ignore_index=True)
    return check_table(table, "exclusions", f"the exclusions of {cohort}")
