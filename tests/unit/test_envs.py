import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gliobench.settings.inputs import environment
from gliobench.sources import SCRIPTS, source_files

ROOT = Path(__file__).parents[2]
TOOLCHAINS = ("imaging", "radiomics", "tensorflow", "torch", "report")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
BACKENDS = {"tensorflow", "torch"}  # of Keras, whose approaches run in the environment of either


def requirement(line: str) -> Requirement:
    return Requirement(line.rstrip(" \\"))


def locked() -> list[Requirement]:
    return [requirement(line) for line in LOCK.splitlines() if re.match(r"[A-Za-z0-9]", line)]


def pinned(toolchain: str) -> list[Requirement]:
    environment = yaml.safe_load((ROOT / "envs" / f"{toolchain}.yaml").read_text(encoding="utf-8"))
    pip = next(part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    return [requirement(line) for line in pip]


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(each.name) for each in requirements}


def group(name: str) -> set[str]:
    """Direct dependencies of a group of pyproject.toml, with those of the groups it includes."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    found: set[str] = set()
    for entry in groups[name]:
        if isinstance(entry, dict):
            found |= group(entry["include-group"])
        else:
            found.add(canonicalize_name(Requirement(entry).name))
    return found


def scripts_of(toolchain: str) -> list[str]:
    """Scripts, and library modules chosen at run time, of the rules that run in a toolchain's environment."""
    entries: list[str] = []
    for path in (ROOT / "rules").glob("*.smk"):
        for rule in re.split(r"^(?=rule )", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            if re.search(rf'conda:\s+"\.\./envs/{toolchain}\.yaml"', rule.split("\nuse rule ")[0]):
                entries += re.findall(r'script:\s+"\.\./workflow/scripts/(\w+\.py)"', rule)
    for path in (ROOT / "config" / "approaches").glob("*.yaml"):
        named = yaml.safe_load(path.read_text(encoding="utf-8"))["toolchain"]
        if toolchain in (BACKENDS if named == "keras" else {named}):
            entries += ["train.py", "predict_apply.py", f"gliobench/approaches/{path.stem}.py"]
    entries += ["tune.py"] if toolchain in BACKENDS else []
    library = SCRIPTS / "gliobench"
    inputs = [path for path in library.glob("inputs/*.py") if environment(path.stem) == toolchain]
    modules = [*inputs, *(library.glob("cohorts/synthetic*.py") if toolchain == "imaging" else [])]
    if inputs:
        entries += ["preprocess.py", "predict_prepare.py"]
        entries += [module.relative_to(SCRIPTS).as_posix() for module in modules]
    return sorted(set(entries))


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found - sys.stdlib_module_names - {"gliobench"}


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_an_environment_pins_what_the_lock_pins(toolchain):
    versions = {(canonicalize_name(each.name), str(each.specifier)) for each in locked()}
    assert {(canonicalize_name(pin.name), str(pin.specifier)) for pin in pinned(toolchain)} <= versions
    assert all(re.fullmatch(r"==[^=*]+", str(pin.specifier)) for pin in pinned(toolchain))


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_an_environment_holds_the_direct_dependencies_of_its_group(toolchain):
    assert group(toolchain) <= names(pinned(toolchain))


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_an_environment_covers_what_its_scripts_import(toolchain):
    entries = scripts_of(toolchain)
    assert entries
    imported = set().union(*(imports(path) for path in source_files(*entries))) - (BACKENDS - {toolchain})
    distributions = packages_distributions()
    pins = names(pinned(toolchain))
    providers = {name: {canonicalize_name(each) for each in distributions.get(name, [])} for name in imported}
    assert not [name for name, provider in providers.items() if not pins & provider]


@pytest.mark.parametrize("toolchain", ["imaging", "report"])
def test_imaging_and_reports_need_no_framework(toolchain):
    assert not names(pinned(toolchain)) & {"tensorflow", "torch", "keras", "monai", "torchvision"}


def test_the_lock_pins_and_hashes_every_package():
    blocks = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) > 50
    for block in blocks:
        assert re.match(r"[A-Za-z0-9._-]+(\[[^]]+\])?==\S+", block), block[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block[:80]
    assert group("dev") <= names(locked())


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", "Makefile", *TOOLCHAINS])
def test_no_registrys_address_stands_in_a_file(name):
    text = (ROOT / (f"envs/{name}.yaml" if name in TOOLCHAINS else name)).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|--index-url|--extra-index-url|--find-links|-f)\b", text, re.MULTILINE)


def test_make_keeps_caches_in_the_results_where_home_cannot_be_written(tmp_path):
    unwritable = tmp_path / "file"
    unwritable.touch()
    home = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"} | {"HOME": str(unwritable)}
    command = ["make", "--silent", "--eval", "asked:; @echo $$XDG_CACHE_HOME", "asked"]
    said = subprocess.run(command, cwd=ROOT, env=home, capture_output=True, text=True, check=True).stdout
    assert f"GlioBench: {unwritable}/.cache is not writable" in said
    assert said.splitlines()[-1] == f"{ROOT}/results/.cache"
