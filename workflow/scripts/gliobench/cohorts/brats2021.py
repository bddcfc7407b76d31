"""BraTS 2021's segmentation task: skull-stripped NIfTI of the competition's patients, labelled by the competition."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.cohorts.names import nifti_file
from gliobench.cohorts.patients import check_values, read_collection, with_sites
from gliobench.cohorts.selection import LABEL_NAMES, Selection, brats_id

NAMES = {"FLAIR": "flair", "T1w": "t1", "T1wCE": "t1ce", "T2w": "t2", "segmentation": "seg"}


def read_patients(folder: str | Path, sites: Mapping[str, Any] | None, settings: Mapping[str, Any]) -> pd.DataFrame:
    """
    Read the patients of BraTS 2021.

    Parameters
    ----------
    folder : path
        Holds the table of labels, and one folder per patient if there are images.
    sites : mapping, optional
        As `gliobench.cohorts.patients.read_sites` takes it.
    settings : mapping
        Of the cohort, as `gliobench.settings.cohorts.Brats2021` has them.

    Returns
    -------
    DataFrame
        As in the schema ``patients``, with ``step`` and ``reason`` of folders without a label, and ``brats_id``.

    Raises
    ------
    GlioBenchError
        The table does not exist, or has other columns or values.
    """
    path = Path(folder) / settings["labels"]
    rows = read_collection(path, ["BraTS21ID", "MGMT_value"])
    check_values(rows, "MGMT_value", ("0", "1"), path)
    labels = pd.DataFrame({"patient_id": rows["BraTS21ID"].map(brats_id), "label": rows["MGMT_value"].astype(int)})
    pattern = f"{brats_id('')[:-5]}[0-9]*"
    there = pd.DataFrame({"patient_id": sorted(each.name for each in Path(folder).glob(pattern) if each.is_dir())})
    everybody = labels.merge(there, on="patient_id", how="outer") if settings["modalities"] else labels
    chosen = Selection(everybody.assign(brats_id=everybody["patient_id"]))
    chosen.rows["label_name"] = chosen.rows["label"].map(LABEL_NAMES["mgmt"])
    chosen.keep(chosen.rows["label"].notna(), "with a label", f"{path.name} has no label of this folder")
    return with_sites(chosen.result(), sites)


def locate(folder: str | Path, patient_id: str, name: str) -> Path:
    """
    Find one series of a patient: ``<id>/<id>_<series>.nii.gz``.

    Parameters
    ----------
    folder : path
        The folder of the patients' folders.
    patient_id : str
        As ``BraTS2021_00000``.
    name : str
        A modality, or "segmentation".

    Raises
    ------
    SeriesError
        The patient has no such series, or it is there twice.
    """
    home, stem = Path(folder) / patient_id, f"{patient_id}_{NAMES[name]}"
    return nifti_file(home, stem, patient_id, name)
