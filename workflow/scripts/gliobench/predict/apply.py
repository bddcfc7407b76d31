"""The models of a run applied to one patient: each fold's answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from gliobench.errors import GlioBenchError
from gliobench.inputs.patient_facts import KIND, with_patient_facts
from gliobench.inputs.store import join_shards
from gliobench.predict.request import find_models, fold_of
from gliobench.training import Machine, import_approach
from gliobench.training.job import load_model, versions
from gliobench.training.scores import mean_log_odds, rounded


@dataclass(frozen=True)
class Answer:
    """
    What a run's models say of a patient.

    Attributes
    ----------
    folds : list of dict
        ``fold``, ``probability`` and ``log_odds`` of label 1, by fold.
    n_rows : int
        Rows of the input.
    device : str
        Computing device.
    cams : ndarray or None
        Shape (folds, 2, x, y, z), each fold's Grad-CAM maps for label 0 and for label 1, from 0 to 1; None if the
        approach makes none. Which of them are shown depends on whom the folds trained on: see
        `gliobench.predict.describe.evidence`.
    """

    folds: list[dict[str, Any]]
    n_rows: int
    device: str
    cams: np.ndarray | None

    @property
    def plain(self) -> dict[str, Any]:
        """What is not a map, for JSON, with the versions of the packages."""
        return {"folds": self.folds, "n_rows": self.n_rows, "device": self.device, "versions": versions()}


@dataclass(frozen=True)
class Models:
    """
    The models of a run in memory, for any number of patients.

    Attributes
    ----------
    run : Path
        The run's folder.
    record : dict
        Its ``run.json``.
    approach : module
        Of `gliobench.approaches`.
    device : str
        Computing device.
    by_fold : dict of int to object
        The model of each fold.
    """

    run: Path
    record: dict[str, Any]
    approach: Any
    device: str
    by_fold: dict[int, Any]


def load_models(run: Path, record: dict[str, Any], machine: Machine, fold: int | None = None) -> Models:
    """
    Load the models of a run; call once in a process.

    Parameters
    ----------
    run : Path
        The run's folder.
    record : dict
        Its ``run.json``.
    machine : Machine
        Threads and device.
    fold : int, optional
        The only fold to use; all by default.

    Raises
    ------
    GlioBenchError
        A model cannot be read.
    """
    approach = import_approach(record["approach"], record["toolchain"])
    device = approach.prepare(machine)
    by_fold = {fold_of(path): load_model(approach, path) for path in find_models(run, fold)}
    return Models(run, record, approach, device, by_fold)


def apply_models(models: Models, arrays: Sequence[str | Path]) -> Answer:
    """
    Apply the models of a run to a patient.

    Parameters
    ----------
    models : Models
        From `load_models`.
    arrays : sequence of path
        The patient's inputs.

    Raises
    ------
    GlioBenchError
        The input has another shape than the training's, or a prediction is NaN or infinite.
    """
    record, approach = models.record, models.approach
    kind = record["input"]["kind"]
    inputs, _ = join_shards(kind, arrays, record["series"])
    inputs = with_patient_facts(inputs) if kind == KIND else inputs
    if list(inputs.shape[1:]) != record["shape"]:
        raise GlioBenchError(
            f"the input has the shape {list(inputs.shape[1:])}, but {models.run} was trained on {record['shape']}; "
            "its record and its models are from different trainings: give another run."
        )
    log_odds = np.array([mean_log_odds(approach.predict(model, inputs)) for model in models.by_fold.values()])
    if not np.isfinite(log_odds).all():
        raise GlioBenchError(f"{models.run}: a model's prediction is NaN or infinite; give another run.")
    columns = zip(models.by_fold, expit(log_odds).tolist(), rounded(log_odds).tolist(), strict=True)
    folds = [dict(zip(("fold", "probability", "log_odds"), row, strict=True)) for row in columns]
    cams = _maps(approach, list(models.by_fold.values()), inputs[0]) if record["grad_cam"] else None
    return Answer(folds, len(inputs), models.device, cams)


def predict_patient(
    run: Path, record: dict[str, Any], arrays: Sequence[str | Path], machine: Machine, fold: int | None = None
) -> Answer:
    """Load the models of a run and apply them to one patient; see `load_models` and `apply_models`."""
    return apply_models(load_models(run, record, machine, fold), arrays)


def _maps(approach: Any, models: Sequence[Any], image: np.ndarray) -> np.ndarray:
    """Return each model's Grad-CAM maps for both labels."""
    from gliobench.training.gradcam import grad_cam  # only in PyTorch

    return np.array(
        [[grad_cam(model, approach.cam_layer(model), image, label) for label in (0, 1)] for model in models]
    )
