"""Cost of training a fold: time, memory, and the energy of its GPU."""

import time
from typing import Any

from gliobench.processes import peak_memory
from gliobench.training.gpus import MIG, visible_gpus

JOULES_PER_KWH = 3.6e6


class Meter:
    """
    Starts when created.

    Parameters
    ----------
    device : str
        The training device: ``cpu``, or a GPU's name.
    """

    def __init__(self, device: str):
        self.on_gpu = device != "cpu"
        self.start = time.perf_counter()
        self.energy = gpu_energy() if self.on_gpu else None

    def read(self, samples: int) -> dict[str, Any]:
        """
        Return the cost so far, for the record of a fold.

        Parameters
        ----------
        samples : int
            Rows of the training part times epochs; the networks of an ensemble see fewer of them.

        Returns
        -------
        dict
            seconds, samples_per_second, peak_memory_bytes (of the process), and energy_kwh if the GPU counts it.
        """
        seconds = time.perf_counter() - self.start
        cost = {"seconds": seconds, "samples_per_second": samples / seconds, "peak_memory_bytes": peak_memory()}
        now = gpu_energy() if self.on_gpu else None
        return cost if now is None or self.energy is None else cost | {"energy_kwh": now - self.energy}


def gpu_energy() -> float | None:
    """
    Return the energy of this process' GPU since its driver was loaded: NVML's counter, for all users of the GPU.

    Returns
    -------
    float or None
        kWh; None without a counter: a MIG slice (its GPU's counter is of all slices), a card older than Volta, no
        NVIDIA driver.
    """
    import pynvml

    gpus = visible_gpus()
    if gpus and gpus[0].startswith(MIG):
        return None
    try:
        pynvml.nvmlInit()
        by_name = pynvml.nvmlDeviceGetHandleByIndex if gpus[0].isdigit() else pynvml.nvmlDeviceGetHandleByUUID
        handle = by_name(int(gpus[0]) if gpus[0].isdigit() else gpus[0])
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000 / JOULES_PER_KWH
    except (IndexError, pynvml.NVMLError):
        return None
