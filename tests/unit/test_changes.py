"""What differs between two configs: every changed key once, nothing else."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliobench.changes import Change, changes, record_changes

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False)
NAMES = st.text(st.sampled_from("abc"), min_size=1, max_size=2)
CONFIGS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
    ),
)


@given(CONFIGS)
def test_a_config_does_not_differ_from_itself(config):
    assert changes(config, copy.deepcopy(config)) == []


@given(CONFIGS, CONFIGS)
def test_swapping_the_configs_swaps_the_values(first, second):
    swapped = {(change.key, change.second, change.first) for change in changes(second, first)}
    assert {(change.key, change.first, change.second) for change in changes(first, second)} == swapped


@given(CONFIGS, NAMES, st.integers())
def test_one_key_that_is_set_is_the_one_change(config, name, number):
    found = changes(config, config | {name: [number, "new"]})
    assert all(change.key == name for change in found)
    assert bool(found) == (config.get(name) != [number, "new"])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [Change("a.c", "2", "3")]),
        ({"a": 1}, {"a": 1, "b": None}, [Change("b", None, "null")]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [Change("a", "[1, 2]", "[2, 1]")]),
        ({"a": "1"}, {"a": 1}, [Change("a", "'1'", "1")]),
        ({"a": True}, {"a": 1}, [Change("a", "true", "1")]),
        ({"runs": [{"x": 1}, {"y": 2}]}, {"runs": [{"x": 1}, {"y": 3}]}, [Change("runs[1].y", "2", "3")]),
        ({"runs": [{"x": 1}, {"y": 2}]}, {"runs": [{"y": 2}]}, [Change("runs", "{x: 1}", None)]),
        ({"runs": [{"x": 1}]}, {"runs": [{"x": 1}, {"x": 1}]}, [Change("runs", None, "{x: 1}")]),
    ],
)
def test_a_change_names_its_key_and_both_values(first, second, expected):
    assert changes(first, second) == expected


def test_of_records_only_what_made_the_training_counts():
    record = {"parameters": {"epochs": 3}, "folds": [{"seconds": 1.0}], "repeat": 0, "versions": {"torch": "2"}}
    other = {"parameters": {"epochs": 4}, "folds": [{"seconds": 2.0}], "repeat": 1, "versions": {"torch": "2"}}
    assert record_changes(record, other) == [Change("parameters.epochs", "3", "4")]
