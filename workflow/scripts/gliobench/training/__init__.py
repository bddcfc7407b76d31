"""Shared code of trainings: the job, the machine, the parts of a fold, frameworks, and the loop over folds."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gliobench.errors import GlioBenchError
from gliobench.recipe import LOGGER
from gliobench.seeds import derive_seed
from gliobench.training.gpus import visible_gpus

if TYPE_CHECKING:
    import numpy as np  # parsing needs the GPUs of this package, and no arrays

# By framework: why a GPU that is visible is not used.
WHY_GPU_UNUSED = {
    "tensorflow": "TensorFlow cannot use the visible GPU ({gpu}), because its wheel brings no CUDA libraries: set "
    "`backend: torch`, on which approaches written in Keras can, or `device: cpu`.",
    "torch": "PyTorch cannot use the visible GPU ({gpu}): docs/full-run.md says which drivers and GPUs it needs; "
    "update the driver, or set `device: cpu`.",
}

OnEpoch = Callable[[dict[str, float]], None]


class Diverged(Exception):
    """The loss of a training became NaN or infinite."""


def first_line(error: Exception) -> str:
    """Describe an error of a framework in one line of at most 200 characters."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def gpu_is_full(error: BaseException) -> bool:
    """Whether an error of a framework says that the memory of the GPU is full; none has one type for it."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    says_so = "out of memory" in str(error).lower() or "ALLOC_FAILED" in str(error)  # CUDA, XLA; cuDNN, cuBLAS
    full = bool(kinds & {"OutOfMemoryError", "ResourceExhaustedError"}) or ("RuntimeError" in kinds and says_so)
    return full and not machine_is_full(error)


def machine_is_full(error: BaseException) -> bool:
    """Whether an error of NumPy or a framework says that the memory of the machine is full, where a CPU trains."""
    of_framework = re.search(r"by allocator (mkl)?cpu|DefaultCPUAllocator", str(error))  # TensorFlow; PyTorch
    return isinstance(error, MemoryError) or of_framework is not None


def why_it_failed(error: Exception, approach: str, parameters: Mapping[str, Any]) -> str:
    """Describe an error of a framework in a training of an approach; of full memory, with what to lower."""
    if gpu_is_full(error):
        full, at_once = "GPU", "gpu=N, with N the number of GPUs"
    elif machine_is_full(error):
        full, at_once = "machine", "mem_mb=N, with N the MB that all jobs together may take"
    else:
        return first_line(error)
    phases = (each for each in parameters.values() if isinstance(each, Mapping))
    lower = f"lower `batch_size` of {approach} in the config under `settings`, or "
    return (
        f"the memory of the {full} is full ({first_line(error)}): "
        f"{lower if any('batch_size' in each for each in (parameters, *phases)) else ''}"
        f"run fewer trainings at once (--resources {at_once})"
    )


@dataclass(frozen=True)
class Machine:
    """
    Resources of the machine for a training.

    Attributes
    ----------
    threads : int
        Threads per operation. Results on CPU repeat to the byte for the same number.
    device : {"auto", "cpu", "cuda"}
        ``auto`` uses a GPU if there is one.
    deterministic : bool
        Exact repeats on a GPU too, at the cost of speed; results on CPU always repeat.
    """

    threads: int = 1
    device: str = "auto"
    deterministic: bool = False

    def check_gpu(self, found: bool, framework: str) -> None:
        """Raise an error if a GPU was requested and the framework found none; warn if one is left unused."""
        if found:
            return
        unused = self.unused_gpu(framework)
        if self.device == "cuda":
            missing = "this machine has no CUDA GPU; set `device: auto` or `device: cpu`."
            raise GlioBenchError(f"`device: cuda` was requested, but {unused or missing}")
        if unused:
            LOGGER.warning("%s", unused)

    def unused_gpu(self, framework: str) -> str | None:
        """
        Say why a training on the CPU leaves a GPU unused, and what to do.

        Parameters
        ----------
        framework : str
            What trains, named as a toolchain.

        Returns
        -------
        str or None
            None if the training needs no GPU, or none is visible.
        """
        gpus = [] if self.device == "cpu" or framework not in WHY_GPU_UNUSED else visible_gpus()
        return WHY_GPU_UNUSED[framework].format(gpu=gpus[0]) if gpus else None


@dataclass(frozen=True)
class Job:
    """
    One training job: the folds k of a repeat with k mod `batches` = `batch`.

    Attributes
    ----------
    cell : dict
        cohort, approach, variant, modality and protocol.
    scheme : str
        The split scheme. Together with the cell's other names it identifies a run, so that two protocols that score one
        split in two ways train the same model.
    repeat, seed_index, batch, batches : int
        Which runs of the cell.
    seed : int
        The cohort's base seed.
    phases : list of str
        States of a training that are scored, in their order.
    parameters : dict
        Of the variant, with the protocol's changes and the tuned values.
    library : str
        Digest of the code that trains, see `gliobench.sources.library_digest`.
    input : dict
        Settings of the input that the models read.
    series : list of str
        Series of the input, in the order of its channels.
    toolchain, cohort_kind : str
        Kept in the record, for predictions of new patients.
    weights : str
        Initial weights: none, imagenet or a file.
    part : str, optional
        ``whole``: all patients of a run are scored as one part, training patients included.
    reason : str, optional
        Why it cannot be trained, for example after a failed search: each fold then fails with this reason.
    """

    cell: dict[str, str]
    scheme: str
    repeat: int
    seed_index: int
    batch: int
    batches: int
    seed: int
    phases: list[str]
    parameters: dict[str, Any]
    library: str
    input: dict[str, Any]
    series: list[str]
    toolchain: str
    cohort_kind: str
    weights: str = "none"
    part: str | None = None
    reason: str | None = None

    def fold_seed(self, fold: int) -> int:
        """Return the seed of one run: a function of the base seed and the run's identity."""
        identity = self.cell | {"protocol": self.scheme}
        return derive_seed(self.seed, *identity.values(), self.repeat, self.seed_index, fold)

    @property
    def name(self) -> str:
        """The job's name for progress lines."""
        return " ".join([*self.cell.values(), f"repeat {self.repeat}"])


def import_approach(name: str, toolchain: str) -> ModuleType:
    """
    Import an approach; if it is written in Keras, that runs on the framework of the toolchain.

    Meanwhile Python looks for no garbage, and it never does in what was imported: that is up to a fifth of the time.

    Parameters
    ----------
    name : str
        Module of `gliobench.approaches`.
    toolchain : str
        Of the study or of the run: ``tensorflow``, ``torch`` or ``sklearn``.
    """
    if toolchain in WHY_GPU_UNUSED:
        os.environ["KERAS_BACKEND"] = toolchain
    gc.disable()
    try:
        return import_module(f"gliobench.approaches.{name}")
    finally:
        gc.freeze()
        gc.enable()


def keras_backend() -> str | None:
    """Return the backend of Keras in this process, or None if it is not loaded; nothing is loaded for this."""
    keras = sys.modules.get("keras")
    return keras.backend.backend() if keras else None


@dataclass(frozen=True)
class Part:
    """
    The patients of one role in a fold, or their slices.

    Attributes
    ----------
    inputs : ndarray
        Shape (n, ...).
    labels : ndarray
        Shape (n,), 0 or 1.
    patient_ids : ndarray
        Shape (n,), text; slices of one patient share its id.
    spacing : tuple of float
        Distance of neighbouring voxels along x, y and z, mm, of inputs on a grid; 1 of others.
    """

    inputs: np.ndarray
    labels: np.ndarray
    patient_ids: np.ndarray
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __len__(self) -> int:
        return len(self.labels)
