"""The same approach on another backend, in a process of its own: a process loads one framework."""

import numpy as np
import pytest

from keras_on_torch import run_on_torch

pytestmark = pytest.mark.slow  # torch is loaded in a process of its own
TRAINING = """
import json, sys
import numpy as np
from gliobench.approaches import cnn3d
from gliobench.training import Machine, Part, keras_backend

def part(n, seed):
    labels = np.arange(n) % 2
    inputs = (np.random.default_rng(seed).random((n, 8, 8, 8)) + labels[:, None, None, None]).astype(np.float32) / 2
    return Part(inputs, labels, np.array([str(number) for number in range(n)]))

parameters = dict(
    filters=[4, 8], dense=8, dropout=0.08, learning_rate=1e-3, decay_steps=100000, decay_rate=0.98,
    batch_norm_momentum=0.99, batch_size=4, epochs=2, patience=10, labels="kept", optimizer="adam",
)
device = cnn3d.prepare(Machine())
model = cnn3d.build((8, 8, 8), parameters, "none")
runs = []
for seed in (1, 2, 1):
    history = []
    best = cnn3d.fit(model, "final", part(10, 0), part(6, 1), parameters, seed, history.append)
    log_odds = cnn3d.predict(model, part(5, 2).inputs).tolist()
    runs.append({"best": best, "epochs": len(history), "log_odds": log_odds})
first = []

class Watched(cnn3d.LabelledMinibatches):
    def __getitem__(self, number):
        inputs, labels = super().__getitem__(number)
        first.append(labels[:, 0].astype(int).tolist())
        return inputs, labels

    def shuffle(self):
        first.append("shuffled")
        super().shuffle()

cnn3d.LabelledMinibatches = Watched
coded = parameters | {"labels": "permuted_after_first_epoch"}
cnn3d.fit(model, "final", part(10, 0), part(6, 1), coded, 1, lambda record: None)
cnn3d.fit(model, "final", part(10, 0), part(6, 1), parameters, 1, lambda record: None)
first = first[: first.index("shuffled")]
modules = sorted(sys.modules)  # Keras' own saving and loading look for tensorflow
cnn3d.save(model, sys.argv[1])
again = cnn3d.predict(cnn3d.load(sys.argv[1]), part(5, 2).inputs).tolist()
found = {"device": device, "backend": keras_backend(), "runs": runs, "again": again}
print(json.dumps(found | {"modules": modules, "first": first}))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return run_on_torch(TRAINING, tmp_path_factory.mktemp("torch") / "model.keras")


def test_two_epochs_train_on_torch_without_tensorflow(trained):
    assert [run["epochs"] for run in trained["runs"]] == [2, 2, 2]
    assert np.isfinite(trained["runs"][0]["log_odds"]).all()
    assert "torch" in trained["modules"]
    assert trained["backend"] == "torch"
    assert "tensorflow" not in trained["modules"]


def test_a_training_repeats_on_torch(trained):
    first, other, again = trained["runs"]
    assert first == again
    assert first["log_odds"] != other["log_odds"]


def test_labels_as_coded_are_right_in_the_first_epoch_on_torch(trained):
    assert trained["first"][-3:] == [[0, 1, 0, 1], [0, 1, 0, 1], [0, 1]]


def test_a_saved_model_predicts_the_same_on_torch(trained):
    assert trained["again"] == pytest.approx(trained["runs"][-1]["log_odds"], abs=1e-6)
