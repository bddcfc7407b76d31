"""What Keras runs on is decided when a study begins; a GPU that only the environment names stands in for one."""

import re

import pytest
from studies import SMALL, finish, sentence

from gliobench.files import read_json

pytestmark = pytest.mark.workflow
RECORD = "results/small/planted/runs/cnn3d/main/FLAIR/harmonised/repeat-0/seed-0/batch-0/run.json"
NOTE = "results/small/.settings/backend.json"
GPU = {"CUDA_VISIBLE_DEVICES": "0"}


def test_a_finished_study_stays_finished_where_a_gpu_is_visible(small_copy):
    assert read_json(small_copy / NOTE) == "tensorflow"
    record = read_json(small_copy / RECORD)
    assert (record["toolchain"], record["backend"], record["unused_gpu"]) == ("tensorflow", "tensorflow", None)
    assert "Nothing to be done" in finish(small_copy, *SMALL, **GPU)
    (small_copy / NOTE).unlink()  # as before there was a choice
    assert "Nothing to be done" in finish(small_copy, *SMALL, **GPU)
    planned = finish(small_copy, "--dry-run", *SMALL, "--config", "seed=2", **GPU)
    assert "train_tensorflow" in planned
    assert "as this study began, and leaves the GPU of this machine unused: set `backend: torch`" in planned


def test_a_study_whose_images_were_made_without_a_gpu_trains_on_torch_where_one_is_visible(audited_copy):
    planned = finish(audited_copy, "--dry-run", *SMALL, **GPU)
    assert "train_torch" in planned
    assert "train_tensorflow" not in planned


def test_another_backend_trains_again_is_recorded_and_kept_and_says_that_a_gpu_stays_unused(small_copy):
    finish(small_copy, *SMALL, "--config", "backend=torch", "--", RECORD, **GPU)
    record = read_json(small_copy / RECORD)
    assert (record["toolchain"], record["backend"], record["device"]) == ("torch", "torch", "cpu")
    assert record["unused_gpu"].startswith("PyTorch cannot use the visible GPU (0): ")
    assert {fold["status"] for fold in record["folds"]} == {"ok"}
    (log,) = (small_copy / "results/small/planted/logs/runs/cnn3d").rglob("*.log")
    assert record["unused_gpu"] in log.read_text(encoding="utf-8")
    assert read_json(small_copy / NOTE) == "torch"
    assert "Nothing to be done" in finish(small_copy, *SMALL, "--", RECORD)


def test_a_backend_of_the_environment_is_refused_before_any_job(small_copy):
    said = sentence(small_copy, *SMALL, KERAS_BACKEND="torch")
    assert "GlioBench: KERAS_BACKEND=torch is set in this terminal, but Keras runs on tensorflow in this study" in said


def test_a_training_requests_a_gpu_only_where_its_framework_can_use_one(project):
    for backend, gpus in (("tensorflow", "0"), ("torch", "1")):
        asked = ["--workflow-profile", "none", "--config", f"backend={backend}", "--", RECORD]
        planned = finish(project, "--dry-run", *SMALL, *asked, **GPU)
        assert re.search(rf"rule train_{backend}:.*?gpu=(\d)", planned, re.DOTALL)[1] == gpus
