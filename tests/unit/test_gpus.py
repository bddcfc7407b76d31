import os
import signal
import subprocess
import sys

import pytest

from gliobench.sources import SCRIPTS
from gliobench.training import gpus
from gliobench.training.gpus import ORDER, VISIBLE, claim_gpu, gpu_memory, visible_gpus

TRAINING = """
import sys, time
from gliobench.training.gpus import claim_gpu
print(claim_gpu(1, int(sys.argv[2]), sys.argv[1]), flush=True)
time.sleep(60)
"""
FIRST, SECOND, DIVIDED = (f"GPU-{digit * 8}-aaaa-bbbb-cccc-000000000000" for digit in "123")
SMALL, LARGE = (f"MIG-{digit * 8}-aaaa-bbbb-cccc-000000000000" for digit in "45")
ONE = f"GPU 0: NVIDIA H100 (UUID: {FIRST})\n"
TWO = f"{ONE}GPU 1: NVIDIA L4 (UUID: {SECOND})\n"
THREE = f"""{TWO}GPU 2: NVIDIA A100-SXM4-40GB (UUID: {DIVIDED})
  MIG 1g.5gb      Device  0: (UUID: {SMALL})
  MIG 3g.20gb     Device  1: (UUID: {LARGE})
"""
MEMORY = f"{FIRST}, 81559\n{SECOND}, 23034\n{DIVIDED}, 40960\n"


@pytest.fixture(autouse=True)
def programs(tmp_path_factory, monkeypatch):
    """Return the only folder of programs: without a driver, whatever this machine has."""
    folder = tmp_path_factory.mktemp("programs")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.delenv(ORDER, raising=False)
    return folder


@pytest.fixture
def driver(programs):
    """Return what installs a driver with some GPUs: a program that prints as nvidia-smi does."""

    def install(listed: str, memory: str = MEMORY) -> None:
        program = programs / "nvidia-smi"
        text = f"case $1 in --list-gpus) printf '%s' '{listed}';; --query-gpu=uuid,*) printf '%s' '{memory}';; esac"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)

    return install


@pytest.fixture
def train(tmp_path):
    """Return what starts a training in a process of its own, with the GPU that it took."""
    started = []

    def start(visible: str, memory: int = 0, **variables: str) -> tuple[subprocess.Popen[str], str]:
        environment = os.environ | {"PYTHONPATH": str(SCRIPTS), VISIBLE: visible} | variables
        process = subprocess.Popen(
            [sys.executable, "-c", TRAINING, tmp_path, str(memory)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
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


def test_the_gpu_with_the_fewest_trainings_is_taken_whichever_of_them_ended(train):
    trainings = [train("0,1") for _ in range(6)]
    first, second = ([process for process, taken in trainings if taken == gpu] for gpu in "01")
    for process in (*first[1:], second[0]):
        process.kill()
        process.wait()
    assert train("0,1")[1] == "0", "it has one training left, the other GPU two"


def test_a_gpu_named_by_number_and_by_uuid_is_one(train, driver):
    driver(TWO)
    assert train("0,1")[1] == FIRST
    assert train(f"{FIRST},{SECOND}")[1] == SECOND
    assert train(f"{FIRST[:12]},1")[1] == FIRST


def test_the_gpu_that_is_taken_has_the_memory_that_the_training_takes(train, driver):
    driver(TWO)
    assert train("0,1", 60_000)[1] == FIRST
    assert train("0,1", 20_000)[1] == SECOND
    assert train("0,1", 20_000)[1] == FIRST, "the other GPU has no more trainings, but no memory for this one"


def test_a_training_waits_until_another_leaves_it_enough_memory(train, driver, tmp_path, monkeypatch, capsys):
    driver(TWO)
    (first, _), _ = train("0,1", 60_000), train("0,1", 20_000)
    waited = []

    def end_the_first(seconds: float) -> None:
        waited.append(seconds)
        first.kill()
        first.wait()

    monkeypatch.setattr(gpus.time, "sleep", end_the_first)
    monkeypatch.setenv(VISIBLE, "0,1")
    assert claim_gpu(1, 30_000, tmp_path) == FIRST
    assert len(waited) == 1
    assert capsys.readouterr().err == "waits for a GPU of which the trainings of this folder leave 30000 MiB\n"


def test_trainings_of_two_studies_on_a_single_gpu_are_counted_together(train, driver, tmp_path, monkeypatch):
    driver(ONE)
    (first, taken), (_, beside) = train("0", 60_000), train("0", 20_000)
    assert taken == beside == FIRST
    monkeypatch.setattr(gpus.time, "sleep", lambda seconds: (first.kill(), first.wait()))
    monkeypatch.setenv(VISIBLE, "0")
    assert claim_gpu(1, 30_000, tmp_path) == FIRST
    assert first.returncode is not None, "the third did not start before one of the others had ended"


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
    assert claim_gpu(1, 0, tmp_path) == "GPU-a"
    assert visible_gpus() == ["GPU-a"]
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID", "or a number would mean another GPU to CUDA than to NVML"


@pytest.mark.parametrize("named", ["", "0", "-1", "GPU-a"])
def test_without_a_choice_nothing_changes(tmp_path, monkeypatch, named):
    monkeypatch.setenv(VISIBLE, named)
    assert claim_gpu(1, 0, tmp_path) is None
    assert os.environ[VISIBLE] == named
    assert not list(tmp_path.iterdir())


def test_a_job_that_asks_for_no_gpu_takes_none(tmp_path, monkeypatch):
    monkeypatch.setenv(VISIBLE, "0,1")
    assert claim_gpu(0, 0, tmp_path) is None
    assert os.environ[VISIBLE] == "0,1"


@pytest.mark.parametrize(
    ("named", "seen"), [("0,1", ["0", "1"]), ("2, 0", ["2", "0"]), ("1,-1,0", ["1"]), ("", []), ("-1", [])]
)
def test_named_gpus_are_read_as_cuda_reads_them(monkeypatch, named, seen):
    monkeypatch.setenv(VISIBLE, named)
    assert visible_gpus() == seen


def test_gpus_that_nobody_named_are_those_that_the_driver_lists(driver):
    driver(TWO)
    assert visible_gpus() == [FIRST, SECOND]
    assert gpu_memory() == {FIRST: 81559, SECOND: 23034}


@pytest.mark.parametrize(
    ("named", "seen"),
    [
        ("1,0", [SECOND, FIRST]),
        ("GPU-1111,1", [FIRST, SECOND]),
        (f"0,{FIRST}", [FIRST]),
        ("GPU-", ["GPU-"]),  # that of several
        ("7", ["7"]),
        (LARGE, [LARGE]),
        ("MIG-4", [SMALL]),
        ("2,0", [SMALL, LARGE, FIRST]),  # a divided GPU is nothing but its slices
        (DIVIDED, [SMALL, LARGE]),
    ],
)
def test_named_gpus_are_those_of_the_driver(driver, monkeypatch, named, seen):
    driver(THREE)
    monkeypatch.setenv(VISIBLE, named)
    assert visible_gpus() == seen


def test_a_number_in_another_order_is_not_the_drivers(driver, monkeypatch):
    driver(TWO)
    monkeypatch.setenv(VISIBLE, "0,1")
    monkeypatch.setenv(ORDER, "FASTEST_FIRST")
    assert visible_gpus() == ["0", "1"]


def test_slices_of_a_gpu_are_told_apart_and_have_memory_of_their_own(train, driver):
    driver(THREE)
    assert {train("2")[1] for _ in range(2)} == {SMALL, LARGE}
    assert gpu_memory() == {FIRST: 81559, SECOND: 23034, SMALL: 4750, LARGE: 19000}
    assert train("2", 19_000)[1] == LARGE


def test_a_gpu_whose_memory_is_not_told_has_some(driver, monkeypatch):
    driver(TWO, f"{FIRST}, [N/A]\n")
    assert gpu_memory() == {FIRST: 1, SECOND: 1}
    monkeypatch.setenv(VISIBLE, "1")
    assert gpu_memory() == {SECOND: 1}


def test_a_gpu_whose_memory_is_not_told_counts_like_the_smallest_of_the_others(driver):
    driver(TWO, f"{FIRST}, [N/A]\n{SECOND}, 20000\n")
    assert gpu_memory() == {FIRST: 20_000, SECOND: 20_000}, "with less it would never be chosen"


@pytest.mark.parametrize("named", [None, "0"])
def test_a_machine_without_a_driver_has_no_gpus_whose_memory_is_known(monkeypatch, named):
    if named:
        monkeypatch.setenv(VISIBLE, named)
    assert visible_gpus() == ([named] if named else [])
    assert gpu_memory() == {}


def test_a_driver_that_fails_lists_nothing(programs):
    (programs / "nvidia-smi").write_text(
        "#!/bin/sh\necho Failed to initialize NVML: Driver/library version mismatch\nexit 18\n"
    )
    (programs / "nvidia-smi").chmod(0o755)
    assert (visible_gpus(), gpu_memory()) == ([], {})
