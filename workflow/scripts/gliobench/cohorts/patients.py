"""Checks on every cohort's list of patients, whatever its layout."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gliobench.errors import GlioBenchError, nearest
from gliobench.files import table_schema

SHOWN = 5
UNKNOWN_SITES = ("", "other", "unknown", "na", "n/a", "nan", "none")  # in a cell: no hospital


def some(patient_ids: Iterable[str]) -> str:
    """Name the first few patients, and how many more there are."""
    ids = sorted(patient_ids)
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return f"patient{'s' * (len(ids) > 1)} {', '.join(ids[:SHOWN])}{more}"


SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons"}


def read_rows(path: Path, separator: str = "\t") -> pd.DataFrame:
    """
    Read a table that a user wrote, every cell as text.

    Raises
    ------
    GlioBenchError
        It does not exist or is not a table: another encoding, ragged rows, or a quote that swallows cells.
    """
    columns = SEPARATORS[separator]
    try:
        rows = pd.read_csv(path, sep=separator, dtype="str", keep_default_na=False, encoding="utf-8")
    except FileNotFoundError:
        raise GlioBenchError(f"{path} does not exist; give the path of a table.") from None
    except (OSError, ValueError) as error:  # ValueError: pandas' own, and another encoding
        raise GlioBenchError(
            f"{path} cannot be read as a table ({error}): it must be UTF-8 text with columns separated by {columns}."
        ) from error
    if not isinstance(rows.index, pd.RangeIndex):
        raise GlioBenchError(
            f"{path}: its first row has more cells than its header; separate columns with one of the {columns}."
        )
    others = [name for mark, name in SEPARATORS.items() if mark != separator and mark in str(rows.columns[0])]
    if len(rows.columns) == 1 and others:
        raise GlioBenchError(f"{path}: its columns are separated by {others[0]}; separate them with {columns}.")
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


def read_collection(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """
    Read a table of a collection; the first of its needed `columns` holds ids, each once, and comes first.

    Raises
    ------
    GlioBenchError
        It does not exist or is not a table, lacks a column, or has a wrong or repeated id.
    """
    if not path.is_file():
        raise GlioBenchError(
            f"{path} does not exist: `path` in the config must name the folder of the collection as downloaded, and "
            "`labels` its table; docs/own-data.md says where to get it."
        )
    rows = read_rows(path, ",")
    missing = [name for name in columns if name not in rows]
    if missing:
        raise GlioBenchError(f"{path} lacks the columns {missing}; it has {list(rows.columns)}.")
    check_ids(rows[columns[0]], path)
    check_once(rows[columns[0]], path)
    return rows[[columns[0], *rows.columns.drop(columns[0])]]


def check_values(rows: pd.DataFrame, column: str, known: Collection[str], path: Path) -> None:
    """Raise an error if a cell of a collection's table holds a value that no rule says how to read."""
    bad = rows[~rows[column].isin(list(known))]
    if len(bad):
        row = bad.iloc[0]
        raise GlioBenchError(
            f"{path}: {column} of {row.iloc[0]} is {row[column]!r}; known are {', '.join(map(repr, known))}."
        )


def with_sites(found: pd.DataFrame, sites: Mapping[str, Any] | None) -> pd.DataFrame:
    """Return patients with the site that a column of a table gives them, None without one."""
    known = read_sites(sites)
    if len(known) and not set(known["patient_id"]) & set(found["patient_id"]):
        raise GlioBenchError(
            f"`sites` names no patient of the cohort: its column {sites['id'] if sites else ''!r} holds "
            f"{some(known['patient_id'])}, the cohort has {some(found['patient_id'])}."
        )
    return found.merge(known[["patient_id", "site"]], on="patient_id", how="left")


def _site_column(sites: Mapping[str, Any]) -> pd.DataFrame:
    """Read patient_id and site from two columns of any table."""
    path = Path(sites["folder"]) / sites["table"]
    rows = read_rows(path, "," if path.suffix.lower() == ".csv" else "\t")
    for key in ("id", "column"):
        if sites[key] not in rows:
            raise GlioBenchError(
                f"{path} has no column {sites[key]!r}, which `sites` names; {nearest(sites[key], rows.columns)}"
            )
    table = pd.DataFrame({"patient_id": rows[sites["id"]].str.strip(), "site": rows[sites["column"]].str.strip()})
    return table[table["patient_id"] != ""]


def known_sites(patients: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its column site missing where a cell names no hospital: it is empty, `other` or `unknown`."""
    sites = patients["site"].astype("str").str.strip()
    return patients.assign(site=sites.mask(sites.fillna("").str.lower().isin(UNKNOWN_SITES), None))


def read_sites(path: str | Path | Mapping[str, Any] | None) -> pd.DataFrame:
    """
    Read what is known of patients in addition to their labels.

    Parameters
    ----------
    path : path or mapping, optional
        TSV with patient_id and site, and for generated cohorts oracle_probability. Or a column of any CSV (``.csv``) or
        TSV: ``table``, relative to ``folder``, ``id`` and ``column``.

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
    where = Path(path["folder"]) / path["table"] if isinstance(path, Mapping) else Path(path)
    if not where.is_file():
        raise GlioBenchError(
            f"{where} does not exist: `sites` in the config must name a TSV with patient_id and site, or a column of "
            "another table."
        )
    table = _site_column(path) if isinstance(path, Mapping) else read_rows(where)
    if not {"patient_id", "site"} <= set(table.columns):
        raise GlioBenchError(f"{where} has the columns {list(table.columns)}; expected: patient_id and site.")
    check_ids(table["patient_id"], where)
    check_once(table["patient_id"], where)
    return known_sites(table.reindex(columns=columns, fill_value="").replace("", None))
