"""Which patients of a cohort are the same in two studies: by id, label and images."""

import pandas as pd

from gliobench.terms import USABLE

SAME = "the same"
OTHER_LABEL, OTHER_IMAGES = "other label", "other images"
ONLY_FIRST, ONLY_SECOND = "only in the first", "only in the second"
IDENTIFYING = ("content", "series_uid")  # columns of the table ``series``

Two = tuple[pd.DataFrame, pd.DataFrame]


def match_patients(patients: Two, series: Two) -> pd.DataFrame:
    """
    Match the patients of one cohort in two studies.

    Generated cohorts have the same ids under every seed, and other patients. So an id is not enough: if both studies
    have usable images of a patient, one of them must be the same, by content or by SeriesInstanceUID.

    Parameters
    ----------
    patients, series : (first, second)
        Tables ``patients`` and ``series`` of the cohort in each study.

    Returns
    -------
    pandas.DataFrame
        One row per id of either study, sorted: patient_id, first_label, second_label (missing where it has none), and
        match, one of the names in this module.
    """
    columns = ["patient_id", "label"]
    first, second = (table[columns] for table in patients)
    both = first.merge(second, on="patient_id", how="outer", suffixes=("_first", "_second"))
    both = both.rename(columns={"label_first": "first_label", "label_second": "second_label"})
    ours, theirs = (_images(table) for table in series)
    both["match"] = [
        _match(row["first_label"], row["second_label"], ours.get(row["patient_id"]), theirs.get(row["patient_id"]))
        for row in both.to_dict("records")
    ]
    return both.sort_values("patient_id", ignore_index=True)


def _match(first: int, second: int, ours: set[str] | None, theirs: set[str] | None) -> str:
    if pd.isna(second):
        return ONLY_FIRST
    if pd.isna(first):
        return ONLY_SECOND
    if ours and theirs and not ours & theirs:
        return OTHER_IMAGES
    return SAME if first == second else OTHER_LABEL


def _images(series: pd.DataFrame) -> dict[str, set[str]]:
    """Return, by patient, what identifies the usable images."""
    usable = series[series["status"].isin(USABLE)]
    known: dict[str, set[str]] = {}
    for column in IDENTIFYING:
        for patient, digest in usable[["patient_id", column]].dropna().itertuples(index=False):
            known.setdefault(patient, set()).add(digest)
    return known


def changed_series(matches: pd.DataFrame, series: Two) -> pd.DataFrame:
    """
    Return patient_id and modality of the series of the same patients whose content differs between two studies.

    Parameters
    ----------
    matches : pandas.DataFrame
        Of `match_patients`.
    series : (first, second)
        As for `match_patients`.
    """
    same = matches.loc[matches["match"] == SAME, "patient_id"]
    names = ["patient_id", "modality"]
    first, second = (table.loc[table["patient_id"].isin(same), [*names, "content"]].dropna() for table in series)
    both = first.merge(second, on=names)
    return both.loc[both["content_x"] != both["content_y"], names].reset_index(drop=True)
