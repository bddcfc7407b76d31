"""File names in a cohort's folder, shared by readers and generators."""

import csv
import hashlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path

from gliobench.imaging.facts import SeriesError

TABLE = "patients.tsv"  # of brainstem cohorts
LABEL_TABLES = {"rsna": "train_labels.csv", "brainstem": TABLE}  # by kind
GRADES = ("none", "microscopic", "extensive")
NIFTI = (".nii.gz", ".nii")  # suffixes, in the order in which they are looked for
LABELS = {"none": 0, "microscopic": 0, "extensive": 1}  # [doc: Materials and Methods, first paragraph]


def lesion_file(folder: str | Path, patient_id: str) -> Path:
    """Return where the mask of a generated patient's lesion lies."""
    return Path(folder) / "lesions" / f"{patient_id}.nii.gz"


def paths_digest(table: str | Path, series: Collection[str]) -> str | None:
    """
    Return a digest of the paths in a user's table, or None if they cannot be read: the job reports why.

    Parameters
    ----------
    table : path
        TSV of a cohort of kind table.
    series : collection of str
        Its columns of paths.
    """
    try:
        with Path(table).open(encoding="utf-8-sig", newline="") as file:
            rows = [[row.get(name) for name in ("patient_id", *series)] for row in csv.DictReader(file, delimiter="\t")]
    except (OSError, ValueError, csv.Error):
        return None
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def only_one(home: Path, name: str, suffixes: Iterable[str], absent: str) -> Path:
    """
    Return the one path of that name, with one of the suffixes, that there is in a folder.

    Raises
    ------
    SeriesError
        There is none, which `absent` says, or more than one.
    """
    there = [path for path in (home / f"{name}{suffix}" for suffix in suffixes) if path.exists()]
    if not there:
        raise SeriesError(absent)
    if len(there) > 1:
        raise SeriesError(f"{home} holds both {there[0].name} and {there[1].name}; keep one of them.")
    return there[0]
