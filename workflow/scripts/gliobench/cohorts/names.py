"""Names in a cohort's folder that those who read it share with those who generate it."""

from pathlib import Path

TABLE = "patients.tsv"  # of brainstem cohorts
LABEL_TABLES = {"rsna": "train_labels.csv", "brainstem": TABLE}  # by kind
GRADES = ("none", "microscopic", "extensive")
LABELS = {"none": 0, "microscopic": 0, "extensive": 1}  # [doc: Materials and Methods, first paragraph]


def lesion_file(folder: str | Path, patient_id: str) -> Path:
    """Return where the mask of a generated patient's lesion lies."""
    return Path(folder) / "lesions" / f"{patient_id}.nii.gz"
