"""Which code wrote a report, and what its runs were trained on."""

import subprocess
from pathlib import Path

from gliobench.origin import UNKNOWN, machines, origin


def git(folder: Path, *arguments: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *settings, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_version_and_commit_are_those_of_the_folder_and_edits_are_told(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.8.9"\n', encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    said = origin(tmp_path)
    assert said["version"] == "7.8.9"
    assert git(tmp_path, "rev-parse", "HEAD").startswith(said["commit"])
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "8"\n', encoding="utf-8")
    assert origin(tmp_path)["commit"] == f"{said['commit']}-dirty"


def test_a_folder_without_repository_or_project_file_says_so(tmp_path):
    said = origin(tmp_path)
    assert (said["version"], said["commit"]) == (UNKNOWN, UNKNOWN)
    assert said["written"].endswith(" UTC")


def test_runs_are_counted_by_what_they_were_trained_on():
    portable = {"portable": True, "instructions": ["avx2"]}
    records = [{"device": device, "threads": 1, "processor": portable} for device in ("cpu", "cpu", "H100")]
    records.append({"device": "cpu", "threads": 4, "processor": {"portable": False, "instructions": None}})
    assert machines(records) == {"cpu, 1 thread": 2, "H100, 1 thread": 1, "cpu, 4 threads": 1}
