"""A value that makes no sense ends at the dry run: one sentence with its place, no traceback, no job."""

import pytest
import yaml
from studies import ROOT, sentence

pytestmark = pytest.mark.workflow
PARAMETERS = [
    ("cnn3d", {"labels": "kep"}, "labels: 'kep' is not a choice; did you mean 'kept'?"),
    ("cnn3d", {"learning_rate": -5}, "learning_rate: must be above 0, not -5"),
    ("cnn3d", {"dropout": 7}, "dropout: must be below 1, not 7"),
    ("resnet18", {"momentum": -3}, "momentum: must be 0 or more, not -3"),
    ("baseline", {"C": -1}, "C: must be above 0, not -1"),
    ("efficientnet", {"backbone": "resnet51"}, "backbone: 'resnet51' is not a choice; did you mean 'resnet50'?"),
    (
        "baseline",
        {"features": "all"},
        "features: 'all' is not a choice; known are 'none', 'header', 'intensity', 'site', 'id_order'.",
    ),
]
INPUTS = [
    ("resnet18", {"choose": "centre"}, "choose: 'centre' is not a choice; did you mean 'central'?"),
    ("stacked_cnn3d", {"around": "brian"}, "around: 'brian' is not a choice; did you mean 'brain'?"),
    ("stacked_cnn3d", {"registration": "rigd"}, "registration: 'rigd' is not a choice; did you mean 'rigid'?"),
    ("stacked_cnn3d", {"intensity": "zscore"}, "intensity: 'zscore' is not a choice; known are"),
    ("stacked_cnn3d", {"skull_stripping": "maybe"}, "skull_stripping: 'maybe' is not a choice; known are"),
    ("efficientnet", {"share": -0.5}, "share: must be above 0, not -0.5"),
    ("resnet18", {"most": 0}, "most: must be 1 or more, not 0"),
    ("stacked_cnn3d", {"spacing": 0}, "spacing: must be above 0, not 0"),
    ("resnet18", {"minimum_foreground": 1.5}, "minimum_foreground: must be 1 or less, not 1.5"),
    ("cnn3d", {"shape": [8, 8]}, "shape: needs 3 or more entries, not [8, 8]"),
]
STUDY = [
    (
        {"settings": {"resnet18": {"weights": "imagent"}}},
        "settings.resnet18.weights: 'imagent' is neither a file nor a choice;",
    ),
    (
        {"settings": {"cnn3d": {"weights": "imagenet"}}},
        "settings.cnn3d.weights: there are no ImageNet weights for cnn3d",
    ),
    ({"splits": {"kfold": {"repeats": 1.0}}}, "splits.kfold.repeats: must be an integer, not 1.0"),
    ({"splits": {"holdout-70-15-15": {"test": 0.8}}}, "splits.holdout-70-15-15: validation and test are 1.05 of all"),
    (
        {"settings": {"stacked_cnn3d": {"tuning": {"space": {"depth": {"low": 0}}}}}},
        "settings.stacked_cnn3d.tuning.space.depth: must be 1 or more, not 0",
    ),
    (
        {"settings": {"stacked_cnn3d": {"tuning": {"space": {"momentum": {"low": 0, "high": 1}}}}}},
        "settings.stacked_cnn3d.tuning.space: no parameter is called 'momentum'",
    ),
    (
        {"cohorts": {"a": {"kind": "synthetic", "replicates": 2}, "a-01": {"kind": "synthetic"}}},
        "cohorts: 'a-01' is both a cohort and a replicate of 'a'",
    ),
    (
        {"runs": [{"approach": "cnn3D"}], "settings": {"cnn3d": {"parameters": {"epochs": 2}}}},
        "There is no approach 'cnn3D' in config/approaches; did you mean 'cnn3d'?",
    ),
]
CASES = [
    *(
        ({"settings": {name: {"parameters": own}}}, f"settings.{name}.parameters.{said}")
        for name, own, said in PARAMETERS
    ),
    *(({"settings": {name: {"input": own}}}, f"settings.{name}.input.{said}") for name, own, said in INPUTS),
    *STUDY,
]


def refused(project, expected, *arguments):
    said = sentence(project, "--dry-run", *arguments)
    assert f"GlioBench: {expected}" in said
    assert "Job stats" not in said


@pytest.mark.parametrize(("changes", "expected"), CASES, ids=[expected[:50] for _, expected in CASES])
def test_nonsense_in_the_study_is_a_sentence_before_anything_runs(project, changes, expected):
    (project / "changes.yaml").write_text(yaml.safe_dump(changes), encoding="utf-8")
    place = "" if expected.startswith("There is no") else "the study's config, "
    refused(project, place + expected, "--configfile", "config/smoke.yaml", "changes.yaml")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("seed=2.0", "the study's config, seed: must be an integer, not 2.0 (base seed"),
        ("bootstrap=1e3", "the study's config, bootstrap: must be an integer, not "),
    ],
)
def test_a_number_that_is_not_whole_is_refused_on_the_command_line_too(project, setting, expected):
    refused(project, expected, "--configfile", "small.yaml", "--config", setting)


@pytest.mark.parametrize(
    ("text", "key"), [("\nsplits: {}\n", "splits"), ("\ncohorts: {more: {kind: synthetic}}\n", "cohorts")]
)
def test_a_key_that_stands_twice_in_a_config_file_is_refused(project, text, key):
    study = (ROOT / "config/smoke.yaml").read_text(encoding="utf-8")
    (project / "twice.yaml").write_text(study + text, encoding="utf-8")
    line = len((study + text).splitlines())
    expected = f"twice.yaml, line {line}: the key {key!r} occurs twice, first in line "
    refused(project, expected, "--configfile", "twice.yaml")


@pytest.mark.parametrize("path", ["config/splits.yaml", "config/approaches/cnn3d.yaml"])
def test_a_key_that_stands_twice_in_a_file_of_the_project_is_refused(project, path):
    text = (project / path).read_text(encoding="utf-8")
    key = next(line for line in text.splitlines() if line[:1].isalpha()).split(":")[0]
    (project / path).write_text(f"{text}\n{key}: again\n", encoding="utf-8")
    refused(project, f"{path}, line ", "--configfile", "small.yaml")
