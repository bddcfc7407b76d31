"""UCSF-PDGM as downloaded from The Cancer Imaging Archive: one scan a patient, before surgery."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.cohorts.names import nifti_file
from gliobench.cohorts.patients import check_values, read_collection, with_sites
from gliobench.cohorts.selection import Selection, brats_id, keep_labelled
from gliobench.errors import GlioBenchError

STATUS, INDEX, GRADE, BIOPSY, BRATS = (
    "MGMT status", "MGMT index", "WHO CNS Grade", "Biopsy prior to imaging", "BraTS21 ID",
)  # fmt: skip
STATUSES = ("positive", "negative", "indeterminate", "")
START = "UCSF-PDGM-"  # of ids; tables have three digits after it, folders four
DIGITS = 4
NAMES = {"FLAIR": "FLAIR", "T1w": "T1", "T1wCE": "T1c", "T2w": "T2", "segmentation": "tumor_segmentation"}


def read_patients(folder: str | Path, sites: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> pd.DataFrame:
    """
    Read the patients of UCSF-PDGM.

    Parameters
    ----------
    folder : path
        The collection's folder.
    sites : mapping, optional
        As `gliobench.cohorts.patients.read_sites` takes it.
    settings : mapping
        Of the cohort, as `gliobench.settings.cohorts.UcsfPdgm` has them.

    Returns
    -------
    DataFrame
        As in the schema ``patients``, with ``step`` and ``reason`` of those left out, and ``brats_id``, the id in
        BraTS 2021, if any. patient_id is that of the tables.

    Raises
    ------
    GlioBenchError
        The table does not exist, or has other columns or values.
    """
    path = Path(folder) / settings["labels"]
    rows = read_collection(path, ["ID", STATUS, INDEX, "IDH", GRADE, BIOPSY, BRATS])
    check_values(rows, STATUS, STATUSES, path)
    check_values(rows, BIOPSY, ("Yes", "No"), path)
    idh = rows["IDH"].map(lambda text: text if text == "wildtype" else "mutated" if text else "unknown")
    in_brats = rows[BRATS].map(lambda text: brats_id(text) if text else None)
    label, unlabelled = _mgmt(rows, settings["mgmt"], path)
    chosen = Selection(rows.assign(patient_id=rows["ID"], label=label, idh=idh, brats_id=in_brats))
    keep_labelled(chosen, settings, unlabelled)
    grades = [str(grade) for grade in settings["grades"]]
    chosen.keep(
        rows[GRADE].isin(grades), f"grade {' or '.join(grades)}", "grade is " + rows[GRADE].replace("", "unknown")
    )
    if not settings["biopsied"]:
        chosen.keep(rows[BIOPSY] == "No", "not biopsied before imaging", "biopsied before imaging")
    if not settings["in_brats"]:
        chosen.keep(in_brats.isna(), "not in BraTS 2021", "in BraTS 2021 as " + in_brats.fillna(""))
    return with_sites(chosen.result(), sites)


def _mgmt(rows: pd.DataFrame, rule: str, path: Path) -> tuple[pd.Series, pd.Series]:
    """Return the label of each row by a rule, missing where it gives none, and why it would be missing."""
    if rule == "status":
        return rows[STATUS].map({"positive": 1, "negative": 0}), "MGMT status is " + rows[STATUS].replace("", "empty")
    index = pd.to_numeric(rows[INDEX].replace("", None), errors="coerce")
    bad = rows[index.isna() & (rows[INDEX] != "")]
    if len(bad):
        raise GlioBenchError(
            f"{path}: {INDEX} of {bad['ID'].iloc[0]} is {bad[INDEX].iloc[0]!r}, not a number: correct it."
        )
    least = {"index 1": 1, "index 2": 2, "without index 1": 2}[rule]
    label = (index >= least).astype(float).where(index.notna())
    if rule == "without index 1":
        label = label.where(index != 1)
    return label, "MGMT index is " + rows[INDEX].replace("", "empty")


def locate(folder: str | Path, patient_id: str, name: str) -> Path:
    """
    Find one series of a patient: ``<id>_nifti/<id>_<series>.nii.gz``, where the id has four digits.

    Parameters
    ----------
    folder : path
        The collection's folder.
    patient_id : str
        As in the tables, with three digits.
    name : str
        A modality, or "segmentation".

    Raises
    ------
    SeriesError
        The patient has no such series, or it is there twice.
    """
    scan = f"{START}{patient_id.removeprefix(START).zfill(DIGITS)}"
    home, stem = Path(folder) / f"{scan}_nifti", f"{scan}_{NAMES[name]}"
    return nifti_file(home, stem, patient_id, name)
