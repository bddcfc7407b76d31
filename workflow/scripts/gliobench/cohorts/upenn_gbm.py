"""UPENN-GBM as downloaded from The Cancer Imaging Archive: one scan a patient, before surgery."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.cohorts.names import NIFTI, nifti_file
from gliobench.cohorts.patients import check_values, read_collection, with_sites
from gliobench.cohorts.selection import Selection, keep_labelled

BEFORE_SURGERY = "_11"  # end of a scan's id, one a patient; _21 is a later one
IDH = {"Wildtype": "wildtype", "Mutated": "mutated", "NOS/NEC": "unknown"}
MGMT = ("Methylated", "Unmethylated", "Indeterminate", "Not Available")
IMAGES = "images_structural"
NAMES = {"FLAIR": "FLAIR", "T1w": "T1", "T1wCE": "T1GD", "T2w": "T2"}
CORRECTED, AUTOMATIC = ("images_segm", "segm"), ("automated_segm", "automated_approx_segm")  # folder, end of the name


def read_patients(folder: str | Path, sites: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> pd.DataFrame:
    """
    Read the patients of UPENN-GBM.

    Parameters
    ----------
    folder : path
        The collection's folder.
    sites : mapping, optional
        As `gliobench.cohorts.patients.read_sites` takes it.
    settings : mapping
        Of the cohort, as `gliobench.settings.cohorts.UpennGbm` has them.

    Returns
    -------
    DataFrame
        As in the schema ``patients``, with ``step`` and ``reason`` of those left out. patient_id is the scan's id.

    Raises
    ------
    GlioBenchError
        The table does not exist, or has other columns or values.
    """
    path = Path(folder) / settings["labels"]
    rows = read_collection(path, ["ID", "MGMT", "IDH1"])
    check_values(rows, "IDH1", list(IDH), path)
    check_values(rows, "MGMT", MGMT, path)
    label = dict.fromkeys(settings["unmethylated"], 0) | dict.fromkeys(settings["methylated"], 1)
    chosen = Selection(
        rows.assign(patient_id=rows["ID"], label=rows["MGMT"].map(label), idh=rows["IDH1"].map(IDH), brats_id=None)
    )
    chosen.keep(rows["ID"].str.endswith(BEFORE_SURGERY), "before surgery", "the scan is from after surgery")
    keep_labelled(chosen, settings, "MGMT is " + rows["MGMT"])
    return with_sites(chosen.result(), sites)


def locate(folder: str | Path, patient_id: str, name: str) -> Path:
    """
    Find one series of a patient.

    Parameters
    ----------
    folder : path
        The collection's folder.
    patient_id : str
        The scan's id.
    name : str
        A modality; or "segmentation": the corrected one, where there is one, or else the automatic one.

    Raises
    ------
    SeriesError
        The patient has no such series, or it is there twice.
    """
    if name == "segmentation":
        corrected = any((Path(folder) / CORRECTED[0] / f"{patient_id}_{CORRECTED[1]}{end}").exists() for end in NIFTI)
        place, end = CORRECTED if corrected else AUTOMATIC
        home, stem = Path(folder) / place, f"{patient_id}_{end}"
    else:
        home, stem = Path(folder) / IMAGES / patient_id, f"{patient_id}_{NAMES[name]}"
    return nifti_file(home, stem, patient_id, name)
