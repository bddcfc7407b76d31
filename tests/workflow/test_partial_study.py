"""What exists of a study is tabulated and reported, beside a study that runs, and nothing is trained for it."""

import time
from pathlib import Path

import pytest
import yaml
from studies import SMALL, Running, copy_finished, finish, planned_rules, sentence

from gliobench.files import read_table
from gliobench.terms import PERMUTATIONS, copies_name

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("partial")]  # one worker begins the study
STUDY = ["--configfile", "study.yaml", "--set-scatter", "shards=1"]
PARTIAL = "results/small/partial"


def record(variant, batch, cohort="planted"):
    return f"results/small/{cohort}/runs/baseline/{variant}/all/harmonised/repeat-0/seed-0/batch-{batch}/run.json"


@pytest.fixture(scope="module")
def half_trained(audited_small, tmp_path_factory):
    """
    A study of two trainings a cell: all of `header` are there, half of `intensity`, none of `prior`; and of 26 copies
    of `header` with permuted labels, all of one and half of the others, which one job trains.
    """
    project = copy_finished(audited_small, tmp_path_factory.mktemp("half_trained") / "project")
    study = yaml.safe_load((project / "small.yaml").read_text(encoding="utf-8"))
    study["splits"]["kfold"]["batches"] = 2
    study["runs"] = [
        {"approach": "baseline", "variants": ["prior", "intensity"]},
        {"approach": "baseline", "variants": ["header"], "permutations": 26},
    ]
    del study["settings"]
    study["cohorts"]["planted"]["subgroups"] = {"table": "people.tsv", "columns": ["sex"]}
    patients = read_table(project / "results/small/planted/patients.tsv", "patients")["patient_id"]
    rows = [f"{patient_id}\t{'mf'[place % 2]}" for place, patient_id in enumerate(patients)]
    (project / "people.tsv").write_text("\n".join(["patient_id\tsex", *rows]) + "\n", encoding="utf-8")
    (project / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    last, others = (copies_name("planted", PERMUTATIONS, numbers) for numbers in (range(26, 27), range(1, 26)))
    of_copies = [record("header", 0, last), record("header", 1, last), record("header", 0, others)]
    own = [record("header", 0), record("header", 1), record("intensity", 0)]
    finish(project, *STUDY, "--", *own, *of_copies)
    return project


@pytest.fixture
def begun(half_trained: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return copy_finished(half_trained, tmp_path / "project")


def outside(project):
    """Names and times of every file but those of the partial study and Snakemake's own log."""
    paths = [path for path in project.rglob("*") if path.is_file()]
    own = (project / PARTIAL, project / ".snakemake/log")
    return {path: path.stat().st_mtime_ns for path in paths if not any(path.is_relative_to(place) for place in own)}


def test_what_exists_is_tabulated_and_nothing_is_trained_or_written_elsewhere(begun):
    before = outside(begun)
    printed = finish(begun, *STUDY, "--", "partial")
    assert outside(begun) == before
    assert "6 of 10 training jobs exist" in printed

    table = read_table(begun / PARTIAL / "tables/comparison.tsv", "comparison")
    status = table.drop_duplicates("variant").set_index("variant")
    assert status["status"].to_dict() == {"prior": "missing", "header": "ok", "intensity": "missing"}
    assert status.loc["intensity", "reason"].startswith("1 of 2 training jobs exist")
    assert status.loc["prior", "reason"] == "0 of 2 training jobs exist"
    assert table.loc[table["variant"] == "intensity", "accuracy"].notna().any(), "what is there is scored"
    whole = read_table(begun / PARTIAL / "tables/variance.tsv", "variance")
    assert set(whole["variant"]) == {"header"}, "half a cell is another estimand"
    subgroups = read_table(begun / PARTIAL / "tables/subgroups.tsv", "subgroups")
    assert set(subgroups.loc[subgroups["column"] == "sex", "value"]) == {"f", "m"}
    copies = read_table(begun / PARTIAL / "tables/copies.tsv", "copies")
    assert copies["n"].tolist() == [1], "and so is half a copy"
    cohorts = read_table(begun / PARTIAL / "tables/cohorts.tsv", "cohorts")
    assert cohorts["patients"].tolist() == [12]

    page = (begun / PARTIAL / "report/index.html").read_text(encoding="utf-8")
    assert "unfinished study: 6 of 10 training jobs exist" in page
    assert "patients.html" not in page, "patients have pages once the study is finished"
    assert {"forest.png", "cost.png"} <= {path.name for path in (begun / PARTIAL / "report/figures").iterdir()}

    assert planned_rules(begun, *STUDY, "--", "partial") == set(), "nothing is new"
    finish(begun, *STUDY, "--", record("intensity", 1))
    planned = planned_rules(begun, *STUDY, "--", "partial")
    assert {"score", "tabulate_comparison", "page"} <= planned, "a new run is seen"
    assert not [rule for rule in planned if rule.startswith(("train", "tune", "preprocess", "audit", "generate"))]


def test_it_works_while_the_study_trains_and_leaves_it_alone(begun):
    study = yaml.safe_load((begun / "study.yaml").read_text(encoding="utf-8"))
    study["runs"].append({"approach": "cnn3d"})
    study["settings"] = {"cnn3d": {"input": {"shape": [8, 8, 8]}, "parameters": {"epochs": 4000, "patience": 4000}}}
    (begun / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    with Running(begun, *STUDY) as running:
        running.wait_for("results/small/planted/logs/runs/cnn3d/main/FLAIR/harmonised/repeat-0_seed-0_batch-0.log")
        time.sleep(1)
        printed = finish(begun, *STUDY, "--", "partial")
        assert running.main.poll() is None, "the study trains on"
        assert "another run (process" in sentence(begun, *STUDY), "and holds its lock"
    table = read_table(begun / PARTIAL / "tables/comparison.tsv", "comparison")
    status = table.drop_duplicates(["approach", "variant"]).set_index(["approach", "variant"])["status"]
    assert status["cnn3d", "main"] == "missing"
    assert status["baseline", "header"] == "ok"
    assert "of 12 training jobs exist" in printed


def test_a_study_that_was_never_run_has_a_report_too(project):
    printed = finish(project, "--configfile", "small.yaml", "--", "partial")
    assert "0 of 1 training jobs exist" in printed
    table = read_table(project / PARTIAL / "tables/comparison.tsv", "comparison")
    assert table[["status", "reason"]].to_numpy().tolist() == [["missing", "0 of 1 training jobs exist"]]
    assert (project / PARTIAL / "report/approaches/cnn3d.html").is_file()
    assert {path.name for path in (project / "results/small").iterdir()} == {"partial"}
    shown = {path.name for path in (project / PARTIAL).iterdir() if path.name[0] != "."}
    assert shown == {"planted", "tables", "figures", "report", "logs", "study.json"}


def test_of_a_finished_study_it_says_the_same(small_copy):
    finish(small_copy, *SMALL, "--", "partial")
    whole = (small_copy / "results/small/tables/comparison.tsv").read_bytes()
    assert (small_copy / PARTIAL / "tables/comparison.tsv").read_bytes() == whole
