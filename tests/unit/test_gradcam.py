from importlib import import_module

import numpy as np
import pandas as pd
import pytest

from gliobench.files import write_table
from gliobench.inputs.store import write_shard
from gliobench.training import Machine, Part

pytestmark = pytest.mark.torch
SHAPE = (4, 16, 14, 12)
BLOB = np.s_[9:13, 3:7, 6:10]


@pytest.fixture(scope="module")
def gradcam():
    return import_module("gliobench.training.gradcam")


@pytest.fixture(scope="module")
def stacked():
    module = import_module("gliobench.approaches.stacked_cnn3d")
    module.prepare(Machine(1, "cpu", False))
    return module


def brains(n, seed=0):
    """Brains in a box of zeros; a bright blob in all channels tells label 1."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    inputs = np.zeros((n, *SHAPE), np.float16)
    inputs[:, :, 1:-1, 1:-1, 1:-1] = rng.normal(size=inputs[:, :, 1:-1, 1:-1, 1:-1].shape)
    inputs[labels == 1, :, *BLOB] += 3
    return Part(inputs, labels, np.array([f"{number:05}" for number in range(n)]))


@pytest.fixture(scope="module")
def trained(stacked):
    nothing = {"flips": [], "rotation": 0, "zoom": 0, "shift": 0, "noise": 0}
    parameters = {"depth": 1, "filters": 8, "dropout": 0.0, "learning_rate": 1e-2, "batch_size": 4, "epochs": 30}
    parameters |= {"patience": 30, "augmentation": nothing}
    model = stacked.build(SHAPE, parameters, "none")
    stacked.fit(model, "final", brains(24), brains(8, 1), parameters, 2, lambda record: None)
    return model


def predictions(labels, probabilities):
    names = [f"{number:05}" for number in range(len(labels))]
    table = {"fold": 0, "part": "test", "patient_id": names, "slice_index": None, "label": labels}
    return pd.DataFrame(table | {"probability": probabilities})


def test_a_planted_bright_blob_is_found(gradcam, stacked, trained):
    lesion = np.zeros(SHAPE[1:], bool)
    lesion[BLOB] = True
    for image in brains(6, 3).inputs[1::2]:
        cam = gradcam.grad_cam(trained, stacked.cam_layer(trained), image, 1)
        assert cam.shape == SHAPE[1:]
        assert cam.dtype == np.float32
        assert cam.min() >= 0
        assert cam.max() == 1
        assert gradcam.pointing_game(cam, lesion, np.any(image != 0, axis=0))["pointing_hit"] == 1
        assert cam[lesion].mean() > 5 * cam.mean()


def test_evidence_against_and_for_are_different_maps(gradcam, stacked, trained):
    image = brains(2, 3).inputs[1]
    layer = stacked.cam_layer(trained)
    assert (gradcam.grad_cam(trained, layer, image, 0) != gradcam.grad_cam(trained, layer, image, 1)).any()


def test_a_map_is_the_layers_output_weighed_by_the_logits_mean_gradient_and_enlarged(gradcam, stacked):
    torch = gradcam.torch
    model = stacked.build(SHAPE, {"depth": 2, "filters": 4, "dropout": 0.5}, "none")
    image = brains(2, 3).inputs[1]
    network = model.network.eval()
    with torch.no_grad():
        network.logit.weight.abs_()
        batch = torch.from_numpy(image[None]).float()
        features = network.blocks[1](network.halve(network.blocks[0](batch)))
        coarse = torch.einsum("c,bcxyz->xyz", network.logit.weight[0], features)
    assert coarse.shape == (8, 7, 6)
    fine = torch.nn.functional.interpolate(coarse[None, None], SHAPE[1:], mode="trilinear")[0, 0]
    cam = gradcam.grad_cam(model, stacked.cam_layer(model), image, 1)
    np.testing.assert_allclose(cam, fine / fine.max(), atol=1e-5)


def test_a_map_leaves_the_network_as_it_was(gradcam, stacked, trained):
    image = brains(2, 3).inputs
    before = stacked.predict(trained, image)
    gradcam.grad_cam(trained, stacked.cam_layer(trained), image[1], 1)
    assert (stacked.predict(trained, image) == before).all()
    assert not stacked.cam_layer(trained)._forward_hooks


def test_a_run_is_explained_row_by_row(gradcam, stacked, trained):
    part = brains(8, 4)
    probabilities = np.array([0.1, 0.9, 0.8, 0.2, 0.3, 0.7, 0.2, 0.6])
    cases = gradcam.draw_cases(predictions(part.labels, probabilities), 2, seed=1)
    lesions = np.zeros((8, *SHAPE[1:]), np.float16)
    lesions[1::2, *BLOB] = 1
    table, maps, images = gradcam.explain_run(
        stacked, cases, lambda fold: trained, part.inputs, part.patient_ids, 1, lesions
    )
    columns = list(import_module("gliobench.files").table_schema("cams")["properties"])
    assert table.columns.tolist() == [name for name in columns if name != "row"]
    assert table["outcome"].tolist() == ["TP", "TP", "FP", "TN", "TN", "FN"]
    assert maps.shape == (6, *SHAPE[1:])
    assert images.shape == (6, SHAPE[0] + 1, *SHAPE[1:]), "the lesion is the last channel"
    assert (maps.dtype, images.dtype) == (np.float32, np.float16)
    rows = table["patient_id"].astype(int).to_numpy()
    assert (images[:, :-1] == part.inputs[rows]).all()
    assert (images[:, -1] == lesions[rows]).all()
    assert (table["label"].to_numpy() == part.labels[rows]).all()
    assert table.loc[table["label"] == 0, ["pointing_hit", "lesion_share"]].isna().all(axis=None), "no lesion, no game"
    assert table.loc[table["label"] == 1, "lesion_share"].to_numpy(float) == pytest.approx(64 / (14 * 12 * 10))
    assert table.loc[table["outcome"] == "TP", "pointing_hit"].tolist() == [1, 1]
    similarity = table["randomised_similarity"].dropna().astype(float)
    assert (similarity.abs() < 0.95).all()


def test_a_cohort_without_lesions_has_no_pointing_game(gradcam, stacked, trained):
    part = brains(2, 4)
    cases = gradcam.draw_cases(predictions(part.labels, [0.1, 0.9]), 1, seed=1)
    table, _, _ = gradcam.explain_run(stacked, cases, lambda fold: trained, part.inputs, part.patient_ids, 1)
    assert table[["pointing_hit", "lesion_share"]].isna().all(axis=None)


def test_nobody_to_explain_is_an_empty_table(gradcam, stacked, trained):
    part = brains(2, 4)
    nobody = gradcam.draw_cases(predictions([], []), 1, seed=1)
    table, maps, images = gradcam.explain_run(stacked, nobody, lambda fold: trained, part.inputs, part.patient_ids, 1)
    assert (len(table), maps.shape, images.shape) == (0, (0, *SHAPE[1:]), (0, *SHAPE))


def test_a_run_that_tested_nobody_is_explained_by_empty_tables(stacked, tmp_path):
    patients = pd.DataFrame({"patient_id": ["a", "b"], "label": [0, 1]})
    index = patients[["patient_id"]].assign(modality="FLAIR", slice_index=None)
    path = tmp_path / "1.npy"
    write_shard(list(np.zeros((2, 4, 4, 4), np.float16)), index, path)
    failed = predictions([], [])
    explain = import_module("gliobench.training.gradcam").explain
    cams, maps, images = explain(stacked, "grid", failed, tmp_path, patients, [path], ["FLAIR"], 1)
    assert (len(cams), len(maps), len(images)) == (0, 0, 0)
    write_table(cams.reset_index(drop=True).rename_axis("row").reset_index(), tmp_path / "cams.tsv", "cams")


def test_cases_are_drawn_by_seed_among_tested_patients(gradcam):
    rng = np.random.default_rng(0)
    table = predictions(np.arange(40) % 2, rng.random(40))
    slices = table.assign(slice_index=3)
    others = table.assign(part="train", patient_id="99999")
    whole = pd.concat([table, slices, others])
    drawn = gradcam.draw_cases(whole, 3, seed=5)
    pd.testing.assert_frame_equal(drawn, gradcam.draw_cases(whole.sample(frac=1, random_state=1), 3, seed=5))
    assert not drawn.equals(gradcam.draw_cases(whole, 3, seed=6))
    assert drawn["outcome"].tolist() == [name for name in ("TP", "FP", "TN", "FN") for _ in range(3)]
    assert "99999" not in set(drawn["patient_id"])
    assert drawn["patient_id"].nunique() == 12


def test_a_map_without_evidence_hits_and_resembles_nothing(gradcam):
    brain = np.ones((3, 3, 3), bool)
    lesion = np.zeros((3, 3, 3), bool)
    lesion[0] = True
    nothing = np.zeros((3, 3, 3), np.float32)
    game = gradcam.pointing_game(nothing, lesion, brain)
    assert game == {"pointing_hit": None, "lesion_share": pytest.approx(1 / 3)}
    assert gradcam.similarity(nothing.ravel(), np.arange(27)) is None


def test_a_maximum_outside_the_brain_does_not_count(gradcam):
    brain = np.zeros((3, 3, 3), bool)
    brain[1:] = True
    lesion = np.zeros((3, 3, 3), bool)
    lesion[2] = True
    cam = np.zeros((3, 3, 3), np.float32)
    cam[0, 0, 0], cam[2, 1, 1] = 1, 0.5
    assert gradcam.pointing_game(cam, lesion, brain) == {"pointing_hit": 1, "lesion_share": 0.5}


def test_similarity_is_spearmans(gradcam):
    values = np.array([0.1, 0.4, 0.2, 0.9])
    assert gradcam.similarity(values, values**3) == pytest.approx(1)
    assert gradcam.similarity(values, -values) == pytest.approx(-1)
