import os
import signal
import subprocess
import sys

import pytest

from gliobench.sources import SCRIPTS
from gliobench.training.gpus import VISIBLE, claim_gpu, visible_gpus

TRAINING = """
import sys, time
from gliobench.training.gpus import claim_gpu
print(claim_gpu(1, sys.argv[1]), flush=True)
time.sleep(60)
"""
LISTED = """\
GPU 0: NVIDIA H100 (UUID: GPU-11111111-aaaa-bbbb-cccc-000000000000)
GPU 1: NVIDIA H100 (UUID: GPU-22222222-aaaa-bbbb-cccc-000000000000)
"""


@pytest.fixture
def train(tmp_path):
    """Return what starts a training in a process of its own, with the GPU that it took."""
    started = []

    def start(gpus: str, **variables: str) -> tuple[subprocess.Popen[str], str]:
        environment = os.environ | {"PYTHONPATH": str(SCRIPTS), VISIBLE: gpus} | variables
        process = subprocess.Popen(
            [sys.executable, "-c", TRAINING, tmp_path], env=environment, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_trainings_at_once_take_each_a_gpu_of_its_own(train):
    assert {train("0,1,2")[1] for _ in range(3)} == {"0", "1", "2"}


def test_more_trainings_than_gpus_spread_evenly(train):
    assert sorted(train("0,1")[1] for _ in range(4)) == ["0", "0", "1", "1"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_gpu_is_free_again_when_its_training_has_ended_in_whatever_way(train, how):
    first, taken = train("0,1")
    train("0,1")
    first.send_signal(how)
    first.wait()
    assert train("0,1")[1] == taken


def test_two_slurm_jobs_on_one_node_do_not_count_each_others_gpus(train):
    assert [train("0,1", SLURM_JOB_ID=job)[1] for job in ("7", "8")] == ["0", "0"]


def test_a_training_sees_no_other_gpu_than_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv(VISIBLE, "GPU-a,GPU-b")
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    assert claim_gpu(1, tmp_path) == "GPU-a"
    assert visible_gpus() == ["GPU-a"]
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID", "or a number would mean another GPU to CUDA than to NVML"


@pytest.mark.parametrize("gpus", ["", "0", "-1", "GPU-a"])
def test_without_a_choice_nothing_changes(tmp_path, monkeypatch, gpus):
    monkeypatch.setenv(VISIBLE, gpus)
    assert claim_gpu(1, tmp_path) is None
    assert os.environ[VISIBLE] == gpus
    assert not list(tmp_path.iterdir())


def test_a_job_that_asks_for_no_gpu_takes_none(tmp_path, monkeypatch):
    monkeypatch.setenv(VISIBLE, "0,1")
    assert claim_gpu(0, tmp_path) is None
    assert os.environ[VISIBLE] == "0,1"


@pytest.mark.parametrize(
    ("named", "seen"), [("0,1", ["0", "1"]), ("2, 0", ["2", "0"]), ("1,-1,0", ["1"]), ("", []), ("-1", [])]
)
def test_named_gpus_are_read_as_cuda_reads_them(monkeypatch, named, seen):
    monkeypatch.setenv(VISIBLE, named)
    assert visible_gpus() == seen


def test_gpus_that_nobody_named_are_those_that_the_driver_lists(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<END\n{LISTED}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv(VISIBLE, raising=False)
    assert visible_gpus() == [f"GPU-{digit * 8}-aaaa-bbbb-cccc-000000000000" for digit in "12"]


def test_a_machine_without_a_driver_has_no_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VISIBLE, raising=False)
    assert visible_gpus() == []
