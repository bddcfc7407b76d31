"""Which GPU a training takes where there are several."""

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
    Take one of several GPUs until this process ends, the one that fewest others hold; call before a framework is used.

    ``CUDA_VISIBLE_DEVICES`` names no other from then on. Held is a lock file for each training on a GPU, which the
    kernel drops with its holder, however that ends.

    Parameters
    ----------
    asked : int
        GPUs that the job asks for; with 0 nothing is taken.
    locks : path
        Folder of the lock files; has one folder a machine, and in a SLURM job one for its allocation, since two
        allocations may call different GPUs by the same number.

    Returns
    -------
    str or None
        The GPU's name for CUDA; None where there is nothing to choose from.
    """
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # a number means the same GPU to CUDA and to the driver
    gpus = visible_gpus() if asked else []
    if len(gpus) < 2:
        return None
    machine = "-".join([socket.gethostname(), *filter(None, [os.environ.get("SLURM_JOB_ID")])])
    gpu = next(gpu for others in count() for gpu in gpus if _held(Path(locks) / machine / _file_name(gpu, others)))
    os.environ[VISIBLE] = gpu
    return gpu


def visible_gpus() -> list[str]:
    """
    Return the GPUs that CUDA would see: what ``CUDA_VISIBLE_DEVICES`` names, else those that the driver lists.

    No framework is loaded for it: that would fix the choice.

    Returns
    -------
    list of str
        Numbers as the variable has them, or UUIDs, whose meaning no setting changes.
    """
    named = os.environ.get(VISIBLE)
    if named is not None:
        names = [name.strip() for name in named.split(",")]
        return list(takewhile(lambda name: name and not name.startswith("-"), names))  # CUDA too stops at a -1
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
    return re.findall(r"UUID: (GPU-[^)\s]+)", listed.stdout)


def _file_name(gpu: str, others: int) -> str:
    return f"{gpu.replace('/', '_')}.{others}"


def _held(path: Path) -> bool:
    try:
        hold(path)
    except GlioBenchError:
        return False
    return True
