"""Choice of a GPU for a training if there are several."""

import os
import re
import shutil
import socket
import subprocess
from itertools import count, takewhile
from pathlib import Path

from gliobench.errors import GlioBenchError
from gliobench.processes import hold

LOCKS = Path("results/.gpus")  # shared by the studies of one folder
VISIBLE = "CUDA_VISIBLE_DEVICES"


def claim_gpu(asked: int, locks: str | Path = LOCKS) -> str | None:
    """
    Take the GPU with the fewest holders until this process ends; call before a framework is used.

    From then on ``CUDA_VISIBLE_DEVICES`` names no other. Each training on a GPU holds a lock file, which the kernel
    releases when the process ends, for whatever reason.

    Parameters
    ----------
    asked : int
        GPUs requested by the job; with 0 nothing is taken.
    locks : path
        Folder of the lock files, with one folder per machine, and in a SLURM job one per allocation, because two
        allocations may number different GPUs the same.

    Returns
    -------
    str or None
        The GPU's name for CUDA; None if there is no choice.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # a number means the same GPU to CUDA and to the driver
    gpus = visible_gpus() if asked else []
    if len(gpus) < 2:
        return None
    machine = "-".join([socket.gethostname(), *filter(None, [os.environ.get("SLURM_JOB_ID")])])
    folder = Path(locks) / machine
    gpu = next(gpu for others in count() for gpu in gpus if _held(folder / f"{gpu.replace('/', '_')}.{others}"))
    os.environ[VISIBLE] = gpu
    return gpu


def visible_gpus() -> list[str]:
    """
    Return the GPUs visible to CUDA: those in ``CUDA_VISIBLE_DEVICES``, else those listed by the driver.

    No framework is loaded for this, because that would fix the choice.

    Returns
    -------
    list of str
        Numbers as the variable has them, or UUIDs, whose meaning no setting changes.
    """
    named = os.environ.get(VISIBLE)
    if named is not None:
        names = [name.strip() for name in named.split(",")]
        return list(takewhile(lambda name: name and not name.startswith("-"), names))  # CUDA also stops at -1
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
    return re.findall(r"UUID: (GPU-[^)\s]+)", listed.stdout)


def _held(path: Path) -> bool:
    try:
        hold(path)
    except GlioBenchError:
        return False
    return True
