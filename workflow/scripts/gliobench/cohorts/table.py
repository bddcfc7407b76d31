"""A user's own cohort: a TSV with one row per patient that names the files of each series."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.cohorts.owners import whose
from gliobench.cohorts.patients import check_ids, check_once, known_sites, read_rows, read_sites
from gliobench.errors import GlioBenchError, nearest
from gliobench.imaging.facts import SeriesError
from gliobench.terms import ALL_SERIES, MODALITIES, SEGMENTATION

NEEDED = ("patient_id", "label")
COLUMNS = (*NEEDED, "label_name", "site", "scan_of", "date", *ALL_SERIES)
LABEL_NAMES = {"0": "negative", "1": "positive"}  # if the table names none


def read_patients(table: str | Path, sites: None = None, settings: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """
    Read the patients of a table.

    Parameters
    ----------
    table : path
        TSV with patient_id, label (0 or 1) and one column per series; and label_name and site, if known. Of patients
        with several scans each scan has a row, with the patient in scan_of and its date.
    sites : None
        The site is a column of the table.
    settings : mapping, optional
        Of the cohort: without ``modalities`` the table needs no column of a series.

    Returns
    -------
    DataFrame
        As in the schema ``patients``, sorted by patient_id.

    Raises
    ------
    GlioBenchError
        The table does not exist, a column is missing or unknown, a label is neither 0 nor 1, a label has two names, a
        patient is listed twice, scans of one patient have different labels or the same date, scan_of names a scan of
        another patient, or two cells name the same series.
    """
    table = Path(table)
    rows = _read_table(table)
    if (settings or {}).get("modalities", MODALITIES) and not any(name in rows for name in MODALITIES):
        raise GlioBenchError(f"{table} has no column for a series: add one or more of {', '.join(MODALITIES)}.")
    rows = rows.reindex(columns=list(COLUMNS), fill_value="")
    names = rows["label_name"].where(rows["label_name"] != "", rows["label"].map(LABEL_NAMES))
    _check_names(names.groupby(rows["label"]).unique(), table)
    patients = pd.DataFrame(
        {
            "patient_id": rows["patient_id"],
            "label": rows["label"].astype(int),
            "label_name": names,
            "site": rows["site"].replace("", None),
            "scan_of": rows["scan_of"].replace("", None),
            "date": rows["date"].replace("", None),
        }
    )
    _check_scans(patients, table)
    known_beside = read_sites(sites).drop(columns="site")
    return (
        known_sites(patients)
        .merge(known_beside, on="patient_id", how="left")
        .sort_values("patient_id", ignore_index=True)
    )


def locate(table: str | Path, patient_id: str, name: str) -> Path:
    """
    Find one series of a patient.

    Parameters
    ----------
    table : path
        The cohort's TSV; a path in it is relative to its folder, or absolute.
    patient_id : str
        The patient.
    name : str
        A modality, or "segmentation".

    Raises
    ------
    SeriesError
        The cell is empty, or its path does not exist or is unreadable.
    GlioBenchError
        The table has no such column.
    """
    rows = _rows_by_patient(Path(table))
    if name not in rows:
        raise GlioBenchError(
            f"{table} has no column {name}: add it (a cell may be empty), or leave {name} out of the cohort's "
            f"`{'segmentation' if name == SEGMENTATION else 'modalities'}` in the config."
        )
    path = str(rows.loc[patient_id, name])
    if not path:
        raise SeriesError(f"patient {patient_id} has no {name} series: the cell in {table} is empty.")
    return Path(table).parent / path


@cache  # asked for every series
def _rows_by_patient(table: Path) -> pd.DataFrame:
    return read_rows(table).set_index("patient_id")


def _read_table(table: Path) -> pd.DataFrame:
    """Return the checked rows."""
    if not table.exists():
        raise GlioBenchError(
            f"{table} does not exist: `table` in the config must name a TSV with patient_id, label and one column "
            "per modality; docs/own-data.md has an example."
        )
    rows = read_rows(table)
    missing = [name for name in NEEDED if name not in rows]
    if missing:
        raise GlioBenchError(
            f"{table} has the columns {list(rows.columns)} and lacks {' and '.join(missing)}; "
            "the columns are separated by tabs."
        )
    for name in rows.columns:
        if name not in COLUMNS:
            raise GlioBenchError(f"{table}: no column is called {name!r}; {nearest(name, COLUMNS)}")
    check_ids(rows["patient_id"], table)
    check_once(rows["patient_id"], table)
    check_labels(rows, table)
    _check_paths(rows, table)
    return rows


def check_labels(rows: pd.DataFrame, table: Path) -> None:
    """Raise an error if a ``label``, read as text, is neither 0 nor 1."""
    bad = rows[~rows["label"].isin(["0", "1"])]
    if len(bad):
        row = bad.iloc[0]
        raise GlioBenchError(
            f"{table}: patient {row['patient_id']} has the label {row['label']!r}; label must be 0 or 1 "
            "(its name goes in label_name; scan --positive WORD makes both of words): correct or remove that row."
        )


def _check_names(names: pd.Series, table: Path) -> None:
    """Refuse a label with two names, and two labels with one."""
    for label, found in names.items():
        if len(found) > 1:
            raise GlioBenchError(f"{table}: label {label} is called {found[0]!r} and {found[1]!r}; choose one name.")
    if len(names) == 2 and names.iloc[0][0] == names.iloc[1][0]:
        raise GlioBenchError(f"{table}: both labels are called {names.iloc[0][0]!r}; give them different names.")


def _check_scans(patients: pd.DataFrame, table: Path) -> None:
    """Refuse a patient whose scans have different labels, or one date twice, and a scan of a scan."""
    owners = whose(patients)
    beyond = owners.map(owners.set_axis(patients["patient_id"]))  # the patient of the row that scan_of names, if any
    chained = patients.assign(beyond=beyond)[beyond.notna() & (beyond != owners)]
    if len(chained):
        row = chained.iloc[0]
        raise GlioBenchError(
            f"{table}: scan_of of {row['patient_id']} is {row['scan_of']}, which is itself a scan of "
            f"{row['beyond']}; name the patient in each of them."
        )
    for patient, scans in patients[owners.duplicated(keep=False)].groupby(owners):
        if len(set(scans["label"])) > 1:
            raise GlioBenchError(f"{table}: the scans of patient {patient} have different labels; give them one.")
        if scans["date"].duplicated().any():
            raise GlioBenchError(f"{table}: two scans of patient {patient} have the same date; number them in `date`.")


def _check_paths(rows: pd.DataFrame, table: Path) -> None:
    """Refuse one series under two names, because a patient would be in two folds."""
    series = rows[["patient_id", *(name for name in ALL_SERIES if name in rows)]]
    cells = series.melt("patient_id", var_name="series", value_name="path").query("path != ''")
    cells["place"] = [os.path.realpath(table.parent / path) for path in cells["path"]]
    again = cells[cells["place"].duplicated(keep=False)]
    if len(again):
        first, second = again[again["place"] == again["place"].iloc[0]].iloc[:2].to_dict("records")
        raise GlioBenchError(
            f"{table}: {first['series']} of patient {first['patient_id']} and {second['series']} of patient "
            f"{second['patient_id']} are the same file or folder, {first['path']}; correct one of them."
        )
