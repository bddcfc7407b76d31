"""The same digits on another processor: libraries are told not to use newer instructions. Light to import."""

import os
import platform
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

# Set before the libraries load. They then compute on newer processors as on one with AVX2 (Intel since 2013, AMD since
# 2015). perf/processors.py compares bytes under several processor models.
PINNED = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions of PyTorch and TensorFlow
    "TF_ENABLE_ONEDNN_OPTS": "1",  # by default, TensorFlow uses oneDNN on some processors and its own kernels on others
    "MKL_CBWR": "COMPATIBLE",  # matrix products of PyTorch; the one branch that MKL offers on every maker's processors
    "OPENBLAS_CORETYPE": "Haswell",  # matrix products of NumPy and SciPy
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # NumPy's own kernels
    "OPENCV_CPU_DISABLE": "AVX512-SKX",  # resizing of slices
}
INSTRUCTIONS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")


def pin() -> None:
    """Make libraries imported from now on compute the same on all x86-64 processors with AVX2."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        os.environ.update(PINNED)


def pinned() -> bool:
    """Whether libraries imported by this process compute as `pin` says."""
    return all(os.environ.get(name) == value for name, value in PINNED.items())


def processor() -> dict[str, Any]:
    """
    Return what decides the last digits on this machine, for ``run.json``.

    Returns
    -------
    dict
        ``portable``: whether the libraries are pinned. ``instructions``: sets that the processor has, None where the
        system does not say. ``libraries``: the kernels that those chose which are loaded.
    """
    return {
        "portable": pinned(),
        "instructions": _instructions(),
        "libraries": _dispatch(),
    }


def _instructions() -> list[str] | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), None)
    return None if flags is None else [name for name in INSTRUCTIONS if name in flags]


def _dispatch() -> dict[str, str]:
    from threadpoolctl import threadpool_info  # comes with scikit-learn

    found = {
        str(each["internal_api"]): str(each["architecture"]) for each in threadpool_info() if "architecture" in each
    }
    if "torch" in sys.modules:
        torch = import_module("torch")
        found["torch"] = torch.backends.cpu.get_cpu_capability()
    return found
