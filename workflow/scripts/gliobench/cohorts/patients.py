"""What every cohort's list of patients must meet, whatever its layout."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.files import table_schema

SHOWN = 5


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
        It is not there or no table: another encoding, ragged rows, or a quote that swallows cells.
    """
    columns = "tabs" if separator == "\t" else "commas"
    try:
        rows = pd.read_csv(path, sep=separator, dtype="str", keep_default_na=False, encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: pandas' own, and another encoding
        raise GlioBenchError(
            f"{path} cannot be read as a table ({error}): it must be text in UTF-8, its columns separated by {columns}."
        ) from error
    if not isinstance(rows.index, pd.RangeIndex):
        raise GlioBenchError(
            f"{path}: its first row has more cells than its header; separate columns by one of their {columns}."
        )
    null = np.flatnonzero(rows.map(lambda cell: "\0" in cell).any(axis=1))
    if len(null):
        raise GlioBenchError(
            f"{path}: a cell of line {null[0] + 2} holds a NUL byte: the file is damaged, or no text in UTF-8; "
            "save it anew."
        )
    swallowed = np.flatnonzero(rows.map(lambda cell: bool(set("\t\n\r") & set(cell))).any(axis=1))
    if len(swallowed):
        raise GlioBenchError(
            f"{path}: a cell of line {swallowed[0] + 2} holds a tab or a line's end, so that a quotation mark "
            "has swallowed what follows it; remove the mark."
        )
    return rows


def check_excluded(patients: pd.DataFrame, exclude: dict[str, dict[str, str]]) -> None:
    """Raise a sentence if the config excludes a patient whom the cohort does not have."""
    named = {patient_id for reasons in exclude.values() for patient_id in reasons}
    strangers = named - set(patients["patient_id"])
    if strangers:
        raise GlioBenchError(f"`exclude` in the config names {some(strangers)}, but the cohort has no such patient.")


def check_ids(patient_ids: pd.Series, path: Path) -> None:
    """Raise a sentence if an id of the table at `path` is no name of a folder."""
    pattern = table_schema("patients")["properties"]["patient_id"]["pattern"]
    unsafe = patient_ids[~patient_ids.str.fullmatch(pattern)]
    if len(unsafe):
        raise GlioBenchError(
            f"{path}: {unsafe.iloc[0]!r} cannot be a patient id: use letters, digits, - and _ only, 64 at most."
        )


def check_once(patient_ids: pd.Series, path: Path) -> None:
    """Raise a sentence if the table at `path` lists a patient twice."""
    twice = patient_ids[patient_ids.duplicated()].unique()
    if len(twice):
        raise GlioBenchError(f"{path} lists {some(twice)} more than once: keep one row a patient.")


def check_folders(patient_ids: pd.Series, folder: Path, table: Path) -> None:
    """
    Raise a sentence unless patients and folders belong together.

    Parameters
    ----------
    patient_ids : Series of str
        Patients whom `table` labels.
    folder : Path
        Where one folder a patient is expected.
    table : Path
        The table of labels.
    """
    if not folder.is_dir():
        raise GlioBenchError(
            f"{folder} does not exist: expected is one folder a patient there, as {table.name} lists them."
        )
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
    Read what is known of patients beside their labels.

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
        The file is not there or no table, lacks a column, or lists a patient twice.
    """
    columns = ["patient_id", "site", "oracle_probability"]
    if path is None:
        return pd.DataFrame(columns=columns, dtype="str")
    if not Path(path).is_file():
        raise GlioBenchError(f"{path} does not exist: `sites` in the config must name a TSV with patient_id and site.")
    table = read_rows(Path(path))
    if not {"patient_id", "site"} <= set(table.columns):
        raise GlioBenchError(f"{path} has the columns {list(table.columns)}; expected are patient_id and site.")
    check_ids(table["patient_id"], Path(path))
    check_once(table["patient_id"], Path(path))
    return table.reindex(columns=columns, fill_value="").replace("", None)
