"""PyTorch: device, threads, exact repeats, mixed precision, and models as files that cannot carry code."""

import os
import pickle
import random
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import nn

from gliobench.errors import GlioBenchError
from gliobench.recipe import LOGGER
from gliobench.training import Machine
from gliobench.training.c_compiler import finds_c_compiler
from gliobench.training.freed_memory import keep_freed_memory

SUFFIX = ".pt"
SHARE_FOR_DATA = 0.5  # of the GPU's free memory
SOUND_CUDNN = 91500  # from 9.15 on; 9.8 to 9.10 compute bfloat16 convolutions wrongly, without an error

_used = {"device": "cpu", "compile": False}


def prepare(machine: Machine) -> str:
    """
    Choose the device, fix the number of threads and request exact repeats; call once, before the first model.

    On a CPU every result repeats to the byte for the same number of threads. On a GPU ``machine.deterministic``
    requests the same, without ``torch.compile``; operations without a deterministic form there (3D pooling) warn.

    Returns
    -------
    str
        ``cpu``, or the GPU's name.

    Raises
    ------
    GlioBenchError
        ``cuda`` is requested, and there is none that PyTorch can use.
    """
    machine.check_gpu(torch.cuda.is_available(), "torch")
    keep_freed_memory()
    on_gpu = machine.device != "cpu" and torch.cuda.is_available()
    torch.set_num_threads(machine.threads)
    if torch.get_num_interop_threads() != 1:
        torch.set_num_interop_threads(1)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # needed for repeatable cuBLAS
    torch.use_deterministic_algorithms(machine.deterministic or not on_gpu, warn_only=on_gpu)
    torch.backends.cudnn.benchmark = on_gpu and not machine.deterministic
    _used["device"] = "cuda" if on_gpu else "cpu"
    _used["compile"] = on_gpu and not machine.deterministic and _can_compile()
    if not on_gpu:
        return "cpu"
    if not safe_bf16():
        LOGGER.info("trained in float32: this GPU has no bf16, or cuDNN is older than 9.15, whose bf16 is not trusted")
    return str(torch.cuda.get_device_name())


def _can_compile() -> bool:
    """Whether there is a C compiler; warn if not."""
    if finds_c_compiler():
        return True
    LOGGER.warning(
        "Networks are not compiled for the GPU and train more slowly, because no C compiler was found (%s): install "
        "one, as docs/full-run.md says, or correct the variable CC.",
        os.environ.get("CC") or "gcc or clang",
    )
    return False


def compiles() -> bool:
    """Whether `prepare` chose to compile networks."""
    return bool(_used["compile"])


def device() -> torch.device:
    """Return the device that `prepare` chose; the CPU before."""
    return torch.device(str(_used["device"]))


def adam(network: nn.Module, learning_rate: float) -> torch.optim.Adam:
    """
    Return Adam for a network, fused.

    The square root of the fused one is exact; that of the plain one, MKL's, differs between processor vendors.
    """
    return torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)


def seed_all(seed: int) -> None:
    """Seed every random source of PyTorch and the libraries built on it."""
    random.seed(seed)
    torch.manual_seed(seed)


def autocast() -> AbstractContextManager[Any]:
    """Return the context of a forward pass: bf16 on a GPU if `safe_bf16` allows it, else float32."""
    if device().type == "cuda" and safe_bf16():
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def in_float32(*layers: nn.Module) -> None:
    """Have a network's last layers compute in float32 under `autocast`: answers in bf16, of 8 bits, would often tie."""
    for layer in layers:
        layer.forward = MethodType(_forward_in_float32, layer)  # the layer itself, so that its weights keep their names


def _forward_in_float32(layer: nn.Module, rows: torch.Tensor) -> Any:
    with torch.autocast(rows.device.type, enabled=False):
        return type(layer).forward(layer, rows.float())


def safe_bf16() -> bool:
    """Return whether the GPU computes in bf16 itself, from Ampere on, and its cuDNN is known to be correct."""
    in_hardware = torch.cuda.is_bf16_supported(including_emulation=False)
    return in_hardware and (torch.backends.cudnn.version() or 0) >= SOUND_CUDNN


def place(network: nn.Module, dimensions: int) -> nn.Module:
    """
    Put a network on the device, on a GPU with channels last.

    Parameters
    ----------
    network : Module
        Changed in place.
    dimensions : {2, 3}
        Of its images.
    """
    if device().type == "cuda":
        last = torch.channels_last if dimensions == 2 else torch.channels_last_3d
        return network.to(device(), memory_format=last)  # type: ignore[call-overload]
    return network.to(device())


def compiled(network: nn.Module) -> Any:
    """Return the network's forward pass, compiled on a GPU; what cannot be compiled runs uncompiled with a warning."""
    if not compiles():
        return network
    torch._dynamo.config.suppress_errors = True
    return torch.compile(network)


def resident(array: np.ndarray, place: torch.device | None = None) -> torch.Tensor:
    """Return an array as a tensor, without a copy; on `place`, or else `device`, if that is a GPU where it fits."""
    tensor, place = torch.from_numpy(array), place or device()
    if place.type == "cuda" and array.nbytes < SHARE_FOR_DATA * torch.cuda.mem_get_info()[0]:
        return tensor.to(place)
    return tensor


@cache
def constant(values: tuple[float, ...], place: torch.device) -> torch.Tensor:
    """Return numbers as a float32 tensor on a device, sent there once: the host waits for a GPU when it sends some."""
    return torch.tensor(values, dtype=torch.float32, device=place)


def finite(model: nn.Module) -> torch.Tensor:
    """Whether every weight and running statistic is finite: one truth value, on the model's device."""
    return torch.stack([torch.isfinite(values).all() for values in model.state_dict().values()]).all()


def save_weights(model: nn.Module, path: Path, about: dict[str, Any]) -> None:
    """
    Write the weights and the values to rebuild the network.

    Parameters
    ----------
    model : Module
        On any device; the file holds CPU tensors.
    path : path
        The file.
    about : dict
        Plain values: numbers, text, lists, dicts.
    """
    torch.save({"about": about, "state": {name: values.cpu() for name, values in model.state_dict().items()}}, path)


def load_weights(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """
    Read what `save_weights` wrote; code in the file is refused.

    Returns
    -------
    state, about : dict, dict
        Tensors on the CPU, and the values to rebuild the network.

    Raises
    ------
    GlioBenchError
        The file is missing, or another kind of file.
    """
    content = read_plain(path)
    if not isinstance(content, dict) or set(content) != {"about", "state"}:
        raise GlioBenchError(f"{path} is not a model saved by GlioBench; give a file from a run's `models` folder.")
    return content["state"], content["about"]


def read_plain(path: Path) -> Any:
    """Read a file of ``torch.save`` onto the CPU, tensors and plain values only."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise GlioBenchError(f"{path} does not exist; give the path of a file with weights.") from None
    except (pickle.UnpicklingError, EOFError, OSError, RuntimeError, ValueError, KeyError, TypeError):
        raise GlioBenchError(
            f"{path} holds no PyTorch weights, or more than weights; give a file with only tensors."
        ) from None
