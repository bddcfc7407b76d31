"""Grad-CAM of a 3D network: the evidence for its predictions, and whether the map depends on what was learnt."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata
from torch import nn

from gliobench.training.torch_loop import Model
from gliobench.training.torch_session import device

OUTCOMES = {(1, 1): "TP", (0, 1): "FP", (0, 0): "TN", (1, 0): "FN"}  # by label and answer at 0.5
COLUMNS = ["patient_id", "fold", "label", "probability", "outcome", "pointing_hit", "lesion_share"]
COLUMNS += ["randomised_similarity"]


@dataclass(frozen=True)
class Case:
    """
    A tested patient, with the model of the fold that tested it.

    Attributes
    ----------
    patient_id : str
    fold : int
    label : int
        0 or 1.
    probability : float
        Of label 1, as predicted in the test.
    """

    patient_id: str
    fold: int
    label: int
    probability: float

    @property
    def outcome(self) -> str:
        """TP, FP, TN or FN at threshold 0.5."""
        return OUTCOMES[self.label, int(self.probability >= 0.5)]


def draw_cases(predictions: pd.DataFrame, per_outcome: int, seed: int) -> list[Case]:
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
    """
    rng = np.random.default_rng(seed)
    tested = predictions[(predictions["part"] == "test") & predictions["slice_index"].isna()]
    tested = tested.drop_duplicates("patient_id").sort_values("patient_id")
    columns = (tested[name] for name in ("patient_id", "fold", "label", "probability"))
    cases = [
        Case(str(who), int(fold), int(label), float(value)) for who, fold, label, value in zip(*columns, strict=True)
    ]
    drawn = []
    for outcome in OUTCOMES.values():
        candidates = [case for case in cases if case.outcome == outcome]
        drawn += [candidates[place] for place in sorted(rng.permutation(len(candidates))[:per_outcome])]
    return drawn


def explain_run(
    cases: Sequence[Case],
    model_of: Callable[[int], Model],
    redrawn: Callable[[Model, int], Model],
    cam_layer: Callable[[Model], nn.Module],
    inputs: np.ndarray,
    patient_ids: Sequence[str],
    seed: int,
    lesions: np.ndarray | None = None,
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """
    Map the evidence for the prediction in each case, and check the maps.

    Parameters
    ----------
    cases : sequence of Case
        From `draw_cases`.
    model_of : callable
        From a fold to its trained model.
    redrawn, cam_layer : callable
        Of the approach: the same network with random weights drawn with a seed, and the layer that the map weighs.
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
        patient_id, fold, label, probability, outcome; pointing_hit: 1 where the map's maximum in the brain lies in the
        lesion, else 0; lesion_share: the chance that a random brain voxel does; randomised_similarity: Spearman's
        correlation, over the brain, with the map of the network with random weights. Empty where undefined: no lesion,
        or a map without evidence.
    maps : ndarray
        Shape (cases, x, y, z), float32 in [0, 1].
    images : ndarray
        Shape (cases, channels, x, y, z), float16.
    """
    place = {patient: row for row, patient in enumerate(patient_ids)}
    rows = [place[case.patient_id] for case in cases]
    maps = np.zeros((len(cases), *inputs.shape[2:]), np.float32)
    records = []
    for number, (case, row) in enumerate(zip(cases, rows, strict=True)):
        model = model_of(case.fold)
        answer = int(case.probability >= 0.5)
        maps[number] = grad_cam(model, cam_layer(model), inputs[row], answer)
        blind = redrawn(model, seed)
        other = grad_cam(blind, cam_layer(blind), inputs[row], answer)
        brain = np.any(inputs[row] != 0, axis=0)
        lesion = None if lesions is None else lesions[row] != 0
        records.append(
            {
                "patient_id": case.patient_id,
                "fold": case.fold,
                "label": case.label,
                "probability": case.probability,
                "outcome": case.outcome,
                **pointing_game(maps[number], lesion, brain),
                "randomised_similarity": similarity(maps[number][brain], other[brain]),
            }
        )
    table = pd.DataFrame(records, columns=COLUMNS).astype({"pointing_hit": "Int64"})
    return table, maps, inputs[rows].astype(np.float16)


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
