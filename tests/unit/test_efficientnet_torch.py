"""The same approach on another backend, in a process of its own: a process loads one framework."""

import numpy as np
import pytest

from keras_on_torch import run_on_torch

pytestmark = pytest.mark.slow  # torch is loaded in a process of its own
TRAINING = """
import json, os, sys
from contextlib import nullcontext
import numpy as np
import torch
from gliobench.approaches import efficientnet
from gliobench.errors import GlioBenchError
from gliobench.training import Machine, Part
from gliobench.training import keras_backbones, keras_session
from gliobench.training.keras_augment import augment
from gliobench.training.keras_backbones import build_backbone, settle_batch_norm

def part(n, seed):
    labels = np.arange(n) % 2
    slices = np.random.default_rng(seed).integers(0, 100, (n, 32, 32)) + 100 * labels[:, None, None]
    return Part(slices.astype(np.uint8), labels, np.array([str(number) for number in range(n)]))

torch.cuda.is_available = lambda: False
os.environ["CUDA_VISIBLE_DEVICES"] = ""
try:
    efficientnet.prepare(Machine(device="cuda"))
except GlioBenchError as error:
    sentence = str(error)
device = efficientnet.prepare(Machine(device="cpu"))
short = {"learning_rate": 1e-3, "batch_size": 8, "epochs": 2, "patience": 5, "plateau": {"patience": 2, "factor": 0.5}}
augmentation = {"rotation": 15, "zoom": [0.8, 1.2], "shift": 0.1, "brightness": [0.8, 1.2]}
parameters = dict(
    backbone="resnet10", double_rescale=False, dense=8, dropout=0.4, batch_norm_momentum=0.9,
    augmentation=augmentation, transfer=short, finetuned=short,
)
model = efficientnet.build((32, 32), parameters, "none")
runs = []
for seed in (1, 2, 1):
    history = []
    states = []
    for phase in ("transfer", "finetuned"):
        efficientnet.fit(model, phase, part(12, 0), part(6, 1), parameters, seed, history.append)
        states.append([np.copy(values) for values in model.network.get_layer("features").get_weights()])
    changed = sum(not np.array_equal(one, other) for one, other in zip(*states))
    log_odds = efficientnet.predict(model, part(5, 2).inputs).tolist()
    runs.append({"epochs": len(history), "changed": changed, "log_odds": log_odds})
minibatch = efficientnet.TrainingSlices(part(12, 0), 8, augmentation, 1)[0][0]
settled, saved = [], []
for gradients in (False, True):
    network = build_backbone("resnet10", (32, 32, 3))
    network.set_weights([np.full(values.shape, 0.01, np.float32) for values in network.get_weights()])
    keras_backbones.without_gradients = nullcontext if gradients else keras_session.without_gradients
    with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda place: place):
        settle_batch_norm(network, np.random.default_rng(4).random((4, 32, 32, 3), np.float32))
    settled.append([len(saved), [values.tolist() for values in network.get_weights() if values.ndim == 1]])
changed = augment(part(4, 3).inputs / np.float32(255), augmentation, np.random.default_rng(0))
modules = sorted(sys.modules)  # Keras' own saving and loading look for tensorflow
efficientnet.save(model, sys.argv[1])
again = efficientnet.predict(efficientnet.load(sys.argv[1]), part(5, 2).inputs).tolist()
print(json.dumps({
    "sentence": sentence, "device": device, "runs": runs, "again": again, "modules": modules, "settled": settled,
    "minibatch": [isinstance(minibatch, torch.Tensor), *minibatch.shape],
    "range": [float(changed.min()), float(changed.max())],
}))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return run_on_torch(TRAINING, tmp_path_factory.mktemp("torch") / "model.keras")


def test_both_phases_train_on_torch_without_tensorflow(trained):
    assert [run["epochs"] for run in trained["runs"]] == [4, 4, 4]
    assert np.isfinite(trained["runs"][0]["log_odds"]).all()
    assert "torch" in trained["modules"]
    assert "tensorflow" not in trained["modules"]


def test_a_minibatch_stays_on_the_device_that_augments_it(trained):
    assert trained["minibatch"] == [True, 8, 32, 32, 1]


def test_fine_tuning_changes_the_convolutions_and_no_more_on_torch(trained):
    assert [run["changed"] for run in trained["runs"]] == [12, 12, 12]


def test_settling_batch_norm_keeps_nothing_for_gradients_and_gives_the_same_statistics(trained):
    (kept, statistics), (kept_with_gradients, expected) = trained["settled"]
    assert kept == 0 < kept_with_gradients
    assert statistics == expected


def test_a_training_repeats_on_torch(trained):
    first, other, again = trained["runs"]
    assert first == again
    assert first["log_odds"] != other["log_odds"]


def test_augmented_slices_stay_in_range_on_torch(trained):
    low, high = trained["range"]
    assert 0 <= low < high <= 1


def test_a_saved_model_predicts_the_same_on_torch(trained):
    assert trained["again"] == pytest.approx(trained["runs"][-1]["log_odds"], abs=1e-6)


def test_cuda_without_a_gpu_is_a_sentence_on_torch(trained):
    assert trained["device"] == "cpu"
    assert trained["sentence"].startswith("`device: cuda` was requested, but this machine has no CUDA GPU;")
