"""File names in a cohort's folder, shared by readers and generators."""

from collections.abc import Iterable
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
