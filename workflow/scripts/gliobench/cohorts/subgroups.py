"""Columns that divide the patients of a cohort into subgroups, from any table of theirs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.cohorts.patients import check_once, read_rows, some
from gliobench.errors import GlioBenchError, nearest


def read_subgroups(settings: Mapping[str, Any] | None, patient_ids: pd.Series) -> dict[str, pd.Series]:
    """
    Read what the cohort's key ``subgroups`` names.

    Parameters
    ----------
    settings : mapping, optional
        ``table``, a TSV or CSV (by its name); ``id``, its column of patients; ``columns``, those to read.
    patient_ids : Series of str
        The patients of the cohort. Ids of five digits are found without their leading zeros, too.

    Returns
    -------
    dict of str to Series
        Column -> value by patient_id, missing where the cell is empty or the table lacks the patient.

    Raises
    ------
    GlioBenchError
        The table does not exist or is not a table, lacks a column, lists a patient twice or none of the cohort.
    """
    if not settings:
        return {}
    path, rows = Path(settings["table"]), read_rows_of(settings)
    ids = _as_in_cohort(rows[settings["id"]].str.strip(), patient_ids)
    check_once(ids, path)
    if not ids.isin(patient_ids).any():
        raise GlioBenchError(
            f"{path} names no patient of the cohort: its column {settings['id']!r} holds {some(ids)}, the cohort has "
            f"{some(patient_ids)}."
        )
    values = rows.set_axis(ids)[settings["columns"]].apply(lambda column: column.str.strip()).replace("", None)
    return {name: values[name].reindex(patient_ids) for name in settings["columns"]}


def read_rows_of(settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of a table of subgroups as text; one that does not exist or lacks a column is an error."""
    path = Path(settings["table"])
    if not path.is_file():
        raise GlioBenchError(f"{path} does not exist: `subgroups.table` in the config must name a table of patients.")
    rows = read_rows(path, "," if path.suffix.lower() == ".csv" else "\t")
    for name in (settings["id"], *settings["columns"]):
        if name not in rows:
            raise GlioBenchError(
                f"{path} has no column {name!r}, which `subgroups` names; {nearest(name, list(rows.columns))}"
            )
    return rows


def _as_in_cohort(ids: pd.Series, patient_ids: pd.Series) -> pd.Series:
    """Return ids with the leading zeros that tables often lose, where that is a patient of the cohort."""
    padded = ids.str.zfill(5)
    return padded.where(padded.isin(patient_ids), ids)
