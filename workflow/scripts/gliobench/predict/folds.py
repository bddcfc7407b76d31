"""The models of a run applied to one patient: each fold's answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from gliobench.errors import GlioBenchError
from gliobench.inputs.patient_facts import KIND, with_patient_facts
from gliobench.inputs.store import join_shards
from gliobench.predict.request import find_models, fold_of
from gliobench.training import Machine
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
    cam : ndarray or None
        Shape (x, y, z), the mean of the folds' Grad-CAM maps, each from 0 to 1; None if the approach makes none.
    """

    folds: list[dict[str, Any]]
    n_rows: int
    device: str
    cam: np.ndarray | None

    @property
    def plain(self) -> dict[str, Any]:
        """What is not a map, for JSON, with the versions of the packages."""
        return {"folds": self.folds, "n_rows": self.n_rows, "device": self.device, "versions": versions()}


def predict_patient(
    run: Path, record: dict[str, Any], arrays: Sequence[str | Path], machine: Machine, fold: int | None = None
) -> Answer:
    """
    Apply the models of a run to a patient.

    Parameters
    ----------
    run : Path
        The run's folder.
    record : dict
        Its ``run.json``.
    arrays : sequence of path
        The patient's inputs.
    machine : Machine
        Threads and device.
    fold : int, optional
        The only fold to use; all by default.

    Raises
    ------
    GlioBenchError
        The input has another shape than the training's, a model cannot be read, or a prediction is NaN or infinite.
    """
    approach = import_module(f"gliobench.approaches.{record['approach']}")
    device = approach.prepare(machine)
    kind = record["input"]["kind"]
    inputs, _ = join_shards(kind, arrays, record["series"])
    inputs = with_patient_facts(inputs) if kind == KIND else inputs
    if list(inputs.shape[1:]) != record["shape"]:
        raise GlioBenchError(
            f"the input has the shape {list(inputs.shape[1:])}, but {run} was trained on {record['shape']}; "
            "its record and its models are from different trainings: give another run."
        )
    paths = find_models(run, fold)
    models = [load_model(approach, path) for path in paths]
    log_odds = np.array([mean_log_odds(approach.predict(model, inputs)) for model in models])
    if not np.isfinite(log_odds).all():
        raise GlioBenchError(f"{run}: a model's prediction is NaN or infinite; give another run.")
    columns = zip(map(fold_of, paths), expit(log_odds).tolist(), rounded(log_odds).tolist(), strict=True)
    folds = [dict(zip(("fold", "probability", "log_odds"), row, strict=True)) for row in columns]
    mean = float(np.mean(expit(log_odds)))
    cam = _evidence(approach, models, inputs, int(mean >= 0.5)) if record["grad_cam"] else None
    return Answer(folds, len(inputs), device, cam)


def _evidence(approach: Any, models: Sequence[Any], inputs: np.ndarray, answer: int) -> np.ndarray:
    """Return the mean of the models' Grad-CAM maps for one answer."""
    from gliobench.training.gradcam import grad_cam  # only in PyTorch

    return np.mean([grad_cam(model, approach.cam_layer(model), inputs[0], answer) for model in models], axis=0)
