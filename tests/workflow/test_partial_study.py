"""What exists of a study is tabulated and reported, and nothing is trained for it."""

import pytest
import yaml
from studies import finish, planned_rules

from gliobench.files import read_table

pytestmark = pytest.mark.workflow
STUDY = ["--configfile", "study.yaml", "--set-scatter", "shards=1"]
RUNS = "results/small/planted/runs/baseline"
PARTIAL = "results/small/partial"


def record(variant, batch):
    return f"{RUNS}/{variant}/all/harmonised/repeat-0/seed-0/batch-{batch}/run.json"


@pytest.fixture
def begun(project):
    """A study of two trainings a cell: all of `header` are there, half of `intensity`, none of `prior`."""
    study = yaml.safe_load((project / "small.yaml").read_text(encoding="utf-8"))
    study["splits"]["kfold"]["batches"] = 2
    study["runs"] = [{"approach": "baseline"}]
    del study["settings"]
    (project / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    finish(project, *STUDY, "--", record("header", 0), record("header", 1), record("intensity", 0))
    return project


def times(project):
    return {path: path.stat().st_mtime_ns for path in (project / RUNS).rglob("*") if path.is_file()}


def test_what_exists_is_tabulated_and_nothing_is_trained(begun):
    before = times(begun)
    printed = finish(begun, *STUDY, "--", "partial")
    assert times(begun) == before
    assert "3 of 6 trainings exist" in printed

    table = read_table(begun / PARTIAL / "tables/comparison.tsv", "comparison")
    status = table.drop_duplicates("variant").set_index("variant")
    assert status["status"].to_dict() == {"prior": "missing", "header": "ok", "intensity": "missing"}
    assert status.loc["intensity", "reason"].startswith("1 of 2 trainings exist")
    assert status.loc["prior", "reason"] == "0 of 2 trainings exist"
    assert table.loc[table["variant"] == "intensity", "accuracy"].notna().any(), "what is there is scored"
    whole = read_table(begun / PARTIAL / "tables/variance.tsv", "variance")
    assert set(whole["variant"]) == {"header"}, "half a cell is another estimand"
    cohorts = read_table(begun / PARTIAL / "tables/cohorts.tsv", "cohorts")
    assert cohorts["patients"].tolist() == [12]

    page = (begun / PARTIAL / "report/index.html").read_text(encoding="utf-8")
    assert "unfinished study: 3 of 6 trainings exist" in page
    assert {"forest.png", "cost.png"} <= {path.name for path in (begun / PARTIAL / "report/figures").iterdir()}

    assert planned_rules(begun, *STUDY, "--", "partial") == set(), "nothing is new"
    finish(begun, *STUDY, "--", record("intensity", 1))
    assert planned_rules(begun, *STUDY, "--", "partial") == {"partial"}, "a new run is seen"


def test_a_study_that_was_never_run_has_a_report_too(project):
    printed = finish(project, "--configfile", "small.yaml", "--", "partial")
    assert "0 of 1 trainings exist" in printed
    table = read_table(project / PARTIAL / "tables/comparison.tsv", "comparison")
    assert table[["status", "reason"]].to_numpy().tolist() == [["missing", "0 of 1 trainings exist"]]
    assert (project / PARTIAL / "report/approaches/cnn3d.html").is_file()
    assert {path.name for path in (project / "results/small").iterdir() if path.name[0] != "."} == {"logs", "partial"}
