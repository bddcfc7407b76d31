"""One job of the workflow that explains a run: trained models in, Grad-CAM of some test patients out."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from gliobench.seeds import derive_seed
from gliobench.terms import LESION
from gliobench.training.gradcam import COLUMNS, draw_cases, explain_run
from gliobench.training.job import load_inputs
from gliobench.training.models import load_model
from gliobench.training.torch_loop import Model

PER_OUTCOME = 2  # patients shown of each of true and false positives and negatives


def explain(
    approach: ModuleType,
    kind: str,
    predictions: pd.DataFrame,
    models: str | Path,
    patients: pd.DataFrame,
    arrays: Sequence[str | Path],
    series: Sequence[str],
    seed: int,
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """
    Explain the predictions of a run for test patients drawn by the seed.

    Parameters
    ----------
    approach : module
        From `gliobench.approaches`, with ``load``, ``cam_layer`` and ``redrawn``.
    kind : str
        Kind of the inputs.
    predictions : DataFrame
        As in the schema ``predictions``.
    models : path
        The run's folder of models, one per fold.
    patients : DataFrame
        As in the schema ``patients``.
    arrays : sequence of path
        Shards of the inputs.
    series : sequence of str
        Series of the inputs, in the order of the channels; followed by ``lesion`` if its masks are known.
    seed : int
        The cohort's base seed.

    Returns
    -------
    cams, maps, images
        As `gliobench.training.gradcam.explain_run` returns them.
    """
    cases = draw_cases(predictions, PER_OUTCOME, derive_seed(seed, "gradcam"))
    if not cases:  # every fold failed, or the split has no test part
        return pd.DataFrame(columns=COLUMNS), np.empty((0,), np.float32), np.empty((0,), np.float16)
    drawn = [case.patient_id for case in cases]
    channels = [name for name in series if name != LESION]
    inputs, index = load_inputs(kind, arrays, channels, patients, drawn)

    @cache
    def model_of(fold: int) -> Model:
        return load_model(approach, Path(models) / f"fold-{fold}{approach.SUFFIX}")

    return explain_run(
        cases,
        model_of,
        approach.redrawn,
        approach.cam_layer,
        inputs,
        index["patient_id"].tolist(),
        derive_seed(seed, "random weights"),
        _masks(kind, arrays, patients, index["patient_id"]) if LESION in series else None,
    )


def _masks(kind: str, arrays: Sequence[str | Path], patients: pd.DataFrame, wanted: pd.Series) -> np.ndarray:
    masks, index = load_inputs(kind, arrays, [LESION], patients, wanted)
    row = index.set_index("patient_id")["row"]
    return masks[row[wanted].to_numpy(int), 0]
