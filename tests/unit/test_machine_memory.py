"""The memory of a machine of 32 GB, whose kernel's files are the test's."""

from types import SimpleNamespace

import pytest

from gliobench import machine_memory
from gliobench.machine_memory import memory_for_jobs

TOTAL = 32_000_000_000
ALL = 28_800  # MB, nine tenths
VERSION_2 = "0::/jobs/job_7/step_0\n"
VERSION_1 = "12:cpu,cpuacct:/other\n9:memory:/jobs/job_7\n1:name=systemd:/user.slice\n0::/\n"
NO_LIMIT = "9223372036854771712"  # in version 1


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """Return what tells the memory for jobs, from the kernel's list of groups and the limits in its files."""
    monkeypatch.setattr(machine_memory.psutil, "virtual_memory", lambda: SimpleNamespace(total=TOTAL))

    def of(membership: str | None, limits: dict[str, str]) -> int:
        if membership is not None:
            (tmp_path / "membership").write_text(membership)
        for name, limit in limits.items():
            file = tmp_path / "groups" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{limit}\n")
        return memory_for_jobs(tmp_path / "membership", tmp_path / "groups")

    return of


@pytest.mark.parametrize(
    ("membership", "limits", "megabytes"),
    [
        (VERSION_2, {"jobs/job_7/step_0/memory.max": "10000000000"}, 9_000),
        (VERSION_2, {"jobs/job_7/step_0/memory.max": "max", "jobs/job_7/memory.max": "8000000000"}, 7_200),
        (VERSION_2, {"jobs/job_7/step_0/memory.max": "8000000000", "jobs/memory.max": "10000000000"}, 7_200),
        ("0::/\n", {"memory.max": "4000000000"}, 3_600),  # in a container, which sees its own group as the root
        (VERSION_1, {"memory/jobs/job_7/memory.limit_in_bytes": "10000000000"}, 9_000),
        (VERSION_1, {"memory/memory.limit_in_bytes": "4000000000"}, 3_600),  # in a container
    ],
    ids=["own", "above", "least", "container", "version-1", "container-version-1"],
)
def test_the_least_limit_of_the_control_groups_counts(memory, membership, limits, megabytes):
    assert memory(membership, limits) == megabytes


@pytest.mark.parametrize(
    ("membership", "limits"),
    [
        (None, {}),  # macOS
        (VERSION_2, {}),
        (VERSION_2, {"jobs/job_7/memory.max": "max"}),
        (VERSION_2, {"others/memory.max": "1000000000"}),
        (VERSION_2, {"jobs/job_7/memory.max": "64000000000"}),
        (VERSION_1, {"memory/jobs/job_7/memory.limit_in_bytes": NO_LIMIT, "cpu/other/memory.max": "1000000000"}),
    ],
    ids=["no-groups", "no-files", "no-limit", "another-group", "more-than-there-is", "version-1"],
)
def test_without_a_lower_limit_it_is_the_machines(memory, membership, limits):
    assert memory(membership, limits) == ALL


def test_this_machine_has_some():
    total = machine_memory.psutil.virtual_memory().total
    assert 0 < memory_for_jobs() < total / 1e6
