"""Files of an answer: the map, and the series while they are kept."""

import shutil
from pathlib import Path

from gliobench.terms import MODALITIES
from gliobench_service.errors import Refused
from gliobench_service.settings import Settings

MAP = "gradcam.nii.gz"


def tidy(job_id: str, settings: Settings, done: bool) -> None:
    """Delete the files of a job that has ended: all but its result, or all if it was not done."""
    home = settings.jobs / job_id
    for path in home.iterdir() if home.is_dir() else ():
        if not (done and path.name == "result"):
            shutil.rmtree(path, ignore_errors=True)


def files_of(job_id: str, settings: Settings) -> list[str]:
    """Return the names of the map and the series that are there."""
    folder = settings.jobs / job_id / "result"
    names = {modality: f"{modality}.nii.gz" for modality in MODALITIES} | {"map": MAP}
    return [name for name, file in names.items() if (folder / file).is_file()]


def file_of(job_id: str, name: str, settings: Settings) -> Path:
    """Return the file of a series or of the map; refuse a name that is not there."""
    if name not in files_of(job_id, settings):
        what = "no map: the model makes none" if name == "map" else "no such image: it was not kept"
        raise Refused(404, f"This result has {what}, or it is not finished.")
    return settings.jobs / job_id / "result" / (MAP if name == "map" else f"{name}.nii.gz")
