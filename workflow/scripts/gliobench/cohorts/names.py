"""Names that readers, generators and settings of cohorts share: files, columns, grades, and values of segmentations."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gliobench.imaging.facts import SeriesError

TABLE = "patients.tsv"  # of brainstem cohorts
LABEL_TABLES = {"rsna": "train_labels.csv", "brainstem": TABLE}  # by kind
MEMBER_END = "--"  # in a union, between a cohort's name and its own id of a patient
LABEL_COLUMNS = {  # by kind and label: what tells the label, and so cannot be a feature
    ("rsna", "mgmt"): ["MGMT_value"],
    ("brats2021", "mgmt"): ["MGMT_value"],
    ("upenn-gbm", "mgmt"): ["MGMT"],
    ("upenn-gbm", "idh"): ["IDH1"],
    ("ucsf-pdgm", "mgmt"): ["MGMT status", "MGMT index"],
    ("ucsf-pdgm", "idh"): ["IDH", "Final pathologic diagnosis (WHO 2021)", "1p/19q"],
    ("table", "mgmt"): ["label", "label_name"],
    ("brainstem", "mgmt"): ["grade"],
}
GRADES = ("none", "microscopic", "extensive")
NIFTI = (".nii.gz", ".nii")  # suffixes, in the order in which they are looked for
REGIONS = {  # values of a tumour's segmentation: BraTS 2021, UPENN-GBM and UCSF-PDGM; BraTS 2023 has 3 in place of 4
    "whole": (1, 2, 4, 3),
    "core": (1, 4, 3),
    "necrosis": (1,),
    "oedema": (2,),
    "enhancing": (4, 3),
}
GRADE_LABELS = {"none": 0, "microscopic": 0, "extensive": 1}  # [doc: Materials and Methods, first paragraph]


def segmentation_file(folder: str | Path, patient_id: str) -> Path:
    """Return where the segmentation of a generated patient lies."""
    return Path(folder) / "segmentations" / f"{patient_id}.nii.gz"


def lesion_file(folder: str | Path, patient_id: str) -> Path:
    """Return where the mask of a generated patient's lesion lies."""
    return Path(folder) / "lesions" / f"{patient_id}.nii.gz"


def feature_tables(sources: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Return the existing tables of features, each once; `sources` as `gliobench.cohorts.features` takes them."""
    found = [
        str(path) for group in sources.values() for source in group for path in find_tables(source) if path.is_file()
    ]
    return list(dict.fromkeys(found))


def site_tables(sites: str | Mapping[str, Any]) -> list[str]:
    """Return the table of a cohort's sites, as a list: a path, or a column's place."""
    return [str(Path(sites["folder"]) / sites["table"]) if isinstance(sites, Mapping) else sites]


def find_tables(source: Mapping[str, Any]) -> list[Path]:
    """Return the tables of one group of features: one path, or those that a pattern with ``*`` matches."""
    folder, table = Path(source["folder"]), Path(source["table"])
    if table.is_absolute():
        folder, table = Path(table.anchor), table.relative_to(table.anchor)
    return sorted(folder.glob(str(table))) if "*" in table.name else [folder / table]


def nifti_file(home: Path, stem: str, patient_id: str, name: str) -> Path:
    """
    Return the one NIfTI file ``<stem>.nii.gz`` or ``<stem>.nii`` of a folder, a series of a patient.

    Raises
    ------
    SeriesError
        There is none, or both.
    """
    absent = f"patient {patient_id} has no {name} series: there is no file {home / stem}.nii.gz or .nii."
    return only_one(home, stem, NIFTI, absent)


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
