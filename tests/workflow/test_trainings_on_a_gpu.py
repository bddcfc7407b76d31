"""Trainings on one machine share its GPU as far as its memory goes; here its driver is a script."""

import os
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from studies import copy_finished, copy_project, finish

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.own_study,
    pytest.mark.xdist_group("gpu"),  # one worker prepares the study
]
COHORT = "results/shared/planted"
RUNS = f"{COHORT}/runs/stacked_cnn3d/main/all/harmonised/repeat-0/seed-0"
BENCHMARK = f"{COHORT}/benchmarks/runs/stacked_cnn3d/main/all/harmonised/repeat-0_seed-0_batch-{{}}.tsv"
STUDY = {
    "study": "shared",
    "seed": 1,
    "cohorts": {
        "planted": {
            "kind": "synthetic",
            "generator": {"patients": 12, "matrix": 32, "slices": [6, 10], "modalities": ["FLAIR"]},
        }
    },
    "splits": {"kfold": {"folds": 2, "repeats": 1, "validation": 0.34, "batches": 2}},
    "settings": {
        "stacked_cnn3d": {
            "input": {"shape": [16, 16, 16], "spacing": 12.0, "reference": "FLAIR"},
            "parameters": {"epochs": 2, "batch_size": 2},
        }
    },
    "runs": [{"approach": "stacked_cnn3d"}],
}
SNAKEMAKE = ["--configfile", "shared.yaml", "--set-scatter", "shards=1"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the inputs and the split of two trainings, which have not begun."""
    project = copy_project(tmp_path_factory.mktemp("prepared") / "project")
    (project / "shared.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    finish(project, *SNAKEMAKE, "--", f"{COHORT}/inputs/stacked_cnn3d/1-of-1.npy", f"{COHORT}/splits/kfold.tsv")
    return project


def programs_with_a_driver(folder: Path, mebibytes: int) -> str:
    """Return a PATH whose nvidia-smi tells of one GPU."""
    folder.mkdir()
    gpu = "GPU-11111111-aaaa-bbbb-cccc-000000000000"
    program = folder / "nvidia-smi"
    listed = f"--list-gpus) echo 'GPU 0: NVIDIA L4 (UUID: {gpu})';; --query-gpu=*) echo '{gpu}, {mebibytes}';;"
    program.write_text(f"#!/bin/sh\ncase $1 in {listed} esac\n", encoding="utf-8")
    program.chmod(0o755)
    return os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])


def began_and_ended(project: Path, batch: int) -> tuple[float, float]:
    ended = (project / RUNS / f"batch-{batch}" / "run.json").stat().st_mtime
    return ended - pd.read_csv(project / BENCHMARK.format(batch), sep="\t")["s"].item(), ended


@pytest.mark.parametrize(
    ("mebibytes", "asked", "at_once"),
    [
        (3_000, [], False),
        (80_000, [], True),
        (3_000, ["gpu=2"], True),
    ],
    ids=["one-fits", "both-fit", "two-asked"],
)
def test_no_more_trainings_start_than_a_gpu_holds_or_the_user_asks_for(prepared, tmp_path, mebibytes, asked, at_once):
    project = copy_finished(prepared, tmp_path / "project")
    path = programs_with_a_driver(tmp_path / "programs", mebibytes)
    trainings = [f"{RUNS}/batch-{batch}/run.json" for batch in (0, 1)]
    memory = "mem_mb=64000"  # of the machine, whatever this one has
    finish(project, *SNAKEMAKE, "--resources", memory, *asked, "--", *trainings, PATH=path)
    (_, first_ended), (second_began, _) = sorted(began_and_ended(project, batch) for batch in (0, 1))
    assert (second_began < first_ended) == at_once
