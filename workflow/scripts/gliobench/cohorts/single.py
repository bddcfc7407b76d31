"""Single patients, without labels: ``<patient_id>/<series>/`` with DICOM files, or ``<patient_id>/<series>.nii.gz``."""

from pathlib import Path

from gliobench.cohorts.paths import SUFFIXES, read_path
from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.imaging.volume import Volume


def read_one(folder: str | Path, patient_id: str, name: str) -> tuple[Volume, SeriesFacts]:
    """
    Read one series of a patient.

    Parameters
    ----------
    folder : path
        The folder that holds the patient's folder.
    patient_id : str
        The patient's folder in it.
    name : str
        A modality, or "segmentation".

    Returns
    -------
    volume, facts
        As `gliobench.imaging.dicom.read_series` returns them.

    Raises
    ------
    SeriesError
        The series is absent, present twice, or unreadable.
    """
    home = Path(folder) / patient_id
    there = [path for path in (home / f"{name}{suffix}" for suffix in ("", *SUFFIXES)) if path.exists()]
    if not there:
        raise SeriesError(
            f"patient {patient_id} has no {name} series: there is no folder {home / name} with DICOM files "
            f"and no file {name}.nii.gz or {name}.nii next to it."
        )
    if len(there) > 1:
        raise SeriesError(f"{home} holds both {there[0].name} and {there[1].name}; keep one of them.")
    return read_path(there[0])
