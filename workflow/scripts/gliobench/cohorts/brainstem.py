"""The brainstem layout: ``<id>/<series>.nii.gz`` and ``patients.tsv`` with three grades of infiltration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.cohorts.names import GRADE_LABELS, GRADES, TABLE, nifti_file
from gliobench.cohorts.patients import check_folders, check_ids, check_once, known_sites, read_rows, read_sites
from gliobench.errors import GlioBenchError
from gliobench.terms import MODALITIES

LABEL_NAMES = {0: "none or microscopic", 1: "extensive"}


def read_patients(
    folder: str | Path, sites: str | Path | None = None, settings: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """
    Read the patients of a brainstem cohort; extensive infiltration is label 1, none and microscopic are label 0.

    Parameters
    ----------
    folder : path
        Holds ``patients.tsv`` (patient_id; grade: none, microscopic or extensive; and site, if known) and one folder
        per patient.
    sites : path, optional
        TSV of a generated cohort with patient_id, site and oracle_probability; its sites are not read.
    settings : mapping, optional
        Of the cohort: without ``modalities`` no folder of a patient is looked for.

    Returns
    -------
    DataFrame
        As in the schema ``patients``, sorted by patient_id.

    Raises
    ------
    GlioBenchError
        The data do not exist, a grade is unknown, or the table and the folders do not match.
    """
    folder = Path(folder)
    table = _read_table(folder / TABLE)
    if (settings or {}).get("modalities", MODALITIES):
        check_folders(table["patient_id"], folder, folder / TABLE)
    label = table["grade"].map(GRADE_LABELS)
    patients = table.assign(label=label, label_name=label.map(LABEL_NAMES)).drop(columns="grade")
    known = read_sites(sites).drop(columns="site")
    return patients.merge(known, on="patient_id", how="left").sort_values("patient_id", ignore_index=True)


def locate(folder: str | Path, patient_id: str, name: str) -> Path:
    """
    Find one series of a patient: ``<folder>/<patient_id>/<name>.nii.gz`` or ``.nii``.

    Parameters
    ----------
    folder : path
        The cohort's folder.
    patient_id : str
        The patient.
    name : str
        A modality, or "segmentation": the mask of the brainstem, 0 outside.

    Raises
    ------
    SeriesError
        The patient has no such series, or it is there twice.
    """
    home = Path(folder) / patient_id
    return nifti_file(home, name, patient_id, name)


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise GlioBenchError(
            f"{path} does not exist: put the cohort there ({TABLE} with patient_id and grade, and "
            "<id>/<series>.nii.gz for each of FLAIR, T1w, T1wCE, T2w and segmentation), "
            "or try the generated cohorts first with `make demo`."
        )
    table = read_rows(path)
    columns = ["patient_id", "grade", "site"]
    if not set(columns[:2]) <= set(table.columns) <= set(columns):
        raise GlioBenchError(
            f"{path} has the columns {list(table.columns)}; expected: patient_id, grade, and site if known."
        )
    check_ids(table["patient_id"], path)
    check_once(table["patient_id"], path)
    bad = table[~table["grade"].isin(GRADES)]
    if len(bad):
        row = bad.iloc[0]
        raise GlioBenchError(
            f"{path}: patient {row['patient_id']} has the grade {row['grade']!r}; "
            f"grade must be {', '.join(GRADES[:-1])} or {GRADES[-1]}: correct or remove that row."
        )
    return known_sites(table.reindex(columns=columns))
