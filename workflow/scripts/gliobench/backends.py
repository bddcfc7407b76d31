"""What Keras runs on in a study: as its config says, as it began, or as the machine can use it.

Light to import: parsing needs it.
"""

import json
import os
from pathlib import Path

from gliobench.belonging import NOTES, noted
from gliobench.errors import GlioBenchError
from gliobench.study import Study
from gliobench.training.gpus import visible_gpus

AUTO, TENSORFLOW, TORCH = "auto", "tensorflow", "torch"
NOTE = "backend"  # below the notes of a study
VARIABLE = "KERAS_BACKEND"  # by which Keras itself is told, when it is imported


def resolve(study: Study, from_scratch: bool = False) -> str:
    """
    Say what Keras runs on in a study.

    Parameters
    ----------
    study : Study
        Its key ``backend`` decides; under ``auto`` what it began with, and at its start ``device`` and the GPUs that
        this process can see.
    from_scratch : bool
        Whether everything is made anew, so that it does not matter how the study began.

    Returns
    -------
    str
        ``tensorflow`` or ``torch``; ``auto`` stays where it does not matter, because no approach is of Keras.
    """
    if study.file.backend != AUTO or not study.keras_approaches:
        return study.file.backend
    return (None if from_scratch else begun_with(study)) or backend_for(study.device)


def begun_with(study: Study) -> str | None:
    """Return what Keras ran on when a study began; None if it has no training of Keras yet."""
    if begun := noted(study, NOTE):
        return str(begun)
    notes = Path(study.results, NOTES)
    earlier = any(any(notes.glob(f"*/runs/{name}")) for name in study.keras_approaches)
    return TENSORFLOW if earlier else None  # the default before the backend was noted


def backend_for(device: str) -> str:
    """Return what Keras can use a device with: the locked wheels of TensorFlow bring no CUDA libraries."""
    on_gpu = device == "cuda" or (device == "auto" and bool(visible_gpus()))
    return TORCH if on_gpu else TENSORFLOW


def begin(study: Study) -> None:
    """Keep what Keras runs on in a study, so that a machine with other GPUs continues it in the same way."""
    path = Path(study.results, NOTES, f"{NOTE}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(study.backend), encoding="utf-8")


def check_variable(study: Study) -> None:
    """
    Refuse an environment that names another backend than the study's.

    Jobs would not follow it. Who set it meant something else than what would be trained, perhaps for days, so this is
    an error before any job starts.

    Raises
    ------
    GlioBenchError
        ``KERAS_BACKEND`` is set to something else than the study's backend.
    """
    named = os.environ.get(VARIABLE, study.backend)
    if study.keras_approaches and named != study.backend:
        raise GlioBenchError(
            f"{VARIABLE}={named} is set in this terminal, but Keras runs on {study.backend} in this study, by its key "
            f"`backend: {study.file.backend}`: unset {VARIABLE}, or set `backend` in the config."
        )


def unused_gpus(study: Study, here: bool) -> str | None:
    """
    Say that Keras leaves GPUs unused that nobody decided to leave unused; None if it does not.

    Parameters
    ----------
    study : Study
        With its backend resolved.
    here : bool
        Whether trainings run on this machine; otherwise on nodes whose GPUs cannot be seen from here.
    """
    decided = study.file.backend != AUTO or study.device != "auto"
    if decided or study.backend != TENSORFLOW or (here and not visible_gpus()):
        return None
    if here:
        return (
            "Keras runs on TensorFlow, as this study began, and leaves the GPU of this machine unused: set "
            "`backend: torch`, which trains its approaches again, or `backend: tensorflow` to have it so."
        )
    return (
        "Keras runs on TensorFlow, because no GPU is visible here or the study began so, and will not use the GPUs of "
        "the nodes: set `backend: torch`, or `backend: tensorflow` to have it so."
    )
