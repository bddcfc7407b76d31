"""The study on a real SLURM of one node, as docs/cluster.md says: `make test-cluster`."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import studies
from one_node import PACKAGES, PROGRAMS, OneNode
from studies import SMALL, Running, copy_project, finish, result_bytes, wait_until

from gliobench.files import read_table
from programs import install

pytestmark = pytest.mark.cluster
# A cluster of one's own answers at once and knows no accounts.
SLURM = [
    *("--workflow-profile", "profiles/slurm", "--slurm-no-account", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1", "--latency-wait", "5"),
]
TABLE = "results/{}/tables/comparison.tsv"
STUDY = ["--configfile", "cluster.yaml", "--set-scatter", "shards=1"]
METHODS = [
    "baseline header harmonised",
    "cnn3d main harmonised",
    "stacked_cnn3d main harmonised",
    "stacked_cnn3d tuned published",
]
GPU_RULES = {"train_torch", "tune"}
RUN = "results/small/planted/runs/cnn3d/main/FLAIR/harmonised/repeat-0/seed-0/batch-0"
HOUR = 3600
Jobs = dict[str, tuple[str, ...]]  # number -> state, memory and GPUs asked for, rule


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """Have SLURM's programs, from Debian's packages where they are missing."""
    missing = [program for program in PROGRAMS if not shutil.which(program, path=f"/usr/sbin:{os.environ['PATH']}")]
    if os.geteuid() != 0 or (missing and not shutil.which("apt-get")):
        sentence = f"needs root, and Debian or Ubuntu, to install {', '.join(PACKAGES)} and start them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(sentence)
    if missing:
        install(*PACKAGES)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OneNode]:
    """A node of two cores and one GPU, which whatever runs here finds."""
    monkeypatch.setattr(studies, "PATIENCE", 600)  # jobs queue, and Snakemake looks but now and then
    with OneNode(tmp_path / "slurm", cpus=2, gpus=1) as node:
        for name, value in node.variables.items():
            monkeypatch.setenv(name, value)
        yield node


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project without results, and the study of these tests."""
    project = copy_project(tmp_path / "project")
    shutil.copy(Path(__file__).with_name("cluster.yaml"), project)
    return project


def watch(running: Running, slurm: OneNode, patience: float) -> list[Jobs]:
    """Look at the queue every half second until Snakemake ends well; return what was seen."""
    deadline = time.monotonic() + patience
    seen = []
    while running.main.poll() is None:
        assert time.monotonic() < deadline, f"waited {patience} s for Snakemake:\n{running.output.read_text()}"
        seen.append(jobs_of(slurm))
        time.sleep(0.5)
    assert running.main.returncode == 0, running.output.read_text()
    return seen


def jobs_of(slurm: OneNode) -> Jobs:
    return {number: (*asked, rule_of(comment)) for number, *asked, comment in slurm.jobs()}


def rule_of(comment: str) -> str:
    return re.fullmatch(r"rule_(.+?)(_wildcards_.*)?", comment)[1]


def using_gpus(jobs: Jobs, *states: str) -> int:
    return sum(gpus != "N/A" for state, _, gpus, _ in jobs.values() if state in states)


def test_a_study_ends_with_its_table_and_no_two_trainings_share_the_gpu(project, slurm):
    with Running(project, *STUDY, *SLURM, "--", TABLE.format("cluster")) as running:
        seen = watch(running, slurm, patience=HOUR)
    table = read_table(project / TABLE.format("cluster"), "comparison")
    assert table[["approach", "variant", "protocol"]].agg(" ".join, axis=1).unique().tolist() == METHODS
    assert set(table["status"]) == {"ok"}
    ended = {number: job for jobs in seen for number, job in jobs.items()}
    on_gpu = {rule: gpus for _, _, gpus, rule in ended.values() if gpus != "N/A"}
    assert on_gpu == dict.fromkeys(GPU_RULES, "gres:gpu:1")
    assert max(using_gpus(jobs, "RUNNING") for jobs in seen) == 1
    assert any(using_gpus(jobs, "RUNNING") and using_gpus(jobs, "PENDING") for jobs in seen), "none had to wait"
    assert {state for state, *_ in ended.values()} <= {"COMPLETED", "COMPLETING", "RUNNING"}, "one was tried again"


def test_a_job_whose_node_dies_is_tried_once_more_and_the_study_ends_with_the_same_bytes(project, slurm, tmp_path):
    target = ["--", TABLE.format("small")]
    finish(project, *SMALL, "--omit-from", "train_tensorflow", *target)  # begun on one machine
    alone = shutil.copytree(project, tmp_path / "alone")
    with Running(project, *SMALL, *SLURM, *target) as running:
        running.wait_for(f"{RUN}/.unfinished/fold-0/record.json")
        slurm.kill_node()
        assert not (project / RUN / "predictions.tsv").exists(), "the training had ended before its node"
        wait_until(lambda: slurm.state().startswith("down"), "the node is taken for dead")
        slurm.start_node()
        seen = watch(running, slurm, patience=600)
        printed = running.output.read_text()
    trainings = [job for job in seen[-1].values() if job[-1] == "train_tensorflow"]
    assert [state for state, *_ in trainings] == ["NODE_FAIL", "COMPLETED"]
    assert megabytes(trainings[1]) == 2 * megabytes(trainings[0]), "the second attempt gets twice the memory"
    assert printed.count("Trying to restart job") == 1
    finish(alone, *SMALL, *target)
    assert result_bytes(project) == result_bytes(alone)


def megabytes(job: tuple[str, ...]) -> int:
    number, unit = re.fullmatch(r"(\d+)([MG])", job[1]).groups()
    return int(number) * {"M": 1, "G": 1024}[unit]
