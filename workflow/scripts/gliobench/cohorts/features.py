"""Numbers and categories of patients, from tables: each group of columns is read as a series is, patient by patient."""

import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gliobench.cohorts.names import find_tables
from gliobench.cohorts.patients import check_once, read_rows, some
from gliobench.errors import GlioBenchError, nearest
from gliobench.files import table_schema
from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.terms import OK

COMMAS = ".csv"  # suffix of a table with commas between its columns; all others have tabs
MISSING = {"", "na", "n/a", "nan", "-nan", "null", "not available", "not applicable", "unknown"}  # in lower case
NUMBER, CATEGORY, ABSENT = 0.0, 1.0, np.nan  # what a column of an input holds
# Known only after the images: a column with such a word in its name cannot be a feature.
OUTCOME = re.compile(
    r"surviv|censor|dead|death|deceased|alive|follow.?up|progress|recurren|(?<![a-z])(os|pfs|psp|tp)(?![a-z])"
)
Values = npt.NDArray[np.float64]
Sources = Mapping[str, Sequence[Mapping[str, Any]]]  # group -> what is read of each cohort: see `Asked.feature_sources`


@dataclass(frozen=True)
class Group:
    """
    One group of features.

    Attributes
    ----------
    names : list of str
        Of the columns.
    categorical : ndarray of bool
        Shape (columns,): which of them are categories, coded by the CRC-32 of their text.
    rows : dict of str to ndarray
        For each patient the values, shape (columns,), NaN where unknown.
    """

    names: list[str]
    categorical: npt.NDArray[np.bool_]
    rows: dict[str, Values]


def read_features(sources: Sources, patient_id: str, name: str) -> tuple[Values, SeriesFacts]:
    """
    Read one group of features of a patient.

    Parameters
    ----------
    sources : mapping
        Group to what is read of each cohort, as `gliobench.settings.asked.Asked.feature_sources` returns it.
    patient_id : str
        The patient.
    name : str
        The group.

    Returns
    -------
    values : float64 array of shape (2, columns)
        The values (NaN: unknown), and what each column holds: 0 a number, 1 a category. Groups with fewer columns
        than the widest one end with absent columns, NaN in both.
    facts : SeriesFacts
        Nothing: there is no image.

    Raises
    ------
    SeriesError
        No table of the group has a row of the patient, or all of its cells are empty.
    GlioBenchError
        A table cannot be used, see `read_group`.
    """
    group = read_group(name, sources[name])
    if patient_id not in group.rows:
        raise SeriesError(f"patient {patient_id} has no row in the tables of the features {name}.")
    values = group.rows[patient_id]
    if np.isnan(values).all():
        raise SeriesError(f"patient {patient_id} has a row, but no value, in the tables of the features {name}.")
    padded = np.full((2, max(len(read_group(each, sources[each]).names) for each in sources)), ABSENT)
    padded[0, : len(values)] = values
    padded[1, : len(values)] = np.where(group.categorical, CATEGORY, NUMBER)
    return padded, SeriesFacts()


def audit_features(patient_ids: Iterable[str], sources: Sources) -> pd.DataFrame:
    """
    Say of which groups each patient has values.

    Returns
    -------
    DataFrame
        As in the schema ``series``, one row per patient and group; what describes images is empty.
    """
    rows = []
    for patient_id in patient_ids:
        for name in sources:
            row = {"patient_id": patient_id, "modality": name, "status": OK, "reason": None}
            try:
                read_features(sources, patient_id, name)
            except SeriesError as error:
                row |= {"status": "failed", "reason": str(error)}
            rows.append({"n_files": 0} | row)
    return pd.DataFrame(rows, columns=list(table_schema("series")["properties"]))


def read_group(name: str, sources: Sequence[Mapping[str, Any]]) -> Group:
    """
    Read one group of features, of one cohort or of each member of a union.

    Raises
    ------
    GlioBenchError
        A table does not exist or lists a patient twice; a column is missing, in two tables, named twice, or known only
        after the images; a number is not one.
    """
    return _read_group(name, json.dumps(list(sources), sort_keys=True))


def read_number(name: str, sources: Sequence[Mapping[str, Any]], column: str) -> pd.Series:
    """
    Read one column of numbers of a group.

    Returns
    -------
    Series of float64
        By patient_id; NaN where unknown.

    Raises
    ------
    GlioBenchError
        The group has no such column, or it holds categories; a table cannot be used, see `read_group`.
    """
    group = read_group(name, sources)
    numbers = [each for each, category in zip(group.names, group.categorical, strict=True) if not category]
    if column not in numbers:
        raise GlioBenchError(f"the features {name} have no numbers {column!r}; {nearest(column, numbers)}")
    return pd.Series({key: row[group.names.index(column)] for key, row in group.rows.items()}, dtype="float64")


def read_category(name: str, sources: Sequence[Mapping[str, Any]], column: str, value: str) -> pd.Series:
    """
    Say which patients have a value in one column of categories of a group.

    Returns
    -------
    Series of float64
        By patient_id: 1 with the value, 0 with another one, NaN where unknown.

    Raises
    ------
    GlioBenchError
        The group has no such column, or it holds numbers; a table cannot be used, see `read_group`.
    """
    group = read_group(name, sources)
    categories = [each for each, category in zip(group.names, group.categorical, strict=True) if category]
    if column not in categories:
        raise GlioBenchError(f"the features {name} have no category {column!r}; {nearest(column, categories)}")
    codes = pd.Series({key: row[group.names.index(column)] for key, row in group.rows.items()}, dtype="float64")
    return (codes == _code(value)).astype(float).where(codes.notna())


@cache  # asked for every patient
def _read_group(name: str, sources: str) -> Group:
    groups = [_read_source(name, source) for source in json.loads(sources)]
    first = groups[0]
    return Group(first.names, first.categorical, {key: row for group in groups for key, row in group.rows.items()})


def _read_source(name: str, source: Mapping[str, Any]) -> Group:
    """Read one group of one cohort; its patients' ids in a union begin with ``prefix``."""
    tables = [_read_table(path, source["id"]) for path in _find_tables(name, source)]
    numbers = _chosen(source["numbers"], tables, name)
    categories = _chosen(source["categories"], tables, name)
    _check_columns(numbers, categories, source.get("label_columns", []), name)
    columns = {
        **{new: _numbers(*place) for new, place in numbers.items()},
        **{new: _codes(*place) for new, place in categories.items()},
    }
    values = pd.DataFrame(columns)  # outer join: a patient may lack a row in one of several tables
    categorical = np.array([column in categories for column in values], dtype=bool)
    rows = {f"{source['prefix']}{key}": row for key, row in zip(values.index, values.to_numpy(float), strict=True)}
    return Group(list(values.columns), categorical, rows)


def _find_tables(name: str, source: Mapping[str, Any]) -> list[Path]:
    found = find_tables(source)
    if not found or not all(path.is_file() for path in found):
        raise GlioBenchError(
            f"the features {name}: there is no table {Path(source['folder']) / source['table']}; `table` in the config "
            "names a CSV or TSV file, or several by a pattern with *, relative to the cohort's folder."
        )
    return found


def _read_table(path: Path, id_column: str) -> tuple[Path, pd.DataFrame]:
    rows = read_rows(path, "," if path.suffix.lower() == COMMAS else "\t")
    if id_column not in rows:
        raise GlioBenchError(
            f"{path} has no column {id_column!r}, which `id` names; {nearest(id_column, rows.columns)}"
        )
    check_once(rows[id_column], path)
    return path, rows.set_index(id_column)


Place = tuple[Path, pd.Series]  # a column, and the table that it is in


def _chosen(wanted: Sequence[str] | Mapping[str, str], tables: list[tuple[Path, pd.DataFrame]], name: str) -> dict:
    """Return the columns that patterns match, or that new names are given to."""
    named = wanted.items() if isinstance(wanted, Mapping) else [(None, pattern) for pattern in wanted]
    found: dict[str, Place] = {}
    for new, pattern in named:
        places = [
            (path, rows[column])
            for path, rows in tables
            for column in rows.columns
            if column == pattern or fnmatchcase(column, pattern)
        ]
        if not places:
            there = [column for _, rows in tables for column in rows.columns]
            raise GlioBenchError(
                f"{tables[0][0]}: no column matches {pattern!r} of the features {name}; {nearest(pattern, there)}"
            )
        for path, column in places:
            key = new or str(column.name)
            if key in found:
                raise GlioBenchError(
                    f"{path}: the features {name} name the column {key!r} twice, or two of their tables have it; "
                    "let each column match once."
                )
            found[key] = (path, column)
    return found


def _check_columns(
    numbers: Mapping[str, Place], categories: Mapping[str, Place], label_columns: Sequence[str], name: str
) -> None:
    """Refuse a column as number and category at once, an outcome, and what the label is made from."""
    for key in numbers:
        if key in categories:
            raise GlioBenchError(f"the features {name} name {key!r} as a number and as a category; choose one.")
    for path, column in [*numbers.values(), *categories.values()]:
        title = str(column.name)
        if OUTCOME.search(title.lower()):
            raise GlioBenchError(
                f"{path}: {title!r} of the features {name} is known only after the images (survival, follow-up): it "
                "cannot be a feature; name the columns to use instead of a pattern that matches it."
            )
        if title in label_columns:
            raise GlioBenchError(
                f"{path}: {title!r} of the features {name} is what the label is read from: it cannot be a feature."
            )


def _known(column: pd.Series) -> pd.Series:
    """Return the cells without blanks around them, None where they say that nothing is known."""
    cells = column.str.strip()
    return cells.mask(cells.str.lower().isin(MISSING), None)


def _numbers(path: Path, column: pd.Series) -> pd.Series:
    """
    Return a column as numbers.

    A pair of equal numbers with a backslash between them, as DICOM has the pixel spacing, is that number.
    """
    plain = pd.to_numeric(column, errors="coerce").astype(float)
    if np.isfinite(plain).all():  # the usual case, and thousands of columns may be asked for
        return plain
    cells = _known(column)
    pairs = cells.str.extract(r"^([^\\]+)\\([^\\]+)$")
    first = pd.to_numeric(pairs[0], errors="coerce")
    pair = np.isclose(first, pd.to_numeric(pairs[1], errors="coerce"), rtol=1e-3)
    values = pd.to_numeric(cells, errors="coerce").astype(float).where(~pair, first)
    bad = cells.notna() & ~np.isfinite(values)
    if bad.any():
        raise GlioBenchError(
            f"{path}: {column.name!r} of patient {cells.index[bad][0]} is {cells[bad].iloc[0]!r}, not a finite number; "
            "correct it, or list the column under `categories`."
        )
    return values


def _codes(path: Path, column: pd.Series) -> pd.Series:
    """Return a column of categories as codes; the same text has the same code in every table."""
    return _known(column).map(_code, na_action="ignore").astype(float)


def _code(text: str) -> float:
    return float(zlib.crc32(text.encode()))


def check_known_patients(patient_ids: Iterable[str], sources: Sources) -> None:
    """Raise an error if a group has no row of any patient: its ids are then not those of the cohort."""
    ids = set(patient_ids)
    for name in sources:
        rows = read_group(name, sources[name]).rows
        if not ids & set(rows):
            raise GlioBenchError(
                f"the features {name} have no row of any patient of the cohort: their tables name {some(rows)}, the "
                f"cohort has {some(ids)}; check the column that `id` names."
            )
