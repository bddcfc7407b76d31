"""The same last digits on another processor: libraries are told to leave newer instructions alone. Light to import."""

import os

# Processors since about 2013 (Intel) and 2015 (AMD) have AVX2. What a library does on them it then does on all.
PINNED = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions of PyTorch
    "TF_ENABLE_ONEDNN_OPTS": "0",  # TensorFlow's own kernels in place of oneDNN's
    "MKL_CBWR": "COMPATIBLE",  # matrix products of PyTorch; the one branch that MKL offers on every maker's processors
    "OPENBLAS_CORETYPE": "Haswell",  # matrix products of NumPy and SciPy
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # NumPy's own kernels
    "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX512-ICL",  # resizing of slices
}


def pin() -> None:
    """Have libraries that are imported from now on compute alike on processors that have AVX2, newer ones or not."""
    os.environ.update(PINNED)
