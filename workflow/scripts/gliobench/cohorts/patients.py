"""Checks on every cohort's list of patients, whatever its layout."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.files import table_schema

SHOWN = 5


def whose(patients: pd.DataFrame) -> pd.Series:
    """Return the patient of each row of the table ``patients``: rows are scans where patients have several."""
    scan_of = patients["scan_of"] if "scan_of" in patients else pd.Series(None, index=patients.index, dtype="str")
    return scan_of.fillna(patients["patient_id"])


def some(patient_ids: Iterable[str]) -> str:
    """Name the first few patients, and how many more there are."""
    ids = sorted(patient_ids)
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return f"patient{'s' * (len(ids) > 1)} {', '.join(ids[:SHOWN])}{more}"


def read_rows(path: Path, separator: str = "\t") -> pd.DataFrame:
    """
    Read a table that a user wrote, every cell as text.

    Raises
    ------
    GlioBenchError
        It does not exist or is not a table: another encoding, ragged rows, or a quote that swallows cells.
    """
    columns = "tabs" if separator == "\t" else "commas"
    try:
        rows = pd.read_csv(path, sep=separator, dtype="str", keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: pandas' own, and another encoding
        raise GlioBenchError(
            f"{path} cannot be read as a table ({error}): it must be UTF-8 text with columns separated by {columns}."
        ) from error
    if not isinstance(rows.index, pd.RangeIndex):
        raise GlioBenchError(
            f"{path}: its first row has more cells than its header; separate columns with one of the {columns}."
        )
    null = np.flatnonzero(rows.map(lambda cell: "\0" in cell).any(axis=1))
    if len(null):
        raise GlioBenchError(
            f"{path}: a cell of line {null[0] + 2} holds a NUL byte: the file is damaged, or is not UTF-8 text; "
            "save it again."
        )
    swallowed = np.flatnonzero(rows.map(lambda cell: bool(set("\t\n\r") & set(cell))).any(axis=1))
    if len(swallowed):
        raise GlioBenchError(
            f"{path}: a cell of line {swallowed[0] + 2} holds a tab or a line break, so a quotation mark "
            "has swallowed the text after it; remove the mark."
        )
    return rows


def check_excluded(patients: pd.DataFrame, exclude: dict[str, dict[str, str]]) -> None:
    """Raise an error if the config excludes a patient that the cohort does not have."""
    named = {patient_id for reasons in exclude.values() for patient_id in reasons}
    strangers = named - set(patients["patient_id"])
    if strangers:
        raise GlioBenchError(f"`exclude` in the config names {some(strangers)}, but the cohort has no such patient.")


def check_ids(patient_ids: pd.Series, path: Path) -> None:
    """Raise an error if an id in the table at `path` cannot be a folder name."""
    pattern = table_schema("patients")["properties"]["patient_id"]["pattern"]
    unsafe = patient_ids[~patient_ids.str.fullmatch(pattern)]
    if len(unsafe):
        raise GlioBenchError(
            f"{path}: {unsafe.iloc[0]!r} cannot be a patient id: use only letters, digits, - and _, at most 64."
        )


def check_once(patient_ids: pd.Series, path: Path) -> None:
    """Raise an error if the table at `path` lists a patient twice."""
    twice = patient_ids[patient_ids.duplicated()].unique()
    if len(twice):
        raise GlioBenchError(f"{path} lists {some(twice)} more than once: keep one row per patient.")


def check_folders(patient_ids: pd.Series, folder: Path, table: Path) -> None:
    """
    Raise an error unless patients and folders match.

    Parameters
    ----------
    patient_ids : Series of str
        Patients whom `table` labels.
    folder : Path
        Folder expected to hold one folder per patient.
    table : Path
        The table of labels.
    """
    if not folder.is_dir():
        raise GlioBenchError(f"{folder} does not exist: it must hold one folder per patient listed in {table.name}.")
    there = {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    labelled = set(patient_ids)
    if labelled - there:
        raise GlioBenchError(
            f"{table} labels {some(labelled - there)} but {folder} has no such folder: "
            "complete the download or remove those rows."
        )
    if there - labelled:
        raise GlioBenchError(
            f"{folder} holds {some(there - labelled)} without a label in {table}: "
            "add the label or move the folder away."
        )


def read_sites(path: str | Path | None) -> pd.DataFrame:
    """
    Read what is known of patients in addition to their labels.

    Parameters
    ----------
    path : path, optional
        TSV with patient_id and site, and for generated cohorts oracle_probability.

    Returns
    -------
    DataFrame
        patient_id, site, oracle_probability; empty without a path.

    Raises
    ------
    GlioBenchError
        The file does not exist or is not a table, lacks a column, or lists a patient twice.
    """
    columns = ["patient_id", "site", "oracle_probability"]
    if path is None:
        return pd.DataFrame(columns=columns, dtype="str")
    if not Path(path).is_file():
        raise GlioBenchError(f"{path} does not exist: `sites` in the config must name a TSV with patient_id and site.")
    table = read_rows(Path(path))
    if not {"patient_id", "site"} <= set(table.columns):
        raise GlioBenchError(f"{path} has the columns {list(table.columns)}; expected: patient_id and site.")
    check_ids(table["patient_id"], Path(path))
    check_once(table["patient_id"], Path(path))
    return table.reindex(columns=columns, fill_value="").replace("", None)
