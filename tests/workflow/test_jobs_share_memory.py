"""Jobs on one machine share its memory; here a control group, whose files are the test's, says how much there is."""

import re
from pathlib import Path

import pytest
from studies import SMOKE, finish

pytestmark = pytest.mark.workflow
NAPS = """

rule nap:
    output: "naps/{name}"
    resources: mem_mb=memory(2000)
    shell: "touch {output}.begun && sleep 2 && touch {output}.ended {output}"
"""
NETWORK = re.compile(r"wildcards: approach=(\w+)\n.* mem_mb=(\d+)")  # in a plan
TWO = ["naps/first", "naps/second"]
ALONE = (
    "GlioBench: a job is estimated to need 2.0 GB of memory, and jobs here share 0.9 GB (`--resources mem_mb=N` is "
    "another amount), so it runs alone."
)


@pytest.fixture
def small_machine(project: Path, tmp_path: Path) -> Path:
    """A project with a job that does nothing, in a control group with 1 GB."""
    with (project / "Snakefile").open("a", encoding="utf-8") as file:
        file.write(NAPS)
    (tmp_path / "membership").write_text("0::/\n", encoding="utf-8")
    (tmp_path / "memory.max").write_text("1000000000\n", encoding="utf-8")
    module = project / "workflow" / "scripts" / "gliobench" / "machine_memory.py"
    text = module.read_text(encoding="utf-8")
    for place, faked in {"/proc/self/cgroup": tmp_path / "membership", "/sys/fs/cgroup": tmp_path}.items():
        assert place in text
        text = text.replace(place, str(faked))
    module.write_text(text, encoding="utf-8")
    return project


def overlap(project: Path) -> bool:
    begun, ended = ([(project / f"{nap}.{what}").stat().st_mtime for nap in TWO] for what in ("begun", "ended"))
    return max(begun) < min(ended)


def test_a_job_that_needs_more_memory_than_there_is_runs_alone_and_one_warning_says_so(small_machine):
    assert finish(small_machine, *SMOKE, "--", *TWO).count(ALONE) == 1
    assert not overlap(small_machine)


def test_an_amount_that_the_user_names_counts_instead_of_the_machines(small_machine):
    assert ALONE not in finish(small_machine, *SMOKE, "--resources", "mem=8GB", "--", *TWO)
    assert overlap(small_machine)


def test_a_network_on_a_cpu_is_counted_by_its_size(project):
    shown = finish(project, "estimate", "--dry-run", "--quiet", "host", "--config", "device=cpu")
    named = {approach: int(megabytes) for approach, megabytes in NETWORK.findall(shown)}
    assert named["resnet10_3d"] > named["cnn3d"] > named["resnet18"] > 0
