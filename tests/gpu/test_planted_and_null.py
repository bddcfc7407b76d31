"""
On a GPU every network finds a planted signal and is quiet without one, by the comparison table of a user's study.

An interval misses by chance too, one time in twenty: before a network counts as not quiet, ask it again with
another seed.
"""

import pytest
from planted_and_null import found, of, quiet, tables_of
from studies import copy_project

pytestmark = [pytest.mark.gpu, pytest.mark.xdist_group("study")]  # one worker runs the study
APPROACHES = ("cnn3d", "efficientnet", "resnet18", "stacked_cnn3d", "densenet121", "resnet10_3d")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return tables_of(copy_project(tmp_path_factory.mktemp("study") / "project"), "cuda", APPROACHES)


def test_every_training_computes_on_the_gpu(tables):
    _, cost = tables
    assert set(cost["approach"]) == set(APPROACHES)
    assert "cpu" not in set(cost["device"])


@pytest.mark.parametrize("approach", APPROACHES)
def test_a_planted_signal_is_found(tables, approach):
    rows = of(tables[0], "planted", approach)
    assert found(rows), rows.to_string()


@pytest.mark.parametrize("approach", APPROACHES)
def test_without_a_signal_nothing_is_found(tables, approach):
    rows = of(tables[0], "null", approach)
    assert quiet(rows), rows.to_string()
