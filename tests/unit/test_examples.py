"""The examples in the pages are what they say: YAML that the settings accept, Python that ruff and mypy accept."""

import re
import shutil
import subprocess
import sys
from typing import get_args

import pytest
import yaml

from gliobench.settings.approaches import Figure
from gliobench.settings.files import read_config
from gliobench.settings.study import StudyFile
from gliobench.study import Study
from markdown_blocks import ROOT, blocks, pages

ADDING = ROOT / "docs/adding-an-approach.md"
PLANTED = {"kind": "synthetic", "generator": {"modalities": ["FLAIR", "T1w", "T1wCE", "T2w"]}}
STUDY = {
    "study": "example",
    "seed": 1,
    "cohorts": {"planted": PLANTED},
    "runs": [{"approach": "baseline", "variants": ["prior"]}],
}
NO_STUDY = {"set-resources", "variants"}  # keys of a profile's and an approach's examples
PATIENTS = {"kind": "rsna", "path": "data/rsna"}
COHORTS = {"generator": {"kind": "synthetic"}, "subgroups": PATIENTS, "sites": PATIENTS}  # key -> a cohort that has it
EXAMPLES = [
    pytest.param(text, id=f"{page.relative_to(ROOT)} {number}")
    for page in pages()
    if page != ADDING  # its study is run by Snakemake
    for number, text in enumerate(blocks(page, "yaml"))
    if not NO_STUDY & set(yaml.safe_load(text))
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_settings_accept_the_examples_of_a_study(text, tmp_path):
    path = tmp_path / "example.yaml"
    path.write_text(text, encoding="utf-8")
    example = read_config(path, path.name)
    if key := next((key for key in COHORTS if key in example), None):
        of_grades = isinstance(example.get("generator", {}).get("patients"), dict)
        kind = {"kind": "synthetic-brainstem"} if of_grades else COHORTS[key]
        example = {"cohorts": {"made": kind | example}}
    if "settings" in example:
        example = {"runs": [{"approach": name} for name in example["settings"]]} | example
    assert set(example) <= set(StudyFile.model_fields)
    assert Study(STUDY | example, ROOT).cells


@pytest.fixture
def checked(tmp_path):
    """Return a copy of the library with the Python of the page among the approaches, and the paths of it."""
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    library = tmp_path / "workflow/scripts/gliobench"
    shutil.copytree(ROOT / "workflow/scripts/gliobench", library, ignore=shutil.ignore_patterns("__pycache__"))
    paths = [library / "approaches" / f"example{number}.py" for number in range(len(blocks(ADDING, "python")))]
    for path, text in zip(paths, blocks(ADDING, "python"), strict=True):
        path.write_text(text if text.startswith('"""') else f'"""Part of an approach."""\n\n{text}', encoding="utf-8")
    return tmp_path, [str(path) for path in paths]


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "format", "--check"], pytest.param(["mypy"], marks=pytest.mark.slow)],
    ids=" ".join,
)
def test_the_approach_in_the_page_passes_the_checks_of_make_lint(checked, command):
    folder, paths = checked
    done = subprocess.run(
        [sys.executable, "-m", *command, *paths], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_lists_every_figure():
    table = re.search(r"\| name \| what it shows \|.*?\n\n", ADDING.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(get_args(Figure))
