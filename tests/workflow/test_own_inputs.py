"""Variants with an input of their own, beside the input of the others: made, trained, compared, and used to predict."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from studies import finish, planned_rules, sentence

from gliobench.files import read_json, read_table

pytestmark = [pytest.mark.workflow, pytest.mark.own_study]
STUDY = ["--configfile", "crop.yaml", "--set-scatter", "shards=1"]
TABLES = ["--", "results/crop/tables/comparison.tsv", "results/crop/tables/exclusions.tsv"]
APPROACHES = ("resnet10_3d", "stacked_cnn3d")
RUN = "results/crop/brains/runs/resnet10_3d/tumour_crop/T1wCE/harmonised/repeat-0/seed-0/batch-0"


@pytest.fixture
def cropped(project: Path) -> Path:
    """The project with both variants of both networks compared."""
    finish(project, *STUDY, *TABLES)
    return project


def test_a_crop_is_compared_beside_the_main_variant_whose_input_it_leaves_as_it_is_and_predicts_a_patient(cropped):
    results = cropped / "results/crop"
    table = read_table(results / "tables/comparison.tsv", "comparison")
    assert set(zip(table["approach"], table["variant"], strict=True)) == {
        (approach, variant) for approach in APPROACHES for variant in ("main", "tumour_crop")
    }
    assert set(table["status"]) == {"ok"}
    assert not planned_rules(cropped, *STUDY, *TABLES)

    config = (cropped / "crop.yaml").read_text(encoding="utf-8")
    alone = config.replace("study: crop", "study: alone").replace("[main, tumour_crop]", "[main]")
    (cropped / "alone.yaml").write_text(alone, encoding="utf-8")
    mains = [f"brains/inputs/{approach}/1-of-1.npy" for approach in APPROACHES]
    targets = [f"results/alone/{path}" for path in mains]
    finish(cropped, "--configfile", "alone.yaml", *STUDY[2:], "--", *targets)
    for path in mains:
        assert (cropped / "results/alone" / path).read_bytes() == (results / path).read_bytes()
        own = results / path.replace("/1-of", "-tumour_crop/1-of")
        assert np.load(own).shape == np.load(results / path).shape
        assert own.read_bytes() != (results / path).read_bytes()

    record = read_json(cropped / RUN / "run.json")
    assert (record["input"]["around"], record["input"]["margin"]) == ("segmentation", 10.0)
    images, patient = results / "brains/images", cropped / "someone"
    shutil.copytree(images / "train/00003", patient)
    asked = ["predict", "--config", "patient=someone", f"model={RUN}"]
    assert "segmentation" in sentence(cropped, *asked), "the crop needs it"
    shutil.copy(images / "segmentations/00003.nii.gz", patient / "segmentation.nii.gz")
    finish(cropped, *asked)
    (answer,) = cropped.glob("results/predictions/someone/*/prediction.json")
    predicted = {fold["fold"]: fold["probability"] for fold in read_json(answer)["folds"]}
    tested = read_table(cropped / RUN / "predictions.tsv", "predictions").query("patient_id == '00003'")
    tested = tested[tested["part"] == "test"].iloc[0]
    assert predicted[tested["fold"]] == pytest.approx(tested["probability"], abs=1e-6)
