"""A key that stands twice in a file is an error: YAML itself would lose the first. --config is read as a file is."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from snakemake.cli import parse_config

from gliobench.errors import GlioBenchError
from gliobench.settings.files import as_in_a_file, read_config


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


SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from(["", "FLAIR", "true north", "a: b", "- c", "'"]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


@given(st.dictionaries(st.sampled_from("abc"), VALUES))
def test_inner_values_of_the_command_line_are_those_of_a_file(value):
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6).strip()
    assert as_in_a_file(parse_config([f"splits={text}"])) == {"splits": yaml.safe_load(text)}


@pytest.mark.parametrize(("given", "expected"), [("false", False), ("True", True), ("2", 2), ("demo-2", "demo-2")])
def test_one_value_of_the_command_line_is_that_of_a_file(given, expected):
    assert as_in_a_file(parse_config([f"show_images={given}"])) == {"show_images": expected}
