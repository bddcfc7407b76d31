"""Moved files hold the same patients: their results are kept once the audit has read them again."""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

SAID_FOR_READERS = "reason"  # a column that may contain paths; nothing is computed from it


def table_digest(tables: Iterable[str | Path]) -> str:
    """
    Return a digest of a cohort's tables, ``patients.tsv`` and ``series.tsv``, which describe the content of its images.

    Parameters
    ----------
    tables : iterable of path
        TSV files; one that does not exist counts as empty.
    """
    return _digest([_columns(Path(table), without=(SAID_FOR_READERS,)) for table in tables])


def place_of(labels: Sequence[str], images: str, series: Sequence[str], made_with: Any) -> dict[str, Any]:
    """
    Describe the location of a cohort's files, and everything else that its audit depends on.

    Parameters
    ----------
    labels : sequence of path
        The user's tables of labels and sites.
    images : path
        The folder of the images, or the table that names them.
    series : sequence of str
        Columns of such a table that are paths.
    made_with : Any
        Settings and code of the audit, as plain data.

    Returns
    -------
    dict
        ``else``: a digest of everything but the locations. ``paths``: digests of the locations, sorted.
    """
    names_them = images in labels
    rest = [_but_paths(Path(table), series) if table == images else _file_digest(Path(table)) for table in labels]
    paths = {_digest(path) for path in (_named(Path(images), series) if names_them else [images])}
    return {"else": _digest([rest, made_with]), "paths": sorted(paths)}


def only_moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether a cohort is unchanged, except perhaps that all of its files have moved."""
    places, others = set(before["paths"]), set(now["paths"])
    return before["else"] == now["else"] and (places == others or places.isdisjoint(others))


def paths_digest(table: str | Path, series: Sequence[str]) -> str | None:
    """Return a digest of the paths in a user's table, None if it cannot be read; `series` are its columns of paths."""
    columns = _columns(Path(table), without=())
    return _digest([columns.get(name) for name in ("patient_id", *series)]) if columns else None


def _named(table: Path, series: Sequence[str]) -> Iterable[str]:
    columns = _columns(table, without=())
    return {str(table.parent / path) for name in series for path in columns.get(name, []) if path}


def _but_paths(table: Path, series: Sequence[str]) -> Any:
    """Return what a table says besides paths; a broken one is its bytes, so that an edit of it is never a move."""
    return _columns(table, without=series) or _file_digest(table)


def _columns(table: Path, without: Sequence[str]) -> dict[str, list[Any]]:
    """Return the columns of a table as text, none if it cannot be read: the job that needs it reports why."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    except (OSError, ValueError, csv.Error):
        return {}
    names = [name for name in (rows[0] if rows else ()) if name not in without]
    return {str(name): [row.get(name) for row in rows] for name in names}


def _file_digest(path: Path) -> str | None:
    """Return a digest of a file's bytes, None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError:
        return None


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
