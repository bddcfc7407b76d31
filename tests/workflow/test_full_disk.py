import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from studies import SMALL, finish, result_bytes, sentence

pytestmark = [pytest.mark.workflow, pytest.mark.own_study]
TARGET = [*SMALL, "--", "results/small/tables/comparison.tsv"]


@pytest.fixture
def resize(project: Path) -> Iterator[Callable[[str], None]]:
    """Put the project's results on a disk of their own, and return what sets its size."""
    disk = project / "results"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root alone")
    yield lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
    subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(os.name != "posix" or not Path("/proc/mounts").exists(), reason="needs Linux's tmpfs")
def test_a_full_disk_ends_in_a_sentence_at_each_stage_and_the_study_goes_on_once_there_is_room(
    project, resize, finished_small
):
    for size in ("8k", "300k", "1m"):  # generating, auditing, training
        resize(size)
        printed = sentence(project, *TARGET)
        assert "is full; make room and run the same command to resume the study." in printed
    resize("64m")
    finish(project, *TARGET)
    assert result_bytes(project) == result_bytes(finished_small)
