"""How the images of a patient differ from those of the cohort that a run was trained on."""

from typing import Any

import pandas as pd

from gliobench.terms import MODALITIES, USABLE

MEASURES = {  # columns of the table `series`, with their words and units
    "n_slices": ("number of slices", ""),
    "spacing": ("pixel spacing", " mm"),
    "slice_spacing": ("slice spacing", " mm"),
    "fov_rows": ("field of view along the rows", " mm"),
    "fov_columns": ("field of view along the columns", " mm"),
    "fov_slices": ("field of view across the slices", " mm"),
}
KINDS = {"plane": "plane", "manufacturer": "manufacturer"}
ROUNDED = 0.01  # headers are rounded: a smaller share outside the range is no difference


def unlike_cohort(patient: pd.DataFrame, cohort: pd.DataFrame | None) -> list[str]:
    """
    Say where the acquisition of a patient's images lies outside of the whole range of a cohort.

    Models are not to be trusted beyond the images that they were trained on; a patient inside every range may still be
    unlike the cohort.

    Parameters
    ----------
    patient, cohort : DataFrame
        As in the schema ``series``: of the patient, and of the cohort or None.

    Returns
    -------
    list of str
        One sentence per difference, of all series that have it; none if the cohort is not known.
    """
    if cohort is None:
        return []
    known = _usable(cohort)
    found: dict[str, list[str]] = {}
    for row in _usable(patient).to_dict("records"):
        those = known[known["modality"] == row["modality"]]
        for name in (*MEASURES, *KINDS):
            if difference := _difference(row[name], those[name].dropna(), name):
                found.setdefault(difference, []).append(row["modality"])
    return [f"{', '.join(modalities)}: {difference}" for difference, modalities in found.items()]


def _difference(value: Any, known: pd.Series, name: str) -> str | None:
    if pd.isna(value) or known.empty:
        return None
    if name in KINDS:
        kinds = sorted(known.unique())
        return None if value in kinds else f"the {KINDS[name]} is {value}; in the cohort it is {' or '.join(kinds)}."
    words, unit = MEASURES[name]
    low, high = float(known.min()), float(known.max())
    if low * (1 - ROUNDED) <= value <= high * (1 + ROUNDED):
        return None
    return f"the {words} is {value:.4g}{unit}; in the cohort {low:.4g} to {high:.4g}{unit}."


def _usable(series: pd.DataFrame) -> pd.DataFrame:
    return series[series["status"].isin(USABLE) & series["modality"].isin(MODALITIES)]
