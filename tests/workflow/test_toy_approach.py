"""One file and one YAML entry add an approach: no rule, table or figure is touched."""

import pytest
import yaml
from studies import finish

from gliobench.files import read_table

pytestmark = pytest.mark.workflow

MODULE = '''
"""Brightness: the mean of the input."""

import json

import numpy as np

SUFFIX = ".json"


def prepare(machine):
    return "cpu"


def build(shape, parameters, weights):
    return {}


def fit(model, phase, train, validation, parameters, seed, on_epoch):
    model["slope"] = parameters["slope"]
    model["middle"] = float(np.median(train.inputs.mean(axis=(1, 2, 3))))
    numbers = {"loss": 0.7, "accuracy": 0.5, "auc": 0.5}
    on_epoch(numbers | {f"validation_{name}": value for name, value in numbers.items()} | {"epoch": 1, "seconds": 0.0})
    return 1


def predict(model, inputs):
    return 1 / (1 + np.exp(model["slope"] * (model["middle"] - inputs.mean(axis=(1, 2, 3)).astype(float))))


def save(model, path):
    path.write_text(json.dumps(model))


def load(path):
    return json.loads(path.read_text())
'''

SETTINGS = {
    "title": "Brightness",
    "source": "this test",
    "toolchain": "sklearn",
    "modalities": ["T2w"],
    "input": {"kind": "volume", "shape": [8, 8, 4], "voi_lut": False},
    "protocols": {"harmonised": {"split": "kfold"}},
    "parameters": {"slope": {"default": 1.0, "type": "number", "above": 0, "meaning": "how steeply the log odds grow"}},
    "variants": {"main": {"description": "The mean."}},
}


def test_a_toy_approach_of_one_file_and_one_yaml_entry_is_in_the_table_and_on_the_page(project):
    (project / "workflow/scripts/gliobench/approaches/brightness.py").write_text(MODULE)
    (project / "config/approaches/brightness.yaml").write_text(yaml.safe_dump(SETTINGS))
    generator = {"patients": 12, "matrix": 24, "slices": [6, 10], "modalities": ["T2w"]}
    study = {
        "study": "toy",
        "seed": 1,
        "bootstrap": 100,
        "cohorts": {"made": {"kind": "synthetic", "generator": generator}},
        "splits": {"kfold": {"folds": 2, "repeats": 1, "validation": 0.34}},
        "runs": [{"approach": "brightness"}],
    }
    (project / "study.yaml").write_text(yaml.safe_dump(study))
    printed = finish(project, "--configfile", "study.yaml", "--set-scatter", "shards=1")
    table = read_table(project / "results/toy/tables/comparison.tsv", "comparison")
    row = table[table["part"] == "test"].iloc[0]
    assert (row["approach"], row["modality"], row["status"], row["n_patients"]) == ("brightness", "T2w", "ok", 12)
    assert "brightness" in printed
    assert "Brightness" in (project / "results/toy/report/approaches/brightness.html").read_text(encoding="utf-8")
