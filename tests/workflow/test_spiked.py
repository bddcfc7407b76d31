"""Labels drawn from a measured quantity, trained: copies that share images, and the share that is detected."""

import pytest
from studies import finish, planned_rules

from gliobench.files import read_table

pytestmark = [pytest.mark.workflow, pytest.mark.own_study]
SPIKED = ["--configfile", "spiked.yaml", "--set-scatter", "shards=1"]
TABLE = ["--", "results/spiked/tables/copies.tsv"]


def test_drawn_labels_are_trained_on_copies_and_the_share_detected_is_tabulated(project):
    finish(project, *SPIKED, *TABLE)
    results = project / "results/spiked"
    table = read_table(results / "tables/copies.tsv", "copies")
    assert table[["labels", "n"]].to_numpy().tolist() == [["permutations", 19], ["spiked-0.90", 3]]
    assert table["oracle_auc"].tolist()[1] == 0.9
    assert table["n_permutations"].tolist() == [19, 19]
    own = read_table(results / "brains/patients.tsv", "patients")
    (run,) = results.glob("brains/spiked-0.90/001-003/runs/**/predictions.tsv")
    predictions = read_table(run, "predictions").sort_values("patient_id")
    drawn = [rows["label"] for _, rows in predictions[predictions["part"] == "test"].groupby("copy")]
    assert {labels.sum() for labels in drawn} == {own["label"].sum()}
    assert len({tuple(labels) for labels in drawn}) == len(drawn) == 3
    assert planned_rules(project, *SPIKED, *TABLE) == set()
    spiked = (project / "spiked.yaml").read_text(encoding="utf-8")
    (project / "spiked.yaml").write_text(spiked.replace("column: p50", "column: p75"), encoding="utf-8")
    again = {"train_sklearn_copies", "tabulate_copies"}
    assert planned_rules(project, *SPIKED, *TABLE) == again, "the images, the inputs and the permutations stay"
