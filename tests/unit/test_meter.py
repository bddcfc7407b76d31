"""What a fold costs; the GPU's counter is NVML's, of the GPU that the training took."""

import pynvml
import pytest

from gliobench.training.gpus import VISIBLE
from gliobench.training.meter import Meter, gpu_energy


@pytest.fixture
def counters(monkeypatch):
    """Two GPUs with counters, in mJ; the second counts by a UUID too, and would count for its slice."""
    used = {0: 1_000, 1: 7_200_000_000, "GPU-b": 7_200_000_000, "MIG-c": 7_200_000_000}
    monkeypatch.setenv("PATH", "")  # no driver names the GPUs of this machine

    def handle(name):
        if name not in used:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return name

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", handle)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", handle)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", used.__getitem__)
    return used


@pytest.mark.parametrize(
    ("visible", "kwh"), [("1", 2.0), ("GPU-b", 2.0), ("0", 1 / 3.6e6), ("MIG-c", None), ("", None)]
)
def test_the_counter_is_that_of_the_gpu_that_was_taken(counters, monkeypatch, visible, kwh):
    monkeypatch.setenv(VISIBLE, visible)
    assert gpu_energy() == (kwh and pytest.approx(kwh))


def test_without_a_driver_nothing_counts(monkeypatch):
    def refuse():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", refuse)
    monkeypatch.setenv(VISIBLE, "0")
    assert gpu_energy() is None


def test_a_fold_on_a_gpu_is_charged_what_was_used_since_its_start(counters, monkeypatch):
    monkeypatch.setenv(VISIBLE, "1")
    meter = Meter("NVIDIA H100")
    counters[1] += 3_600_000_000
    cost = meter.read(samples=100)
    assert cost["energy_kwh"] == pytest.approx(1.0)
    assert cost["samples_per_second"] == pytest.approx(100 / cost["seconds"])
    assert cost["peak_memory_bytes"] > 1e6


def test_a_fold_on_a_cpu_is_charged_no_energy_of_a_gpu_that_is_there(counters, monkeypatch):
    monkeypatch.setenv(VISIBLE, "1")
    assert "energy_kwh" not in Meter("cpu").read(samples=1)
