"""How much memory a training takes where it computes, by its shape; docs/method.md#devices says from what."""

import math
from collections.abc import Callable, Mapping
from typing import Any

MIB = 2**20
HELD = 2.2  # times its inputs that a training holds in the machine's memory: them, and those of its parts
FIXED = 2048  # MiB of any training: CUDA itself, libraries' workspaces, weights with their gradients and moments
PEAK = 1.5  # the most that is held in a step, as a multiple of KEPT: that of cnn3d on an H100; other networks had less
# Bytes that a forward pass in float32 keeps for the backward pass, per pixel or voxel of a row of the input. Counted
# on a CPU; they grow with the parameters named here, and hardly with any other.
BACKBONES = {
    "alexnet": 260,
    "mobilenet": 870,
    "resnet10": 520,
    "resnet50": 2190,
    "efficientnetb0": 1350,
    "efficientnetb3": 2670,
}
KEPT: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "cnn3d": lambda parameters: 12 * sum(parameters["filters"]),
    "densenet121": lambda parameters: 470,
    "efficientnet": lambda parameters: BACKBONES[parameters["backbone"]],
    "resnet10_3d": lambda parameters: 800 * parameters["widen_factor"],
    "resnet18": lambda parameters: 450,
    "stacked_cnn3d": lambda parameters: 14 * parameters["filters"],
}


def memory_of_training(job: Mapping[str, Any], space: Mapping[str, Mapping[str, Any]] | None = None) -> float:
    """
    Estimate the memory that a training holds on a GPU, or of a machine whose CPU trains, without its inputs.

    Parameters
    ----------
    job : mapping
        A training job's settings, as `gliobench.study.Study.job` returns them. Of several phases the last counts, which
        trains the whole network.
    space : mapping, optional
        Of a tuning: the largest value of each hyperparameter counts.

    Returns
    -------
    float
        MiB; infinite for an approach that is not in `KEPT`, which so gets a GPU to itself.
    """
    approach = job["cell"]["approach"]
    if approach not in KEPT:
        return math.inf
    parameters = job["parameters"] | {name: _largest(limits) for name, limits in (space or {}).items()}
    batch_size = parameters.get(job["phases"][-1], parameters)["batch_size"]
    return FIXED + PEAK * KEPT[approach](parameters) * batch_size * math.prod(job["input"]["shape"]) / MIB


def _largest(limits: Mapping[str, Any]) -> Any:
    return max(limits["choices"]) if "choices" in limits else limits["high"]
