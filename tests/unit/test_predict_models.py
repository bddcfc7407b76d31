"""A model's file may come from anybody: one that holds code is a sentence, and the code does not run."""

import io
import json
import pickle
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from gliobench.errors import GlioBenchError
from gliobench.training.job import load_model

TORCH = ("stacked_cnn3d", "densenet121", "resnet18", "resnet10_3d")
KERAS = ("cnn3d", "efficientnet")


class Attack:
    """Unpickled, it makes a file."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


def refused(approach, path, target, *words):
    with pytest.raises(GlioBenchError) as caught:
        load_model(import_module(f"gliobench.approaches.{approach}"), path)
    said = str(caught.value)
    assert str(path) in said
    assert "\n" not in said
    for word in words:
        assert word in said
    assert not target.exists(), "the file's code was run"


@pytest.fixture
def target(tmp_path):
    return tmp_path / "made by the attack"


def test_the_attack_would_work(target):
    pickle.loads(pickle.dumps(Attack(target)))
    assert target.exists()


def test_a_baseline_is_text_and_a_pickle_in_its_place_is_not_read(tmp_path, target):
    path = tmp_path / "fold-0.json"
    path.write_bytes(pickle.dumps(Attack(target)))
    refused("baseline", path, target, "cannot be read as a model of baseline")


def test_a_baseline_of_other_words_is_a_sentence(tmp_path, target):
    path = tmp_path / "fold-0.json"
    for model in ({"__class__": "os.system", "features": "none"}, {"features": "header", "numbers": [{"channel": 0}]}):
        path.write_text(json.dumps(model))
        refused("baseline", path, target, "cannot be read as a model of baseline")


def test_a_model_of_another_kind_of_file_is_a_sentence(tmp_path, target):
    path = tmp_path / "fold-0.pkl"
    path.write_bytes(pickle.dumps(Attack(target)))
    refused("baseline", path, target, "those files end in .json")


def test_a_table_model_with_a_pickle_in_it_is_a_sentence(tmp_path, target):
    path = tmp_path / "fold-0.npz"
    np.savez(path, learner=np.array("logistic"), coefficient=np.array([Attack(target)], dtype=object))
    refused("tabular", path, target, "cannot be read as a model of tabular")


@pytest.mark.torch
@pytest.mark.parametrize("approach", TORCH)
@pytest.mark.parametrize("form", ["pickle", "torch", "state"])
def test_a_torch_file_with_code_is_a_sentence(tmp_path, target, approach, form):
    import torch

    path = tmp_path / "fold-0.pt"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Attack(target)))
    else:
        torch.save({"about": {}, "state": Attack(target)} if form == "state" else Attack(target), path)
    refused(approach, path, target)


@pytest.mark.torch
@pytest.mark.parametrize("approach", TORCH)
def test_a_torch_file_of_another_network_is_a_sentence(tmp_path, target, approach):
    import torch

    path = tmp_path / "fold-0.pt"
    torch.save({"about": {"shape": [1, 8, 8, 8]}, "state": {"weight": torch.zeros(2)}}, path)
    refused(approach, path, target, f"cannot be read as a model of {approach}")


def keras_file(path: Path, config: dict) -> None:
    """Write a file of Keras' format with that model in it."""
    import h5py

    weights = io.BytesIO()
    h5py.File(weights, "w").close()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())


def call(module: str, name: str, argument: str) -> dict:
    """Return a model that calls a function by its name while it is built (as in CVE-2025-1550)."""
    layer = {"class_name": "function", "module": module, "config": name, "registered_name": name, "name": "layer"}
    layer["inbound_nodes"] = [{"args": [argument], "kwargs": {}}]
    inside = {"name": "model", "layers": [layer], "input_layers": [["layer", 0, 0]], "output_layers": [["layer", 0, 0]]}
    return {"class_name": "Functional", "module": "keras", "config": inside}


def unsafe_switch(then: dict) -> dict:
    """Return a model that first asks Keras to allow code (as in CVE-2025-9906)."""
    first = call("keras.config", "enable_unsafe_deserialization", "")
    first["config"]["layers"].append(then["config"]["layers"][0])
    return first


@pytest.mark.tensorflow
@pytest.mark.parametrize("approach", KERAS)
@pytest.mark.parametrize("form", ["pickle", "function", "switch", "lambda", "h5 lambda"])
def test_a_keras_file_with_code_is_a_sentence(tmp_path, target, approach, form):
    import keras

    path = tmp_path / "fold-0.keras"
    if form == "pickle":
        path.write_bytes(pickle.dumps(Attack(target)))
    elif form == "function":
        keras_file(path, call("os", "system", f"touch '{target}'"))
    elif form == "switch":
        keras_file(path, unsafe_switch(call("os", "system", f"touch '{target}'")))
    else:
        name = str(target)
        layer = keras.layers.Lambda(lambda values, name=name: (open(name, "w").close(), values)[1])  # noqa: PTH123
        model = keras.Sequential([keras.Input((2,)), layer])
        target.unlink(missing_ok=True)  # building calls it too
        written = path.with_suffix(".h5") if form == "h5 lambda" else path
        model.save(written)
        written.replace(path)
    refused(approach, path, target, f"cannot be read as a model of {approach}")
