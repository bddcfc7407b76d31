"""A study and itself under another seed, on one page."""

import pytest
from studies import SMALL, finish

from gliobench.compare import compare_studies
from gliobench.files import read_json, read_table

pytestmark = pytest.mark.workflow


def test_under_another_seed_one_key_changed_and_nobody_is_paired(finished_small, small_copy, tmp_path):
    finish(small_copy, *SMALL, "--config", "seed=2", "study=small-2")
    first, second = finished_small / "results/small", small_copy / "results/small-2"
    assert read_json(second / "study.json")["config"]["seed"] == 2
    said = " ".join(compare_studies(first, second, tmp_path / "comparison.html").split())
    assert "1 key of the config changed: seed." in said
    assert "The patients of planted were generated anew" in said
    table = read_table(tmp_path / "comparison.tsv", "differences")
    assert set(table["pairing"]) == {"independent samples"}
    (tested,) = table[table["part"] == "test"].to_dict("records")
    assert tested["reason"] == "4 patients of a label in one of them; a comparison needs 5 of each"
    for side, results in (("first", first), ("second", second)):
        own = read_table(results / "tables/comparison.tsv", "comparison").query("part == 'test'")
        assert [tested[f"{side}_auc"]] == own["auc"].tolist()
