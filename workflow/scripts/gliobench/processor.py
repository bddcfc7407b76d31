"""What decides the last digits on a machine, for ``run.json``: its processor, and the kernels that libraries chose."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from gliobench.arithmetic import pinned

INSTRUCTIONS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")


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
