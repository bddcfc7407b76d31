"""What chance gives, trained: permuted labels, and cohorts of growing signal."""

import re

import pytest
import yaml
from studies import CHANCE, CHANCE_TABLES, finish, planned_rules

from gliobench.files import read_json, read_table

pytestmark = pytest.mark.workflow
RESULTS = "results/chance"
COPIES = [f"strong-01/permutations/{number:03}" for number in (1, 2)]


@pytest.fixture(scope="module")
def comparison(finished_chance):
    return read_table(finished_chance / RESULTS / "tables/comparison.tsv", "comparison")


def test_permutations_fill_p_chance_of_their_cell_and_are_no_cells(comparison):
    cohorts = ["weak-01", "weak-02", "strong-01", "strong-02"]
    assert comparison["cohort"].drop_duplicates().tolist() == cohorts
    asked = comparison["cohort"].str.startswith("strong") & (comparison["variant"] == "intensity")
    filled = comparison["p_chance"].notna()
    assert filled.tolist() == (asked & (comparison["part"] == "test")).tolist()
    assert set(comparison.loc[filled, "n_permutations"]) == {2}
    assert set(comparison.loc[filled, "p_chance"].round(3)) <= {0.333, 0.667, 1.0}
    within = comparison.loc[filled, "p_chance_within_site"].dropna()
    assert set(comparison.loc[within.index, "n_permutations_within_site"]) == {1}
    assert set(within) <= {0.5, 1.0}


def test_copies_within_sites_keep_the_labels_of_each_site(finished_chance):
    results = finished_chance / RESULTS
    names = ["strong-01", "strong-01/permutations-within-site/001"]
    counts = []
    for name in names:
        patients = read_table(results / name / "patients.tsv", "patients")
        counts.append(patients.groupby("site")["label"].sum().to_dict())
        assert (results / name / "splits/kfold.tsv").is_file()
    assert counts[0] == counts[1]


def test_subgroups_are_scored_by_site_and_plane(finished_chance):
    table = read_table(finished_chance / RESULTS / "tables/subgroups.tsv", "subgroups")
    assert set(table["column"]) == {"site", "plane"}
    assert table["reason"].str.endswith("an AUC needs 20 of each").all(), "12 patients are too few"


def test_copies_share_images_and_inputs_and_have_labels_splits_and_runs_of_their_own(finished_chance):
    results = finished_chance / RESULTS
    assert {path.name for path in (results / COPIES[0]).iterdir()} == {
        "patients.tsv", "splits", "runs", "logs", "benchmarks",
    }  # fmt: skip
    cohorts = ["strong-01", *COPIES]
    patients = [read_table(results / cohort / "patients.tsv", "patients") for cohort in cohorts]
    assert all(table["patient_id"].equals(patients[0]["patient_id"]) for table in patients)
    assert {table["label"].sum() for table in patients} == {patients[0]["label"].sum()}
    assert len({tuple(table["label"]) for table in patients}) == len(cohorts)
    splits = [read_table(results / cohort / "splits/kfold.tsv", "split") for cohort in cohorts]
    assert len({tuple(split["patient_id"]) for split in splits}) == len(cohorts)
    labels = dict(zip(patients[1]["patient_id"], patients[1]["label"], strict=True))
    run = next((results / COPIES[0]).glob("runs/**/run.json"))
    assert read_json(run)["cohort"] == COPIES[0]
    predictions = read_table(run.with_name("predictions.tsv"), "predictions")
    assert predictions["label"].tolist() == predictions["patient_id"].map(labels).tolist()


def test_each_approach_has_its_slope_and_floor(finished_chance):
    table = read_table(finished_chance / RESULTS / "tables/sensitivity.tsv", "sensitivity")
    assert table["variant"].tolist() == ["header", "intensity"]
    assert set(table["n_cohorts"]) == {4}
    assert (table["slope_low"] < table["slope"]).all()
    assert (table["slope"] < table["slope_high"]).all()


def test_more_permutations_keep_the_copies_that_there_are(finished_chance, tmp_path):
    """Of a finished study, one copy more is labelled, split and trained, and no other."""
    study = yaml.safe_load((finished_chance / "chance.yaml").read_text(encoding="utf-8"))
    for run in study["runs"]:
        run |= {"permutations": 3} if "permutations" in run else {}
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    more = ["--configfile", str(tmp_path / "more.yaml"), *CHANCE[2:]]
    shown = finish(finished_chance, "--dry-run", "--quiet", "progress", *more, *CHANCE_TABLES)
    made = set(re.findall(r"output: results/chance/([^/]+(?:/permutations/\d+)?)/(?:patients|runs)", shown))
    assert made == {"strong-01/permutations/003", "strong-02/permutations/003"}


def test_a_finished_study_is_not_run_again(finished_chance):
    assert planned_rules(finished_chance, *CHANCE, *CHANCE_TABLES) == set()
