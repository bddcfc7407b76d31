"""The RSNA-MICCAI 2021 layout: ``train/<id>/<modality>/*.dcm`` and ``train_labels.csv``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.cohorts.names import LABEL_TABLES, lesion_file, segmentation_file
from gliobench.cohorts.patients import check_folders, check_ids, check_once, read_rows, read_sites
from gliobench.errors import GlioBenchError
from gliobench.imaging.facts import SeriesError
from gliobench.terms import MODALITIES

LABEL_TABLE = LABEL_TABLES["rsna"]
LABEL_NAMES = {0: "unmethylated", 1: "methylated"}


def read_patients(
    folder: str | Path,
    sites: str | Path | Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """
    Read the patients of a cohort in the competition's layout.

    Parameters
    ----------
    folder : path
        Holds ``train/`` and ``train_labels.csv`` (columns BraTS21ID, MGMT_value).
    sites : path or mapping, optional
        As `gliobench.cohorts.patients.read_sites` takes it.
    settings : mapping, optional
        Of the cohort: without ``modalities`` no folder of a patient is looked for.

    Returns
    -------
    DataFrame
        As in the schema ``patients``, sorted by patient_id.

    Raises
    ------
    GlioBenchError
        The data do not exist, or labels and folders do not match.
    """
    folder = Path(folder)
    labels = _read_labels(folder)
    if (settings or {}).get("modalities", MODALITIES):
        check_folders(labels["patient_id"], folder / "train", folder / LABEL_TABLE)
    patients = labels.assign(label_name=labels["label"].map(LABEL_NAMES))
    known = read_sites(sites)
    known["patient_id"] = _padded(known["patient_id"])
    check_once(
        known["patient_id"], Path(sites["table"] if isinstance(sites, Mapping) else sites or "")
    )  # 7 and 00007 are one patient
    if len(known) and not set(known["patient_id"]) & set(patients["patient_id"]):
        raise GlioBenchError(f"{sites} names no patient of {folder}: its patient_id must match the folder names.")
    return patients.merge(known, on="patient_id", how="left").sort_values("patient_id", ignore_index=True)


def locate(folder: str | Path, patient_id: str, name: str) -> Path:
    """
    Find one series of a patient below the cohort's folder, as ``train/<patient_id>/<modality>/``.

    The name "lesion" is the mask of the whole lesion, ``lesions/<patient_id>.nii.gz``, which generated cohorts have;
    "segmentation" that of its regions, ``segmentations/<patient_id>.nii.gz``, which they may have.

    Raises
    ------
    SeriesError
        The patient has no such series.
    """
    masks = {"lesion": lesion_file, "segmentation": segmentation_file}
    if name in masks:
        mask = masks[name](folder, patient_id)
        if not mask.is_file():
            raise SeriesError(f"patient {patient_id} has no {name} mask: there is no file {mask}.")
        return mask
    path = Path(folder) / "train" / patient_id / name
    if not path.is_dir():
        raise SeriesError(f"patient {patient_id} has no {name} series: there is no folder {path}.")
    return path


def _read_labels(folder: Path) -> pd.DataFrame:
    path = folder / LABEL_TABLE
    if not path.is_file():
        raise GlioBenchError(
            f"{path} does not exist: put the RSNA-MICCAI 2021 data there ({LABEL_TABLE} and "
            "train/<id>/<modality>/*.dcm; "
            "Kaggle competition rsna-miccai-brain-tumor-radiogenomic-classification, which needs an account; "
            "`snakemake download` fetches them with your Kaggle credentials), "
            "or try the generated cohorts first with `make demo`."
        )
    table = read_rows(path, ",")
    if list(table.columns) != ["BraTS21ID", "MGMT_value"]:
        raise GlioBenchError(f"{path} has the columns {list(table.columns)}; expected: BraTS21ID and MGMT_value.")
    bad = table[~table["MGMT_value"].isin(["0", "1"])]
    if len(bad):
        row = bad.iloc[0]
        raise GlioBenchError(
            f"{path}: patient {row['BraTS21ID']} has the label {row['MGMT_value']!r}; "
            "MGMT_value must be 0 (unmethylated) or 1 (methylated): correct or remove that row."
        )
    check_ids(table["BraTS21ID"], path)
    patient_ids = _padded(table["BraTS21ID"])
    check_once(patient_ids, path)
    return pd.DataFrame({"patient_id": patient_ids, "label": table["MGMT_value"].astype(int)})


def _padded(patient_ids: pd.Series) -> pd.Series:
    """Return ids as in the folder names: tables often lose leading zeros, and the crosswalk has BraTS's own ids."""
    return patient_ids.str.removeprefix("BraTS2021_").str.zfill(5)
