import os
import zipfile
from importlib import import_module

import numpy as np
import pytest

from gliobench.errors import GlioBenchError
from gliobench.training import Machine

pytestmark = pytest.mark.tensorflow
CHOICES = r"choose `weights: none`, `weights: imagenet` or the path of a file\.$"


@pytest.fixture(scope="module")
def keras():
    os.environ["KERAS_BACKEND"] = "tensorflow"
    session = import_module("gliobench.training.keras_session")
    session.prepare(Machine())
    return session.keras


@pytest.fixture(scope="module")
def initial_weights(keras):
    return import_module("gliobench.training.keras_weights").initial_weights


def network(keras, units=3):
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.Dense(units)(inputs), name="tiny")


def test_none_is_nothing(keras, initial_weights):
    assert initial_weights(network(keras), "Tiny", "none", None) is None


def test_imagenet_is_what_the_library_downloads(keras, initial_weights):
    source = network(keras)
    for found, expected in zip(
        initial_weights(network(keras), "Tiny", "imagenet", lambda: source), source.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_a_network_without_imagenet_weights_says_so(keras, initial_weights):
    with pytest.raises(GlioBenchError, match="Keras has no ImageNet weights for Tiny; " + CHOICES):
        initial_weights(network(keras), "Tiny", "imagenet", None)


@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
@pytest.mark.filterwarnings("ignore")  # of the older format, when the test writes it
def test_a_file_of_the_network_is_read(keras, initial_weights, tmp_path, suffix):
    source = network(keras)
    path = tmp_path / f"tiny{suffix}"
    if suffix == ".weights.h5":
        source.save_weights(path)
    else:
        source.save(path)
    found = initial_weights(network(keras), "Tiny", str(path), None)
    for mine, expected in zip(found, source.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, expected)


def test_a_model_that_contains_the_network_gives_its_weights(keras, initial_weights, tmp_path):
    source = network(keras)
    inputs = keras.Input((2,))
    keras.Model(inputs, keras.layers.Dense(1)(source(inputs))).save(tmp_path / "whole.keras")
    found = initial_weights(network(keras), "Tiny", str(tmp_path / "whole.keras"), None)
    np.testing.assert_array_equal(found[0], source.get_weights()[0])


def test_a_missing_file_says_so(keras, initial_weights, tmp_path):
    with pytest.raises(GlioBenchError, match=r"There is no weight file .*gone\.h5; " + CHOICES):
        initial_weights(network(keras), "Tiny", str(tmp_path / "gone.h5"), None)


def test_a_format_that_may_carry_code_is_refused(keras, initial_weights, tmp_path):
    (tmp_path / "weights.pkl").write_bytes(b"")
    with pytest.raises(GlioBenchError, match=r"weights\.pkl is neither \.keras nor \.h5.*; " + CHOICES):
        initial_weights(network(keras), "Tiny", str(tmp_path / "weights.pkl"), None)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_a_file_of_another_network_says_so(keras, initial_weights, tmp_path, suffix):
    other = network(keras, units=5)
    path = tmp_path / f"other{suffix}"
    (other.save_weights if suffix == ".weights.h5" else other.save)(path)
    with pytest.raises(GlioBenchError, match=rf"other{suffix} does not hold weights of Tiny \(.*\); " + CHOICES):
        initial_weights(network(keras), "Tiny", str(path), None)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_a_damaged_file_says_so(keras, initial_weights, tmp_path, suffix):
    (tmp_path / f"bad{suffix}").write_bytes(b"no such thing")
    with pytest.raises(GlioBenchError, match="does not hold weights of Tiny"):
        initial_weights(network(keras), "Tiny", str(tmp_path / f"bad{suffix}"), None)


def test_code_in_a_model_file_is_never_run(keras, initial_weights, tmp_path):
    inputs = keras.Input((2,))
    trap = tmp_path / "ran"
    lines = keras.layers.Lambda(lambda values, name=str(trap): open(name, "w") and values)  # noqa: SIM115, PTH123
    path = tmp_path / "lambda.keras"
    keras.Model(inputs, keras.layers.Dense(3)(lines(inputs)), name="tiny").save(path)
    trap.unlink(missing_ok=True)
    assert zipfile.is_zipfile(path)
    with pytest.raises(GlioBenchError, match="does not hold weights of Tiny"):
        initial_weights(network(keras), "Tiny", str(path), None)
    assert not trap.exists()
