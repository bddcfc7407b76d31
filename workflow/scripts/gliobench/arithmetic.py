"""The same digits on another processor: libraries are told not to use newer instructions. Light to import."""

import os
import platform

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


def pin() -> None:
    """Make libraries imported from now on compute the same on all x86-64 processors with AVX2."""
    if platform.machine().lower() in ("x86_64", "amd64"):
        os.environ.update(PINNED)


def pinned() -> bool:
    """Whether libraries imported by this process compute as `pin` says."""
    return all(os.environ.get(name) == value for name, value in PINNED.items())
