"""A value that makes no sense ends at the dry run: one sentence with its place, no traceback, no job.

Every sentence is tested in tests/unit/test_refused_studies.py; here, each way that a config comes in.
"""

import pytest
import yaml
from studies import ROOT, finish, sentence

pytestmark = pytest.mark.workflow
CASES = [
    (
        {"settings": {"cnn3d": {"parameters": {"learning_rate": -5}}}},
        "the study's config, settings.cnn3d.parameters.learning_rate: must be above 0, not -5",
    ),
    (
        {"runs": [{"approach": "cnn3D"}], "settings": {"cnn3d": {"parameters": {"epochs": 2}}}},
        "There is no approach 'cnn3D' in config/approaches; did you mean 'cnn3d'?",
    ),
]


def refused(project, expected, *arguments):
    said = sentence(project, "--dry-run", *arguments)
    assert f"GlioBench: {expected}" in said
    assert "Job stats" not in said


@pytest.mark.parametrize(("changes", "expected"), CASES, ids=["value", "name"])
def test_nonsense_in_the_study_is_a_sentence_before_anything_runs(project, changes, expected):
    (project / "changes.yaml").write_text(yaml.safe_dump(changes), encoding="utf-8")
    refused(project, expected, "--configfile", "config/smoke.yaml", "changes.yaml")


def test_true_and_inner_numbers_are_understood_on_the_command_line(project):
    study = ["--configfile", "small.yaml", "--config", "show_images=false"]
    refused(
        project,
        "the study's config, splits.kfold.folds: must be an integer, not True",
        *study,
        "splits={kfold: {folds: true}}",
    )
    finish(project, "--dry-run", *study, "splits={kfold: {folds: 3}}")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("seed=2.0", "the study's config, seed: must be an integer, not 2.0 (base seed"),
        ("bootstrap=1e3", "the study's config, bootstrap: must be an integer, not "),
    ],
)
def test_a_number_that_is_not_whole_is_refused_on_the_command_line_too(project, setting, expected):
    refused(project, expected, "--configfile", "small.yaml", "--config", setting)


def test_a_key_that_stands_twice_in_a_config_file_is_refused(project):
    study = (ROOT / "config/smoke.yaml").read_text(encoding="utf-8") + "\nsplits: {}\n"
    (project / "twice.yaml").write_text(study, encoding="utf-8")
    line = len(study.splitlines())
    expected = f"twice.yaml, line {line}: the key 'splits' occurs twice, first in line "
    refused(project, expected, "--configfile", "twice.yaml")


def test_a_key_that_stands_twice_in_a_file_of_the_project_is_refused(project):
    path = project / "config/approaches/cnn3d.yaml"
    text = path.read_text(encoding="utf-8")
    key = next(line for line in text.splitlines() if line[:1].isalpha()).split(":")[0]
    path.write_text(f"{text}\n{key}: again\n", encoding="utf-8")
    refused(project, "config/approaches/cnn3d.yaml, line ", "--configfile", "small.yaml")
