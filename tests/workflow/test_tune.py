"""The tuning through Snakemake: killed in mid-trial it loses nothing, and it never opens a test patient's file."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from studies import Running, copy_project, finish, snakemake, wait_until

from gliobench.files import read_json, read_table

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.own_study,
    pytest.mark.xdist_group("tune"),  # one worker prepares the study
]
COHORT = "results/tuned/planted"
TUNING = f"{COHORT}/tuning/stacked_cnn3d/tuned/all/published"
RUN = f"{COHORT}/runs/stacked_cnn3d/tuned/all/published/repeat-0/seed-0/batch-0/run.json"
INPUTS = f"{COHORT}/inputs/stacked_cnn3d"
TRIALS = 4
STUDY = {
    "study": "tuned",
    "seed": 1,
    "bootstrap": 100,
    "cohorts": {
        "planted": {
            "kind": "synthetic",
            "generator": {"patients": 8, "matrix": 32, "slices": [6, 10], "modalities": ["FLAIR"]},
        }
    },
    "splits": {"holdout-70-15-15": {"validation": 0.25, "test": 0.25}},
    "settings": {
        "stacked_cnn3d": {
            "input": {"shape": [16, 16, 16], "spacing": 12.0, "reference": "FLAIR"},
            "parameters": {"epochs": 30, "patience": 30},
            "tuning": {
                "trials": TRIALS,
                "space": {
                    "depth": {"low": 2, "high": 3},
                    "filters": {"choices": [4, 8]},
                    "batch_size": {"choices": [2, 4]},
                },
            },
        }
    },
    "runs": [{"approach": "stacked_cnn3d", "variants": ["tuned"], "protocols": ["published"]}],
}
SNAKEMAKE = ["--configfile", "tuned.yaml", "--set-scatter", "shards=8", "--"]  # a patient a shard


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the inputs and the split of a tuning, which has not begun."""
    project = copy_project(tmp_path_factory.mktemp("prepared") / "project")
    (project / "tuned.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    inputs = [f"{INPUTS}/{number}-of-8.npy" for number in range(1, 9)]
    finish(project, *SNAKEMAKE, *inputs, f"{COHORT}/splits/holdout-70-15-15.tsv")
    return project


@pytest.fixture(scope="module")
def uninterrupted(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, tuned in one go while the files of the test patients could not be read, then trained."""
    project = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("uninterrupted") / "project"))
    kept = {path: path.read_bytes() for path in files_of_the_tested(project)}
    for path in kept:
        replace(path, b"unreadable")
    finish(project, *SNAKEMAKE, f"{TUNING}/best.json")
    assert snakemake(project, *SNAKEMAKE, RUN).returncode, "trained on files that cannot be read"
    for path, content in kept.items():
        replace(path, content)
    finish(project, *SNAKEMAKE, RUN)
    return project


def files_of_the_tested(project: Path) -> list[Path]:
    split = read_table(project / COHORT / "splits/holdout-70-15-15.tsv", "split")
    tested = set(split.loc[split["role"] == "test", "patient_id"])
    indexes = {path: set(read_table(path, "index")["patient_id"]) for path in (project / INPUTS).glob("*.tsv")}
    files = [path.with_suffix(".npy") for path, patients in indexes.items() if patients <= tested]
    assert len(files) == len(tested) == 2
    return files


def replace(path: Path, content: bytes) -> None:
    """Write a file and keep its times, so that to Snakemake it is the same."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=times)


def n_lines(journal: Path, operation: int) -> int:
    return sum(line.startswith(f'{{"op_code":{operation},') for line in journal.read_text().splitlines())


def begun(journal: Path) -> int:
    return n_lines(journal, 4)


def ended(journal: Path) -> int:
    return n_lines(journal, 6)


def in_mid_trial(journal: Path) -> bool:
    """Whether a trial after the first has reported an epoch and not ended."""
    *whole, _ = journal.read_text().split("\n")
    reported = bool(whole) and whole[-1].startswith('{"op_code":7,')
    return reported and begun(journal) >= 2 and ended(journal) < begun(journal)


def test_the_tuning_never_opens_a_test_patients_file_which_are_read_once_after_it(uninterrupted):
    assert len(read_table(uninterrupted / TUNING / "trials.tsv", "trials")) == TRIALS
    run = read_json(uninterrupted / RUN)
    assert run["folds"][0]["status"] == "ok"
    assert run["parameters"] | read_json(uninterrupted / TUNING / "best.json")["parameters"] == run["parameters"]
    predictions = read_table(uninterrupted / Path(RUN).with_name("predictions.tsv"), "predictions")
    assert (predictions["part"] == "test").sum() == 2
    assert not list((uninterrupted / TUNING).glob(".*")), "a search that is asked for again starts over"


def test_a_tuning_killed_in_mid_trial_loses_no_trial_and_ends_with_the_same_best_one(prepared, uninterrupted, tmp_path):
    project = Path(shutil.copytree(prepared, tmp_path / "project"))
    with Running(project, *SNAKEMAKE, RUN) as running:
        running.wait_for(f"{TUNING}/.unfinished/*.log")
        journal = next((project / TUNING).glob(".unfinished/*.log"))
        wait_until(lambda: in_mid_trial(journal), "a second trial is under way")
        assert not running.kill(), "outlived the kill by five seconds"
    finished = ended(journal)
    assert 0 < finished < begun(journal) <= TRIALS
    finish(project, *SNAKEMAKE, RUN)

    trials = read_table(project / TUNING / "trials.tsv", "trials")
    whole = read_table(uninterrupted / TUNING / "trials.tsv", "trials")
    assert trials.loc[trials["reason"] == "cut off", "number"].tolist() == [finished]
    kept = trials.drop(index=finished).reset_index(drop=True)
    same = ["state", "value", "parameters"]
    pd.testing.assert_frame_equal(kept[same], whole[same])
    assert trials["parameters"][finished] == kept["parameters"][finished], "tried again"
    best, best_of_whole = (read_json(folder / TUNING / "best.json") for folder in (project, uninterrupted))
    assert [best["value"], best["parameters"]] == [best_of_whole["value"], best_of_whole["parameters"]]
