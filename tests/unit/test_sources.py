import ast
import re
import subprocess
import sys

import pytest

from gliobench.sources import SCRIPTS, source_files

FRAMEWORKS = {"tensorflow", "torch", "keras", "monai", "torchvision", "torchio"}
TRAINING = {"train.py", "tune.py", "explain.py", "predict_apply.py", "time_networks.py", "fetch_weights.py"}
NAMES = sorted(path.name for path in SCRIPTS.glob("*.py"))


def closure(*entries):
    return {path.relative_to(SCRIPTS).as_posix() for path in source_files(*entries)}


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
    files = closure("tabulate_comparison.py")
    assert {"gliobench/evaluation/comparison.py", "gliobench/files.py"} <= files
    assert "gliobench/errors.py" in files, "through files.py"
    assert "tabulate_comparison.py" in files
    assert "gliobench/approaches/cnn3d.py" not in files


def test_a_module_chosen_at_run_time_is_an_entry_of_its_own():
    files = closure("train.py", "gliobench/approaches/cnn3d.py")
    assert {"gliobench/approaches/cnn3d.py", "gliobench/training/keras_session.py"} <= files
    assert "gliobench/training/job.py" in files
    assert "gliobench/approaches/cnn3d.py" not in closure("train.py")


def test_a_change_of_a_table_or_figure_concerns_no_training():
    files = closure("train.py", "gliobench/approaches/cnn3d.py")
    assert not [
        path for path in files if path.startswith(("gliobench/figures", "gliobench/reporting", "gliobench/evaluation"))
    ]
    assert not [path for path in files if path.startswith("gliobench/imaging")]


@pytest.mark.parametrize("script", sorted(set(NAMES) - TRAINING))
def test_no_job_but_training_loads_a_framework(script):
    for path in source_files(script):
        assert not imported(path) & FRAMEWORKS, path


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: path.relative_to(SCRIPTS).as_posix())
def test_nothing_below_the_rules_imports_snakemake(path):
    assert "snakemake" not in imported(path)


def test_knowledge_goes_downward():
    library = SCRIPTS / "gliobench"
    for room, above in {
        "imaging": {"cohorts", "inputs", "approaches", "training", "evaluation", "figures", "reporting"},
        "cohorts": {"inputs", "approaches", "training", "evaluation", "figures", "reporting"},
        "inputs": {"approaches", "training", "evaluation", "figures", "reporting"},
        "training": {"evaluation", "figures", "reporting"},
        "approaches": {"evaluation", "figures", "reporting"},
        "evaluation": {"imaging", "cohorts", "inputs", "approaches", "training", "figures", "reporting"},
        "figures": {"imaging", "cohorts", "inputs", "approaches", "training", "reporting"},
        "reporting": {"imaging", "cohorts", "inputs", "approaches", "training"},
    }.items():
        for path in (library / room).rglob("*.py"):
            modules = {
                node.module.split(".")[1]
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gliobench.")
            }
            assert not modules & above, f"{path.name} of {room} knows {modules & above}"


@pytest.mark.parametrize("path", sorted((SCRIPTS.parents[1] / "rules").glob("*.smk")), ids=lambda path: path.name)
def test_every_rule_with_a_script_sees_edits_of_the_script_and_of_the_library(path):
    rules = re.split(r"^ *(?=(?:use )?rule\b)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for rule in rules:
        script = re.search(r'script:\s+"\.\./workflow/scripts/(\w+\.py)"', rule)
        assert bool(script) == (" script:\n" in rule)
        if script and not rule.startswith("rule fetch_rsna:"):
            assert re.search(rf'library=(?:lambda wildcards: )?library_digest\(\s*"{script[1]}"', rule), rule


def test_the_study_is_light_to_load():
    parsed = ("study", "sources", "processes", "backends", "training.gpus", "training.needed_memory")
    code = f"import sys, {', '.join(f'gliobench.{name}' for name in parsed)}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "pandas", "sklearn", *FRAMEWORKS} & set(loaded)


def _defined(module):
    """The names that a module of the library defines or imports; None if there is no such module."""
    path = SCRIPTS.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        return None
    names = {inner.stem for inner in path.glob("*")} if path.is_dir() else set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda script: script.name)
def test_every_name_that_a_script_imports_from_the_library_exists(script):
    """No type checker reads the scripts of rules."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gliobench"):
            missing = {alias.name for alias in node.names} - (_defined(node.module) or set())
            assert not missing, f"{node.module} has no {', '.join(missing)}"
