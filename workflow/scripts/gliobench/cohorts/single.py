"""Single patients, without labels: ``<patient_id>/<series>/`` with DICOM files, or ``<patient_id>/<series>.nii.gz``."""

from pathlib import Path

from gliobench.cohorts.names import NIFTI, only_one


def locate(folder: str | Path, patient_id: str, name: str) -> Path:
    """
    Find one series, a modality or "segmentation", in the patient's folder: a folder of DICOM files or a NIfTI file.

    Raises
    ------
    SeriesError
        The patient has no such series, or it is there twice.
    """
    home = Path(folder) / patient_id
    absent = (
        f"patient {patient_id} has no {name} series: there is no folder {home / name} with DICOM files "
        f"and no file {name}.nii.gz or {name}.nii next to it."
    )
    return only_one(home, name, ("", *NIFTI), absent)
