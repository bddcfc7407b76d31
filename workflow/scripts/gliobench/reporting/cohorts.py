"""What the audit of a cohort saw: a summary by modality, and the series that are not used."""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from gliobench.files import check_table

SERIES = ("FLAIR", "T1w", "T1wCE", "T2w", "segmentation")
MEASURES = {"slices": "n_slices", "spacing": "spacing", "slice_spacing": "slice_spacing"}


def cohort_summary(cohort: str, patients: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    """
    Summarise a cohort: a row a modality, and one for the segmentation where there is one.

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
    names = patients.groupby("label")["label_name"].first()
    head = {
        "cohort": cohort,
        "patients": len(patients),
        "positive": int((patients["label"] == 1).sum()),
        "label_names": " / ".join(names.sort_index()),
        "oracle_auc": _oracle_auc(patients),
    }
    rows = [
        {**head, "modality": modality, **_facts(series[series["modality"] == modality])}
        for modality in SERIES
        if modality in set(series["modality"])
    ]
    return check_table(pd.DataFrame(rows), "cohorts", f"the summary of {cohort}")


def _oracle_auc(patients: pd.DataFrame) -> float:
    """AUC that the probabilities behind the labels reach on these very patients, where they are known."""
    if patients["oracle_probability"].isna().any() or patients["label"].nunique() < 2:
        return float("nan")
    return round(
        float(roc_auc_score(patients["label"].to_numpy(int), patients["oracle_probability"].to_numpy(float))), 6
    )


def _facts(series: pd.DataFrame) -> dict[str, object]:
    status = series["status"].value_counts()
    read = series[series["n_slices"].notna()]
    facts: dict[str, object] = {f"series_{name}": int(status.get(name, 0)) for name in ("ok", "excluded", "failed")}
    for name, column in MEASURES.items():
        values = read[column].astype(float)
        for statistic in ("median", "min", "max"):
            facts[f"{name}_{statistic}"] = round(values.agg(statistic), 3) if len(values) else np.nan
    matrix = read["rows"].astype("Int64").astype("str") + " x " + read["columns"].astype("Int64").astype("str")
    return facts | {"planes": _counts(read["plane"]), "matrix": next(iter(matrix.mode()), None)}


def _counts(values: pd.Series) -> str | None:
    counts = values.dropna().value_counts().sort_index()
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or None


def exclusions(cohort: str, series: pd.DataFrame) -> pd.DataFrame:
    """List the series of a cohort that are not used, with the reason: table ``exclusions``."""
    unused = series.loc[series["status"] != "ok", ["patient_id", "modality", "status", "reason"]]
    table = unused.sort_values(["patient_id", "modality"]).assign(cohort=cohort)
    return check_table(table.reset_index(drop=True), "exclusions", f"the exclusions of {cohort}")
