"""Labels that the images show, trained: copies that share images, inputs and folds, and the table of what is seen."""

import pytest
from studies import finish, planned_rules

from gliobench.files import read_table

pytestmark = [pytest.mark.workflow, pytest.mark.own_study]
VISIBLE = ["--configfile", "visible.yaml", "--set-scatter", "shards=1"]
TABLE = ["--", "results/visible/tables/visible.tsv"]


def test_visible_labels_are_trained_on_the_folds_of_the_cohort_and_tabulated_beside_its_own(project):
    finish(project, *VISIBLE, *TABLE)
    results = project / "results/visible"
    table = read_table(results / "tables/visible.tsv", "visible")
    assert table["labels"].tolist() == ["oedema", "oedema-80", "texture", "own"]
    assert set(table["verdict"]) == {"not seen"}, "two trainings are too few"
    places = [results / "brains", results / "brains/visible-oedema", results / "brains/visible-oedema-80"]
    own, seen, drawn = (read_table(place / "patients.tsv", "patients") for place in places)
    assert seen["label"].sum() == len(seen) // 2
    assert table["n_patients"].tolist()[0] == len(seen) <= len(own)
    assert drawn["label"].sum() == seen["label"].sum()
    assert drawn["label"].tolist() != seen["label"].tolist()
    of_cohort, of_copy = (read_table(place / "splits/kfold.tsv", "split") for place in places[:2])
    kept = of_cohort[of_cohort["patient_id"].isin(seen["patient_id"])].reset_index(drop=True)
    assert kept.equals(of_copy)
    assert (results / "figures/visible.png").is_file()
    assert not (results / "brains/visible-oedema/inputs").exists()
    config = (project / "visible.yaml").read_text(encoding="utf-8")
    changed = config.replace(
        "oedema: {from: segmentation, region: oedema", "oedema: {from: segmentation, region: whole"
    )
    (project / "visible.yaml").write_text(changed, encoding="utf-8")
    planned = planned_rules(project, *VISIBLE, *TABLE)
    assert {"measure_regions", "see_labels", "tabulate_visible"} <= planned
    assert not planned & {"generate", "audit_series", "preprocess", "split"}, "images, inputs and folds stay"
