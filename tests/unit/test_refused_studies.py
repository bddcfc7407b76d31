"""A value that makes no sense, or a name that does not exist, is one sentence with its place; no job is planned."""

import copy
import shutil
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from gliobench import plan
from gliobench.errors import GlioBenchError
from gliobench.settings.files import read_config
from gliobench.study import Study

ROOT = Path(__file__).parents[2]
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
SMALL = yaml.safe_load((ROOT / "tests/workflow/small.yaml").read_text(encoding="utf-8"))
CLINIC = SMALL | {"cohorts": {"clinic": {"kind": "rsna", "path": "clinic"}}}
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
        {"cohorts": {"../x": {"kind": "synthetic"}}},
        "cohorts: '../x' cannot be a cohort, because it names a folder: use letters, digits, - and _, and begin with a "
        "letter or digit.",
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
RUNS = [
    ({"approach": "resnet81"}, "There is no approach 'resnet81' in config/approaches; did you mean 'resnet18'?"),
    (
        {"approach": "efficientnet", "modalities": ["T2w"]},
        "runs, efficientnet: cohort planted has no modality 'T2w'; known are 'FLAIR'.",
    ),
    (
        {"approach": "cnn3d", "variants": ["slice_split"]},
        "runs, cnn3d: no variant 'slice_split'; it is one of efficientnet and resnet18.",
    ),
    (
        {"approach": "densenet121"},
        "runs, densenet121: the input places its grid by T1wCE, which cohort planted lacks; "
        "set settings.densenet121.input.reference to one that it has: FLAIR.",
    ),
    (
        {"approach": "stacked_cnn3d", "variants": ["tuned"], "protocols": ["harmonised"]},
        "tuned is tuned on the training and validation patients of one split, but other folds would test "
        "these patients: run it under a protocol with one held-out set, not under harmonised.",
    ),
]
NAMES = [
    ({"cohort": {}}, "the study's config: unknown key 'cohort'; did you mean 'cohorts'?"),
    (
        {"settings": {"cnn3d": {"parameters": {"learning_rat": 0.1}}}},
        "settings.cnn3d.parameters: unknown key 'learning_rat'; did you mean 'learning_rate'?",
    ),
    (
        {"runs": [{"approach": "cnn2d"}], "settings": {}},
        "no approach 'cnn2d' in config/approaches; did you mean 'cnn3d'?",
    ),
    ({"runs": [{"approach": "cnn3d", "variants": ["as_code"]}]}, "no variant 'as_code'; did you mean 'as_coded'?"),
    ({"runs": [{"approach": "cnn3d", "modalities": ["T1"]}]}, "runs, cnn3d: cohort clinic has no modality 'T1'"),
    ({"runs": [{"approach": "cnn3d", "protocols": ["publish"]}]}, "no protocol 'publish'; did you mean 'published'?"),
    ({"runs": [{"approach": "cnn3d", "cohorts": ["clinc"]}]}, "no cohort 'clinc'; did you mean 'clinic'?"),
]


def check(config, root):
    """Do what the workflow does with a config before it plans a job."""
    study = Study(config, root)
    plan.shown_cells(study)
    plan.page_figures(study)


def refusal(config, root=ROOT):
    """Return why a study is refused."""
    with pytest.raises(GlioBenchError) as refused:
        check(config, root)
    return str(refused.value)


@pytest.mark.parametrize(("changes", "expected"), CASES, ids=[expected[:50] for _, expected in CASES])
def test_nonsense_in_the_smoke_study_is_refused_with_its_place(changes, expected):
    config = copy.deepcopy(SMOKE)
    update_config(config, copy.deepcopy(changes))  # as Snakemake merges config files
    place = "" if expected.startswith("There is no") else "the study's config, "
    assert refusal(config).startswith(place + expected)


@pytest.mark.parametrize(("run", "expected"), RUNS, ids=["approach", "modality", "variant", "reference", "tuned folds"])
def test_a_run_that_cannot_be_is_refused(run, expected):
    reference = {"stacked_cnn3d": {"input": {"reference": "FLAIR"}}} if run["approach"] == "stacked_cnn3d" else {}
    assert expected in refusal(SMALL | {"settings": reference, "runs": [run]})


@pytest.mark.parametrize(
    ("changes", "expected"),
    NAMES,
    ids=["key", "parameter", "approach", "variant", "modality", "protocol", "cohort"],
)
def test_a_name_that_does_not_exist_is_refused_with_the_nearest(changes, expected):
    assert expected in refusal(CLINIC | changes)


@pytest.mark.parametrize(
    ("text", "key"), [("\nsplits: {}\n", "splits"), ("\ncohorts: {more: {kind: synthetic}}\n", "cohorts")]
)
def test_a_key_that_stands_twice_in_a_config_file_is_refused(tmp_path, text, key):
    study = (ROOT / "config/smoke.yaml").read_text(encoding="utf-8") + text
    (tmp_path / "twice.yaml").write_text(study, encoding="utf-8")
    expected = rf"^twice.yaml, line {len(study.splitlines())}: the key '{key}' occurs twice, first in line "
    with pytest.raises(GlioBenchError, match=expected):
        read_config(tmp_path / "twice.yaml", "twice.yaml")


@pytest.fixture
def root(tmp_path):
    """A project of its own, whose config may be edited."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "workflow").symlink_to(ROOT / "workflow")
    return tmp_path


@pytest.mark.parametrize("path", ["config/splits.yaml", "config/approaches/cnn3d.yaml"])
def test_a_key_that_stands_twice_in_a_file_of_the_project_is_refused(root, path):
    text = (root / path).read_text(encoding="utf-8")
    key = next(line for line in text.splitlines() if line[:1].isalpha()).split(":")[0]
    (root / path).write_text(f"{text}\n{key}: again\n", encoding="utf-8")
    assert refusal(SMALL, root).startswith(f"{path}, line ")


def test_a_figure_that_does_not_exist_is_refused_with_its_file(root):
    path = root / "config/approaches/cnn3d.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("figures: [roc,", "figures: [rock,"), encoding="utf-8")
    said = refusal(SMALL, root)
    assert "config/approaches/cnn3d.yaml" in said
    assert "'rock'" in said
