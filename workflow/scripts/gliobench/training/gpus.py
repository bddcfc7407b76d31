"""The GPUs of a machine: their memory, and the choice of one for a training if there are several."""

import os
import re
import shutil
import socket
import subprocess
import time
import uuid
from functools import cache
from itertools import takewhile
from pathlib import Path

from gliobench.processes import alone, hold, is_held
from gliobench.recipe import say

LOCKS = Path("results/.gpus")  # shared by the studies of one folder
VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
BY_BUS = "PCI_BUS_ID"  # the driver's order, in which a number means the same GPU to CUDA, to nvidia-smi and to NVML
MIG = "MIG-"  # begins the UUID of a part of a GPU
SECONDS_BETWEEN_LOOKS = 2
MIB_PER_GB = 950  # of a slice: the name of its profile has its memory in GB, which is rounded up
UNTOLD = 1  # MiB if the driver tells the memory of no GPU: so little that each holds one training at a time


def claim_gpu(asked: int, memory: int = 0, locks: str | Path = LOCKS) -> str | None:
    """
    Take the GPU with the fewest trainings until this process ends; call before a framework is used.

    From then on ``CUDA_VISIBLE_DEVICES`` names no other. Each training on a GPU holds a lock file, which the kernel
    releases when the process ends, for whatever reason.

    Parameters
    ----------
    asked : int
        GPUs requested by the job; with 0 nothing is taken.
    memory : int
        MiB that the training will take of the GPU; waits until one has as much. With 0 any GPU has enough.
    locks : path
        Folder of the lock files, with one folder per machine, and in a SLURM job one per allocation, because two
        allocations may number different GPUs the same.

    Returns
    -------
    str or None
        The GPU's name for CUDA, its UUID if the driver lists it; None if there is neither a choice nor memory to count.
    """
    os.environ.setdefault(ORDER, BY_BUS)
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # else TensorFlow takes all of a GPU's memory
    gpus = visible_gpus() if asked else []
    if not gpus or (len(gpus) == 1 and not memory):
        return None
    machine = "-".join([socket.gethostname(), *filter(None, [os.environ.get("SLURM_JOB_ID")])])
    folder = Path(locks) / machine
    gpu = _take(gpus, memory, folder)
    if gpu is None:
        say(f"waits for a GPU of which the trainings of this folder leave {memory} MiB")
    while gpu is None:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        gpu = _take(gpus, memory, folder)
    os.environ[VISIBLE] = gpu
    return gpu


def visible_gpus() -> list[str]:
    """
    Return the GPUs visible to CUDA: those in ``CUDA_VISIBLE_DEVICES``, else those listed by the driver.

    No framework is loaded for this, because that would fix the choice.

    Returns
    -------
    list of str
        UUIDs, each once; of a GPU that is divided (MIG), those of its slices. A name that the driver does not list is
        returned as the variable has it.
    """
    named = os.environ.get(VISIBLE)
    divided, _ = _driver(shutil.which("nvidia-smi"))
    if named is None:
        names = list(divided)
    else:  # CUDA also stops at -1
        given = [name.strip() for name in named.split(",")]
        names = list(takewhile(lambda name: name and not name.startswith("-"), given))
    full = [_full_name(name, divided) for name in names]
    return list(dict.fromkeys(device for name in full for device in divided.get(name) or [name]))


def gpu_memory() -> dict[str, int]:
    """
    Return the memory of the visible GPUs, MiB; empty without an NVIDIA driver.

    A GPU whose memory the driver does not tell counts like the smallest of the others.
    """
    divided, memory = _driver(shutil.which("nvidia-smi"))
    gpus = visible_gpus() if divided else []
    unknown = min((memory[gpu] for gpu in gpus if gpu in memory), default=UNTOLD)
    return {gpu: memory.get(gpu, unknown) for gpu in gpus}


def _full_name(name: str, divided: dict[str, list[str]]) -> str:
    """Return the UUID that a number, or the beginning of a UUID, stands for."""
    gpus = list(divided)
    if name.isdigit():
        known = os.environ.get(ORDER, BY_BUS) == BY_BUS and int(name) < len(gpus)
        return gpus[int(name)] if known else name
    meant = [uuid for gpu in gpus for uuid in (gpu, *divided[gpu]) if uuid.startswith(name)]
    return meant[0] if len(meant) == 1 else name


@cache
def _driver(nvidia_smi: str | None) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Return what the driver lists: the slices of each GPU, none if it is whole, and the memory of all, MiB."""
    divided: dict[str, list[str]] = {}
    memory: dict[str, int] = {}
    if nvidia_smi is None:
        return divided, memory
    for line in _printed(nvidia_smi, "--list-gpus"):
        if gpu := re.search(r"UUID: (GPU-[^)\s]+)", line):
            divided[gpu[1]] = []
        elif part := re.search(r"MIG \S*?(\d+)gb.*UUID: (MIG-[^)\s]+)", line):
            divided[next(reversed(divided))].append(part[2])
            memory[part[2]] = int(part[1]) * MIB_PER_GB
    for line in _printed(nvidia_smi, "--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits"):
        if whole := re.fullmatch(r"(GPU-\S+), (\d+)", line):
            memory[whole[1]] = int(whole[2])
    return divided, memory


def _printed(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


def _take(gpus: list[str], memory: int, folder: Path) -> str | None:
    """Take the GPU with the fewest trainings among those with enough memory; None if no GPU has as much now."""
    has = gpu_memory()
    with alone(folder / "choosing"):
        held = {gpu: _held_of(folder / _file_name(gpu)) for gpu in gpus}
        enough = [gpu for gpu in gpus if not memory or sum(held[gpu]) + memory <= has.get(gpu, UNTOLD)]
        gpu = min(enough, key=lambda gpu: len(held[gpu]), default=None)
        if gpu is not None:
            hold(folder / _file_name(gpu) / f"{memory}.{uuid.uuid4().hex}")
    return gpu


def _file_name(gpu: str) -> str:
    return gpu.replace("/", "_")  # in the UUIDs that older drivers give to slices


def _held_of(folder: Path) -> list[int]:
    """Return the memory of each training on a GPU, and remove the files of those that ended."""
    held = []
    for path in folder.glob("*"):
        if is_held(path):
            held.append(int(path.name.partition(".")[0]))
        else:
            path.unlink()
    return held
