import os
import re
from importlib import import_module

import numpy as np
import pytest

from gliobench.errors import GlioBenchError
from gliobench.training import Machine, keras_backend

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def session():
    os.environ["KERAS_BACKEND"] = "tensorflow"
    module = import_module("gliobench.training.keras_session")
    module.prepare(Machine())
    return module


def no_gpu(monkeypatch, visible=""):
    """Have TensorFlow find no GPU, whatever is visible."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(import_module("tensorflow").config, "list_physical_devices", lambda kind: [])


def test_cuda_without_a_gpu_is_a_sentence(session, monkeypatch):
    no_gpu(monkeypatch)
    with pytest.raises(GlioBenchError, match=r"`device: cuda` was requested, but this machine has no CUDA GPU; set"):
        session.prepare(Machine(device="cuda"))


def test_a_visible_gpu_that_tensorflow_cannot_use_is_a_warning_or_an_error_that_says_so(session, monkeypatch, caplog):
    no_gpu(monkeypatch, visible="0")
    said = r"TensorFlow cannot use the visible GPU \(0\), because .*: set `backend: torch`"
    with pytest.raises(GlioBenchError, match=f"^`device: cuda` was requested, but {said}"):
        session.prepare(Machine(device="cuda"))
    assert session.prepare(Machine(device="auto")) == "cpu"
    assert re.match(said, caplog.messages[-1])


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_without_a_gpu_the_device_is_the_cpu_in_float32(session, monkeypatch, device):
    no_gpu(monkeypatch)
    assert session.prepare(Machine(device=device)) == "cpu"
    assert session.keras.mixed_precision.dtype_policy().name == "float32"


def test_the_backend_is_known_once_keras_is_loaded(session):
    assert keras_backend() == session.keras.backend.backend() == "tensorflow"


def network(session):
    keras = session.keras
    inputs = keras.Input((2,))
    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)], name="inner")
    model = keras.Model(inputs, keras.layers.Dense(1)(inner(inputs)))
    model.compile(optimizer="adam", loss="mse")
    return model


def test_the_same_seed_gives_the_same_weights(session):
    session.seed_all(3)
    one = network(session).get_weights()
    session.seed_all(3)
    for mine, other in zip(one, network(session).get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_renewed_model_has_the_fresh_ones_state_and_an_optimiser_without_memory(session):
    model, fresh = network(session), network(session)
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    session.renew(model, fresh)
    session.renew_optimizer(model.optimizer)
    for mine, other in zip(model.variables, fresh.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())
    rate, *rest = sorted(model.optimizer.variables, key=lambda variable: "learning_rate" not in variable.path)
    assert float(rate) == pytest.approx(1e-3)
    assert all(not np.any(variable.numpy()) for variable in rest)


def test_all_layers_are_those_of_inner_models_too(session):
    kinds = [type(layer).__name__ for layer in session.all_layers(network(session))]
    assert kinds == ["InputLayer", "Sequential", "Dense", "Dropout", "Dense"]


def test_numbers_are_finite_or_not(session):
    assert session.finite([np.ones(3), np.zeros((2, 2))])
    assert not session.finite([np.ones(3), np.array([1, np.nan])])


def test_a_network_trained_in_bfloat16_predicts_in_float32_where_the_session_does(session, tmp_path):
    policies = session.keras.mixed_precision
    policies.set_dtype_policy("mixed_bfloat16")
    try:
        trained = network(session)
    finally:
        policies.set_dtype_policy("float32")
    trained.save(tmp_path / "model.keras")
    read = session.load_network(tmp_path / "model.keras")
    assert {layer.dtype_policy.name for layer in [read, *session.all_layers(read)]} == {"float32"}
    exact = network(session)
    exact.set_weights(trained.get_weights())
    points = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    assert np.array_equal(read.predict(points, verbose=0), exact.predict(points, verbose=0))
    assert not np.array_equal(trained.predict(points, verbose=0), exact.predict(points, verbose=0))


class Counted:
    """Five rows in minibatches of two."""

    def __len__(self):
        return 3

    def __getitem__(self, number):
        rows = np.arange(5, dtype="float32")[2 * number : 2 * number + 2, None]
        return rows, rows > 2

    def shuffle(self):
        raise AssertionError


def test_tensorflow_reads_minibatches_in_order_epoch_after_epoch_and_tunes_nothing(session):
    data = session._tensorflow_data(Counted())
    assert not data.options().autotune.enabled, "its thread may outlive an epoch by seconds"
    assert int(data.cardinality()) == 3
    for _ in range(2):
        assert [inputs.numpy().ravel().tolist() for inputs, _ in data] == [[0, 1], [2, 3], [4]]
        assert [labels.numpy().ravel().tolist() for _, labels in data] == [[False, False], [False, True], [True]]
