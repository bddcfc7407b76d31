"""A key that stands twice in a config file is an error: YAML itself would lose the first."""

import re

import pytest

from gliobench.errors import GlioBenchError
from gliobench.settings.files import read_config


def read(tmp_path, text):
    path = tmp_path / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return read_config(path, "study.yaml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "splits: {}\nseed: 1\nsplits: {kfold: {folds: 3}}\n",
            "line 3: the key 'splits' occurs twice, first in line 1",
        ),
        (
            "cohorts:\n  a: {kind: rsna}\n  b: {kind: rsna}\n  a: {kind: synthetic}\n",
            "line 4: the key 'a' occurs twice",
        ),
        ("runs:\n  - {approach: cnn3d, approach: resnet18}\n", "line 2: the key 'approach' occurs twice"),
        ('{"seed": 1, "seed": 2}', "line 1: the key 'seed' occurs twice"),
        ("seed: [1\n", "study.yaml is not valid YAML: "),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_its_lines(tmp_path, text, sentence):
    with pytest.raises(GlioBenchError, match=re.escape(sentence)):
        read(tmp_path, text)


def test_one_key_in_several_mappings_and_merged_anchors_are_fine(tmp_path):
    text = "a: &one {x: 1, y: 2}\nb: {<<: *one, y: 3}\nc: [{x: 1}, {x: 2}]\n"
    assert read(tmp_path, text) == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": [{"x": 1}, {"x": 2}]}


def test_an_empty_file_holds_nothing(tmp_path):
    assert read(tmp_path, "") is None
