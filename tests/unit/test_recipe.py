import subprocess
import sys
from pathlib import Path

import pytest

from gliobench.sources import SCRIPTS

FRAME = """
import os, sys
from types import SimpleNamespace
from gliobench.errors import GlioBenchError
from gliobench.recipe import recipe, say

snakemake = SimpleNamespace(log=[sys.argv[1]], rule="train", params={{}}, config={{}})
with recipe(snakemake):
    {body}
print("done")
"""


@pytest.fixture
def log(tmp_path) -> Path:
    return tmp_path / "new" / "rule.log"


def run(log: Path, body: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", FRAME.format(body=body), str(log)],
        env={"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_error_the_user_can_mend_is_printed_as_its_sentence_and_logged(log):
    done = run(log, "raise GlioBenchError('labels.csv lacks a row: add it.')")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.strip() == "GlioBench: labels.csv lacks a row: add it."
    assert "labels.csv lacks a row: add it." in log.read_text()
    assert "Traceback" not in log.read_text()


def test_any_other_error_keeps_its_traceback_in_the_log(log):
    done = run(log, "raise ZeroDivisionError('surprise')")
    assert done.returncode == 1
    assert "surprise" in done.stderr
    written = log.read_text()
    assert "unexpected error in rule train" in written
    assert "ZeroDivisionError: surprise" in written


def test_an_error_on_a_full_disk_is_a_sentence_whatever_its_kind(log):
    done = run(log, "import gliobench.recipe; gliobench.recipe.FULL = float('inf'); raise RuntimeError('write failed')")
    assert done.returncode == 1
    assert f"GlioBench: the disk that holds {log.parent} is full; make room" in done.stderr
    assert "Traceback" not in done.stderr


def test_progress_is_said_on_the_terminal_and_in_the_log(log):
    done = run(log, "say('fold 1 of 5')")
    assert done.returncode == 0
    assert done.stdout == "done\n"
    assert done.stderr == "fold 1 of 5\n"
    assert "fold 1 of 5" in log.read_text()


def test_what_a_framework_writes_to_standard_error_goes_to_the_log_alone(log):
    done = run(log, "os.write(2, b'cuda not found\\n')")
    assert done.stderr == ""
    assert "cuda not found" in log.read_text()


def test_a_log_starts_anew(log):
    run(log, "say('first')")
    run(log, "say('second')")
    assert "first" not in log.read_text()


def test_a_script_that_ends_well_takes_a_note_of_its_settings(log, tmp_path):
    note = tmp_path / "notes" / "runs.json"
    body = f"snakemake.params['made_with'] = {{ {str(note)!r}: '1' }}"
    assert run(log, body).returncode == 0
    assert note.read_text() == "1"
    before = note.stat().st_mtime_ns
    assert run(log, body).returncode == 0
    assert note.stat().st_mtime_ns == before, "what stands there is left alone"
    assert run(log, body.replace("'1'", "'2'") + "; raise GlioBenchError('no')").returncode == 1
    assert note.read_text() == "1"


def test_libraries_are_pinned_before_they_load_unless_the_study_says_otherwise(log):
    show = "say(os.environ.get('ONEDNN_MAX_CPU_ISA', 'native'))"
    assert run(log, show).stderr == "AVX2\n"
    native = FRAME.replace("config={{}}", "config={{'portable': False}}")
    done = subprocess.run(
        [sys.executable, "-c", native.format(body=show), str(log)],
        env={"PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "native\n"
