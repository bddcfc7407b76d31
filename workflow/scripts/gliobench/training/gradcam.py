"""Grad-CAM of a 3D network: the evidence for its predictions, and whether the map depends on what was learnt."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from torch import nn

from gliobench.seeds import derive_seed
from gliobench.terms import LESION
from gliobench.training.job import load_inputs, load_model
from gliobench.training.torch_loop import Model
from gliobench.training.torch_session import device

PER_OUTCOME = 2  # patients shown of each of true and false positives and negatives
OUTCOMES = {(1, 1): "TP", (0, 1): "FP", (0, 0): "TN", (1, 0): "FN"}  # by label and answer at 0.5
CASE = ["patient_id", "fold", "label", "probability", "outcome"]
COLUMNS = [*CASE, "pointing_hit", "lesion_share", "randomised_similarity"]


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
        As `explain_run` returns them.
    """
    cases = draw_cases(predictions, PER_OUTCOME, derive_seed(seed, "gradcam"))
    if cases.empty:  # every fold failed, or the split has no test part
        return pd.DataFrame(columns=COLUMNS), np.empty((0,), np.float32), np.empty((0,), np.float16)
    channels = [name for name in series if name != LESION]
    inputs, index = load_inputs(kind, arrays, channels, patients, cases["patient_id"])

    @cache
    def model_of(fold: int) -> Model:
        return load_model(approach, Path(models) / f"fold-{fold}{approach.SUFFIX}")

    return explain_run(
        approach,
        cases,
        model_of,
        inputs,
        index["patient_id"].tolist(),
        derive_seed(seed, "random weights"),
        _masks(kind, arrays, patients, index["patient_id"]) if LESION in series else None,
    )


def _masks(kind: str, arrays: Sequence[str | Path], patients: pd.DataFrame, wanted: pd.Series) -> np.ndarray:
    masks, index = load_inputs(kind, arrays, [LESION], patients, wanted)
    row = index.set_index("patient_id")["row"]
    return masks[row[wanted].to_numpy(int), 0]


def draw_cases(predictions: pd.DataFrame, per_outcome: int, seed: int) -> pd.DataFrame:
    """
    Draw patients of each outcome by a seed, so that no one selects convincing cases.

    Parameters
    ----------
    predictions : DataFrame
        Rows of the table ``predictions``; only test patients are drawn.
    per_outcome : int
        Maximum number of each of TP, FP, TN, FN.
    seed : int
        Of the draw.

    Returns
    -------
    DataFrame
        patient_id, fold (that tested the patient), label, probability and outcome (at threshold 0.5) of each case.
    """
    rng = np.random.default_rng(seed)
    tested = predictions[(predictions["part"] == "test") & predictions["slice_index"].isna()]
    tested = tested.drop_duplicates("patient_id").sort_values("patient_id")
    answers = (tested["probability"] >= 0.5).astype(int)
    tested = tested.assign(outcome=[OUTCOMES[pair] for pair in zip(tested["label"], answers, strict=True)])
    groups = [tested.loc[tested["outcome"] == outcome, CASE] for outcome in OUTCOMES.values()]
    drawn = [group.iloc[sorted(rng.permutation(len(group))[:per_outcome])] for group in groups]
    return pd.concat(drawn, ignore_index=True)


def explain_run(
    approach: ModuleType,
    cases: pd.DataFrame,
    model_of: Callable[[int], Model],
    inputs: np.ndarray,
    patient_ids: Sequence[str],
    seed: int,
    lesions: np.ndarray | None = None,
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """
    Map the evidence for the prediction in each case, and check the maps.

    Parameters
    ----------
    approach : module
        Offers ``cam_layer``, the layer that the map weighs, and ``redrawn``, the same network with random weights.
    cases : DataFrame
        From `draw_cases`.
    model_of : callable
        From a fold to its trained model.
    inputs : ndarray
        Shape (n, channels, x, y, z), 0 outside the brain.
    patient_ids : sequence of str
        Of each row of `inputs`.
    seed : int
        Of the random weights.
    lesions : ndarray, optional
        Shape (n, x, y, z): the lesion of each row, where it is not 0.

    Returns
    -------
    cams : DataFrame
        The cases; pointing_hit: 1 where the map's maximum in the brain lies in the
        lesion, else 0; lesion_share: the chance that a random brain voxel does; randomised_similarity: Spearman's
        correlation, over the brain, with the map of the network with random weights. Empty where undefined: no lesion,
        or a map without evidence.
    maps : ndarray
        Shape (cases, x, y, z), float32 in [0, 1].
    images : ndarray
        Shape (cases, channels, x, y, z), float16; the last channel is the lesion, 0 or 1, where `lesions` are given.
    """
    place = {patient: row for row, patient in enumerate(patient_ids)}
    rows = [place[patient] for patient in cases["patient_id"]]
    maps = np.zeros((len(cases), *inputs.shape[2:]), np.float32)
    records = []
    for number, (case, row) in enumerate(zip(cases.to_dict("records"), rows, strict=True)):
        model = model_of(int(case["fold"]))
        answer = int(case["probability"] >= 0.5)
        maps[number] = grad_cam(model, approach.cam_layer(model), inputs[row], answer)
        blind = approach.redrawn(model, seed)
        other = grad_cam(blind, approach.cam_layer(blind), inputs[row], answer)
        brain = np.any(inputs[row] != 0, axis=0)
        lesion = None if lesions is None else lesions[row] != 0
        measured = pointing_game(maps[number], lesion, brain)
        measured["randomised_similarity"] = similarity(maps[number][brain], other[brain])
        records.append(case | measured)
    table = pd.DataFrame(records, columns=COLUMNS).astype({"pointing_hit": "Int64"})
    shown = inputs[rows] if lesions is None else np.concatenate([inputs[rows], lesions[rows][:, None] != 0], axis=1)
    return table, maps, shown.astype(np.float16)


def grad_cam(model: Model, layer: nn.Module, image: np.ndarray, answer: int) -> np.ndarray:
    """
    Return Grad-CAM (Selvaraju et al. 2017) of one image: the evidence for a predicted class.

    Parameters
    ----------
    model : Model
        With one logit, that of label 1.
    layer : Module
        Its output, (1, maps, x, y, z), is weighted by the mean gradient of the logit.
    image : ndarray
        Shape (channels, x, y, z).
    answer : {0, 1}
        For 0 the logit counts negatively.

    Returns
    -------
    ndarray
        Shape (x, y, z), float32 from 0 to 1, its maximum; all 0 without evidence for the class.
    """
    kept: list[torch.Tensor] = []
    hook = layer.register_forward_hook(lambda module, arguments, output: kept.append(output))
    model.network.eval()
    try:
        logit = model.network(model.read(torch.from_numpy(image[None]).to(device())))
    finally:
        hook.remove()
    (gradient,) = torch.autograd.grad(logit.sum() if answer else -logit.sum(), kept[0])
    coarse = (gradient.mean(dim=(2, 3, 4), keepdim=True) * kept[0]).sum(dim=1, keepdim=True).relu()
    fine = nn.functional.interpolate(coarse.detach(), image.shape[1:], mode="trilinear")[0, 0]
    highest = fine.max()
    return (fine / highest if highest > 0 else fine).cpu().numpy()


def pointing_game(cam: np.ndarray, lesion: np.ndarray | None, brain: np.ndarray) -> dict[str, Any]:
    """
    Test whether a map's maximum lies in the lesion.

    Parameters
    ----------
    cam : ndarray
        Shape (x, y, z).
    lesion, brain : ndarray of bool
        Of the same shape; no lesion if it is not known.

    Returns
    -------
    dict
        pointing_hit (0, 1 or None) and lesion_share, the chance of a hit (None without a lesion).
    """
    if lesion is None or not (lesion & brain).any():
        return {"pointing_hit": None, "lesion_share": None}
    inside = np.where(brain, cam, 0)
    hit = int(lesion.flat[inside.argmax()]) if inside.max() > 0 else None
    return {"pointing_hit": hit, "lesion_share": float(np.mean(lesion[brain]))}


def similarity(one: np.ndarray, other: np.ndarray) -> float | None:
    """Return Spearman's correlation of two maps; None if one of them is constant."""
    if not len(one) or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.clip(np.corrcoef(rankdata(one), rankdata(other))[0, 1], -1, 1))
