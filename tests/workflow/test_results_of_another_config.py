"""Results know their config: no command takes another config's for its own, or shows a score of it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from studies import copy_finished, copy_project, finish, sentence, snakemake

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.own_study,
    pytest.mark.xdist_group("another config"),  # one worker makes the study
]
MINI: dict[str, Any] = {
    "study": "mini",
    "seed": 1,
    "bootstrap": 100,
    "cohorts": {
        "planted": {
            "kind": "synthetic",
            "generator": {"patients": 12, "signal": 6.0, "matrix": 32, "slices": [6, 10], "modalities": ["FLAIR"]},
        }
    },
    "splits": {"kfold": {"folds": 2, "repeats": 1, "validation": 0.34}},
    "runs": [{"approach": "baseline", "variants": ["prior", "header"]}],
}
PATIENTS = "results/mini/planted/patients.tsv"
SCORES = "planted  baseline"  # the heading of the table in a terminal
NOT_SHOWN = "are from another config (planted/baseline/header/all/harmonised"


def write_config(project: Path, **changes: Any) -> list[str]:
    (project / "mini.yaml").write_text(yaml.safe_dump(MINI | changes), encoding="utf-8")
    return ["--configfile", "mini.yaml", "--set-scatter", "shards=1"]


def signal(strength: float) -> dict[str, Any]:
    planted = MINI["cohorts"]["planted"]
    return {"planted": planted | {"generator": planted["generator"] | {"signal": strength}}}


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = copy_project(tmp_path_factory.mktemp("mini") / "project")
    printed = finish(project, *write_config(project))
    assert SCORES in printed
    return project


@pytest.fixture
def project(mini: Path, tmp_path: Path) -> Path:
    return copy_finished(mini, tmp_path / "project")


CHANGES: dict[str, dict[str, Any]] = {  # tests/unit/test_belonging.py has every key
    "seed and signal": {"seed": 2, "cohorts": signal(0.0)},
    "bootstrap": {"bootstrap": 200},
}


@pytest.mark.parametrize("key", CHANGES)
def test_after_a_change_of_a_key_one_target_shows_no_score_of_the_old_config(project: Path, key: str) -> None:
    printed = finish(project, *write_config(project, **CHANGES[key]), "--", PATIENTS)
    assert SCORES not in printed
    assert NOT_SHOWN in printed
    if key == "seed and signal":
        assert SCORES in finish(project, *write_config(project, **CHANGES[key])), "a whole run makes them anew"


def test_a_study_of_another_name_has_no_results_yet(project: Path) -> None:
    printed = finish(project, *write_config(project, study="other"), "--", "results/other/planted/patients.tsv")
    assert SCORES not in printed


def test_one_more_method_hides_nothing(project: Path) -> None:
    more = write_config(project, runs=[{"approach": "baseline", "variants": ["prior", "header", "intensity"]}])
    assert SCORES in finish(project, *more, "--", PATIENTS)


def test_without_snakemakes_notes_another_config_is_refused_and_the_same_one_goes_on(project: Path) -> None:
    shutil.rmtree(project / ".snakemake")
    refused = sentence(project, *write_config(project, seed=2, cohorts=signal(0.0)))
    assert "GlioBench: results/mini holds results of another config (planted and" in refused
    assert "re-run everything with --forceall" in refused
    assert "another config" in sentence(project, *write_config(project, bootstrap=100, seeds=1, device="cpu"))
    shown = finish(project, *write_config(project))
    assert "Nothing to be done" in shown
    assert SCORES in shown


def test_results_copied_to_another_clone_are_refused_under_another_seed(mini: Path, tmp_path: Path) -> None:
    clone = copy_project(tmp_path / "clone")
    finish(clone, *write_config(clone, seed=2), "--", PATIENTS)  # the clone has notes, of its own patients
    shutil.rmtree(clone / "results")
    shutil.copytree(mini / "results", clone / "results")
    assert "holds results of another config" in sentence(clone, *write_config(clone, seed=2))
    forced = snakemake(clone, *write_config(clone, seed=2), "--forceall", "-n")
    assert forced.returncode == 0
    assert "generate" in forced.stdout
