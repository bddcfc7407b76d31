"""A newcomer's mistake is a sentence: at once where the config shows it, else of the job or row that it concerns."""

import shutil
from pathlib import Path

import nibabel as nib
import pandas as pd
import pytest
import yaml
from studies import SMOKE, finish, sentence

from gliobench.files import read_table

pytestmark = pytest.mark.workflow
RUNS = "results/smoke/planted/runs"
RECORD = "repeat-0/seed-0/batch-0/run.json"
TENSORFLOW = f"{RUNS}/efficientnet/main/FLAIR/harmonised/{RECORD}"
TORCH = f"{RUNS}/resnet18/main/all/harmonised/{RECORD}"


def test_data_that_are_not_there_yet_are_named_at_the_end_of_a_plan(project):
    study = yaml.safe_load((project / "small.yaml").read_text(encoding="utf-8"))
    cohorts = {
        "clinic": {"kind": "table", "table": "clinic/patients.tsv", "modalities": ["FLAIR"]},
        "rsna": {"kind": "rsna", "path": "data/rsna", "sites": "data/sites.tsv"},
    }
    changed = study | {"cohorts": cohorts, "runs": [{"approach": "cnn3d"}]}
    (project / "study.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    said = finish(project, "--configfile", "study.yaml", "--dry-run").rstrip().splitlines()
    assert said[-3:] == [
        "GlioBench: cohorts.clinic.table: clinic/patients.tsv does not exist (yet).",
        "GlioBench: cohorts.rsna.path: data/rsna does not exist (yet).",
        "GlioBench: cohorts.rsna.sites: data/sites.tsv does not exist (yet).",
    ]


def test_a_batch_larger_than_the_training_part_and_a_divergence_are_rows_and_the_study_goes_on(audited_copy):
    study = yaml.safe_load((audited_copy / "small.yaml").read_text(encoding="utf-8"))
    grid = {"shape": [12, 12, 12], "spacing": 16.0, "reference": "FLAIR"}
    study["settings"] = {
        "resnet18": {"weights": "none", "input": {"shape": [32, 32], "most": 2}, "parameters": {"batch_size": 99}},
        "stacked_cnn3d": {
            "input": grid,
            "parameters": {"depth": 2, "filters": 2, "batch_size": 2, "epochs": 3, "learning_rate": 1.0e30},
        },
    }
    networks = [{"approach": name} for name in ("resnet18", "stacked_cnn3d")]
    study["runs"] = [*networks, {"approach": "baseline", "variants": ["prior"]}]
    (audited_copy / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    table = "results/small/tables/comparison.tsv"
    finish(audited_copy, "--configfile", "study.yaml", "--", table)
    rows = read_table(audited_copy / table, "comparison")
    assert rows.drop_duplicates("approach")["status"].tolist() == ["failed", "diverged", "ok"]
    reasons = rows.drop_duplicates("approach")["reason"].tolist()
    assert reasons[0].startswith("2 of 2 folds failed: `batch_size` is 99, but the training part has ")
    assert "lower it in the config under `settings` or add patients" in reasons[0]
    assert reasons[1].startswith("2 of 2 folds diverged: ")


@pytest.mark.parametrize("record", [TENSORFLOW, TORCH], ids=["tensorflow", "torch"])
def test_a_gpu_that_is_not_there_is_a_sentence(finished_copy, record):
    said = sentence(finished_copy, *SMOKE, "--config", "device=cuda", "--", record, CUDA_VISIBLE_DEVICES="-1")
    assert (
        "GlioBench: `device: cuda` was requested, but this machine has no CUDA GPU; "
        "set `device: auto` or `device: cpu`." in said
    )


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (TENSORFLOW, ["The ImageNet weights of mobilenet could not be downloaded (", "`weights: none`"]),
        (TORCH, ["the ImageNet weights could not be downloaded (", "set `weights` to none, imagenet or"]),
    ],
    ids=["tensorflow", "torch"],
)
def test_imagenet_weights_without_a_network_are_one_sentence_before_any_training(
    finished_copy, tmp_path, record, expected
):
    changed = {"settings": {name: {"weights": "imagenet"} for name in ("efficientnet", "resnet18")}}
    (finished_copy / "imagenet.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    caches = dict.fromkeys(("TORCH_HOME", "KERAS_HOME"), str(tmp_path / "empty"))
    files = ["--configfile", "config/smoke.yaml", "imagenet.yaml", "--set-scatter", "shards=1"]
    before = (finished_copy / record).read_bytes()
    options = [*files, "--retries", "2", "--", record]
    said = sentence(finished_copy, *options, **nowhere, **caches, NO_PROXY="", no_proxy="")
    for part in expected:
        assert said.count(part) == 1, "fetching is not tried again"
    assert (finished_copy / record).read_bytes() == before


def test_a_segmentation_on_another_grid_than_its_image_is_a_row_with_the_reason(finished, project):
    clinic = Path(shutil.copytree(finished / "results/smoke/brainstem/images", project / "clinic"))
    patients = pd.read_csv(clinic / "patients.tsv", sep="\t", dtype="str")["patient_id"]
    complete = [each for each in patients if len(list((clinic / each).iterdir())) == 5]
    path = clinic / complete[0] / "segmentation.nii.gz"
    mask = nib.load(path)
    mask.slicer[1:].to_filename(path)
    study = {
        "study": "mine",
        "seed": 1,
        "cohorts": {"clinic": {"kind": "brainstem", "path": "clinic"}},
        "splits": {"loocv": {"validation": 0.5}},
        "runs": [{"approach": "densenet121", "protocols": ["published-loocv"]}],
    }
    (project / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    split = "results/mine/clinic/splits/loocv.tsv"
    finish(project, "--configfile", "study.yaml", "--set-scatter", "shards=1", "--", split)
    series = read_table(project / "results/mine/clinic/series.tsv", "series")
    row = series[(series["patient_id"] == complete[0]) & (series["modality"] == "segmentation")].iloc[0]
    assert (row["status"], row["reason"]) == (
        "failed",
        f"patient {complete[0]}: the segmentation is not on the grid of any of its images; "
        "resample it (nearest neighbour) to one of them.",
    )
    assert set(read_table(project / split, "split")["patient_id"]) == set(complete[1:])
