import ast
import os
import re
import shutil
import subprocess
import sys

import pytest

from gliobench.sources import SCRIPTS, library_digest, library_files

FRAMEWORKS = {"tensorflow", "torch", "keras", "monai", "torchvision", "torchio"}
TRAINING = {"train.py", "tune.py", "explain.py", "predict.py"}
NAMES = sorted(path.name for path in SCRIPTS.glob("*.py"))


def closure(*entries):
    return {path.relative_to(SCRIPTS).as_posix() for path in library_files(*entries)}


def imported(path):
    """Top-level names that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import is not followed"
            names.add((node.module or "").split(".")[0])
    return names


def test_what_a_script_imports_is_found_through_other_modules():
    files = closure("compare.py")
    assert {"gliobench/reporting/comparison.py", "gliobench/files.py", "gliobench/errors.py"} <= files
    assert "gliobench/records.py" in files, "through files.py"
    assert not {"compare.py", "gliobench/approaches/cnn3d.py"} & files


def test_a_module_chosen_at_run_time_is_an_entry_of_its_own():
    files = closure("train.py", "gliobench/approaches/cnn3d.py")
    assert {"gliobench/approaches/cnn3d.py", "gliobench/training/keras_session.py"} <= files
    assert "gliobench/training/job.py" in files
    assert "gliobench/approaches/cnn3d.py" not in closure("train.py")


def test_a_change_of_a_table_or_figure_concerns_no_training():
    files = closure("train.py", "gliobench/approaches/cnn3d.py")
    assert not [path for path in files if path.startswith(("gliobench/reporting", "gliobench/evaluation"))]
    assert not [path for path in files if path.startswith("gliobench/imaging")]


def test_a_digest_is_of_what_lies_in_the_files_and_not_of_where_or_when(tmp_path, monkeypatch):
    there = tmp_path / "elsewhere"
    shutil.copytree(SCRIPTS, there, ignore=shutil.ignore_patterns("__pycache__"))
    here = library_digest("read_cohort.py")
    assert here != library_digest("audit_series.py")
    os.utime(there / "gliobench" / "files.py", (1, 1))
    monkeypatch.setattr("gliobench.sources.SCRIPTS", there)
    assert library_digest.__wrapped__("read_cohort.py") == here
    with (there / "gliobench" / "files.py").open("a") as file:
        file.write("# edited\n")
    assert library_digest.__wrapped__("read_cohort.py") != here


@pytest.mark.parametrize("script", sorted(set(NAMES) - TRAINING))
def test_no_job_but_training_loads_a_framework(script):
    for path in [SCRIPTS / script, *(SCRIPTS / each for each in closure(script))]:
        assert not imported(path) & FRAMEWORKS, path


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: path.relative_to(SCRIPTS).as_posix())
def test_nothing_below_the_rules_imports_snakemake(path):
    assert "snakemake" not in imported(path)


def test_knowledge_goes_downward():
    library = SCRIPTS / "gliobench"
    for room, above in {
        "imaging": {"cohorts", "inputs", "approaches", "training", "evaluation", "reporting"},
        "cohorts": {"inputs", "approaches", "training", "evaluation", "reporting"},
        "inputs": {"approaches", "training", "evaluation", "reporting"},
        "training": {"evaluation", "reporting"},
        "approaches": {"evaluation", "reporting"},
        "evaluation": {"imaging", "cohorts", "inputs", "approaches", "training"},
        "reporting": {"imaging", "cohorts", "inputs", "approaches", "training"},
    }.items():
        for path in (library / room).glob("*.py"):
            modules = {
                node.module.split(".")[1]
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gliobench.")
            }
            assert not modules & above, f"{path.name} of {room} knows {modules & above}"


@pytest.mark.parametrize("path", sorted((SCRIPTS.parents[1] / "rules").glob("*.smk")), ids=lambda path: path.name)
def test_every_rule_with_a_script_sees_edits_of_the_library(path):
    rules = re.split(r"^ *(?=(?:use )?rule\b)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    scripted = [rule for rule in rules if " script:\n" in rule and not rule.startswith("rule fetch_rsna:")]
    assert not [rule for rule in scripted if "library=" not in rule]


def test_the_study_is_light_to_load():
    code = "import sys, gliobench.study, gliobench.sources, gliobench.processes; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "pandas", "sklearn", *FRAMEWORKS} & set(loaded)
