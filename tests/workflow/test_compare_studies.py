"""``compare`` reads what the workflow writes: on a finished study and itself."""

import pytest
import yaml

from gliobench.compare import compare_studies
from gliobench.files import read_json, read_table

pytestmark = pytest.mark.workflow


def test_a_finished_study_and_itself_differ_in_nothing(finished_small, tmp_path):
    one = finished_small / "results/small"
    config = yaml.safe_load((finished_small / "small.yaml").read_text(encoding="utf-8"))
    assert read_json(one / "study.json")["config"] == config
    said = " ".join(compare_studies(one, one, tmp_path / "comparison.html").split())
    assert "Nothing changed in the config." in said
    assert "All 12 patients of 1 cohort are the same in both studies." in said
    table = read_table(tmp_path / "comparison.tsv", "differences")
    assert set(table["pairing"]) == {"same folds"}
    own = read_table(one / "tables/comparison.tsv", "comparison")
    assert table["first_auc"].tolist() == table["second_auc"].tolist() == own["auc"].tolist()
