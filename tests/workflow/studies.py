"""A copy of the project for the tests, and Snakemake on it as a user would call it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from source_edits import reworded

ROOT = Path(__file__).parents[2]
SMOKE = ["--configfile", "config/smoke.yaml", "--set-scatter", "shards=1"]
SMALL = ["--configfile", "small.yaml", "--set-scatter", "shards=2"]
SMALL_AUDIT = [*SMALL, "--", "results/small/planted/series.tsv"]
CHANCE = ["--configfile", "chance.yaml", "--set-scatter", "shards=1"]
CHANCE_TABLES = ["--", "results/chance/tables/comparison.tsv", "results/chance/tables/sensitivity.tsv"]
PATIENCE = 120  # seconds, of every wait


def copy_project(target: Path) -> Path:
    """Copy what Snakemake needs of the project, with its times, so that nothing looks edited."""
    for name in ("workflow", "rules", "config", "envs", "profiles", "docs"):
        # Not what Python compiles: other tests may be writing it.
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "Snakefile", target)
    for study in ("small.yaml", "chance.yaml", "spiked.yaml", "visible.yaml", "crop.yaml"):
        shutil.copy2(Path(__file__).with_name(study), target)
    return target


def copy_finished(project: Path, target: Path) -> Path:
    """Copy a project with what was run in it; files keep their times, so that what is finished stays so."""
    return Path(shutil.copytree(project, target, symlinks=True))


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]


def environment() -> dict[str, str]:
    """Set as in a terminal: Snakemake calls `python`, which must be the one of the tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": path}


def snakemake(project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake to its end, with some variables of the environment set; output and errors come together."""
    return subprocess.run(
        command(*arguments),
        cwd=project,
        env=environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=10 * PATIENCE,
        check=False,
    )


def finish(project: Path, *arguments: str, **variables: str) -> str:
    """Run Snakemake, which must succeed, and return what it printed."""
    done = snakemake(project, *arguments, **variables)
    assert done.returncode == 0, done.stdout
    return done.stdout


def sentence(project: Path, *arguments: str, **variables: str) -> str:
    """Run Snakemake, which must fail without a traceback, and return what it printed, on one line."""
    done = snakemake(project, *arguments, **variables)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout, done.stdout
    return " ".join(done.stdout.split())


def planned_rules(project: Path, *arguments: str) -> set[str]:
    """Return the rules that a dry run would run, without the target."""
    shown = finish(project, "--dry-run", *arguments)
    if "Nothing to be done" in shown:
        return set()
    table = shown.split("Job stats:\n", 1)[1].split("\n\n", 1)[0]
    return {line.split()[0] for line in table.splitlines()[2:]} - {"all", "total"}


def edit(path: Path) -> None:
    """Add a statement to a file."""
    with path.open("ab") as file:
        file.write(b"\nEDITED = 1\n")


def reword(path: Path) -> None:
    """Change every docstring of a Python file and add comments: what it computes stays."""
    text = path.read_text(encoding="utf-8")
    path.write_text(reworded(text), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text


def wait_until(met: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s until {what}"
        time.sleep(0.01)


class Running:
    """Snakemake in the background; whatever it started is gone when the block ends."""

    def __init__(self, project: Path, *arguments: str):
        self.project = project
        self.output = project / "running.log"
        with self.output.open("w") as file:
            self.main = psutil.Popen(
                command(*arguments), cwd=project, env=environment(), stdout=file, stderr=subprocess.STDOUT
            )

    def wait_for(self, pattern: str) -> None:
        """Wait until a file below the project matches `pattern`."""

        def met() -> bool:
            assert self.main.poll() is None, f"ended before {pattern} was there:\n{self.output.read_text()}"
            return any(self.project.glob(pattern))

        wait_until(met, f"{pattern} is there")

    def kill(self) -> list[psutil.Process]:
        """Kill the main process alone with SIGKILL; return those of its children that outlive it by five seconds."""
        children = self.main.children(recursive=True)
        self.main.kill()
        self.main.wait()
        return psutil.wait_procs(children, timeout=5)[1]

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        if self.main.is_running():
            for process in [*self.main.children(recursive=True), self.main]:
                process.kill()
        self.main.wait()


def result_bytes(project: Path) -> dict[str, bytes]:
    """Return the files that must repeat to the byte."""
    results = project / "results"
    files = [*results.glob("*/tables/comparison.tsv"), *results.glob("*/*/runs/**/predictions.tsv")]
    return {str(path.relative_to(results)): path.read_bytes() for path in files}
