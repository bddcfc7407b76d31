"""What chance gives, trained: permuted labels, and cohorts of growing signal."""

import re

import pytest
import yaml
from studies import CHANCE, CHANCE_TABLES, finish, planned_rules

from gliobench.files import read_json, read_table

pytestmark = [pytest.mark.workflow, pytest.mark.own_study]
RESULTS = "results/chance"
COPIES = "strong-01/permutations/001-002"
RUN = "runs/baseline/intensity/all/harmonised/repeat-0/seed-0/batch-0"


def rows_of_tested(run):
    """Return the predictions of a run for its test patients."""
    predictions = read_table(run / "predictions.tsv", "predictions")
    return predictions[predictions["part"] == "test"]


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
    sites = read_table(results / "strong-01/patients.tsv", "patients").set_index("patient_id")["site"]
    counts = []
    for cohort in ("strong-01", "strong-01/permutations-within-site/001"):
        tested = rows_of_tested(results / cohort / RUN)
        counts.append(tested["label"].groupby(tested["patient_id"].map(sites)).sum().to_dict())
    assert counts[0] == counts[1]


def test_subgroups_are_scored_by_site_and_plane(finished_chance):
    table = read_table(finished_chance / RESULTS / "tables/subgroups.tsv", "subgroups")
    assert set(table["column"]) == {"site", "plane"}
    assert table["reason"].str.endswith("an AUC needs 20 of each").all(), "12 patients are too few"


def test_copies_share_images_and_inputs_and_have_labels_splits_and_runs_of_their_own(finished_chance):
    results = finished_chance / RESULTS
    assert {path.name for path in (results / COPIES).iterdir()} == {"runs", "logs", "benchmarks"}
    tested = [rows_of_tested(results / "strong-01" / RUN)]
    tested += [copy for _, copy in rows_of_tested(results / COPIES / RUN).groupby("copy")]
    labels = [rows.set_index("patient_id")["label"].sort_index() for rows in tested]
    assert len(labels) == 3
    assert all(each.index.equals(labels[0].index) for each in labels)
    assert {each.sum() for each in labels} == {labels[0].sum()}
    assert len({tuple(each) for each in labels}) == 3
    assert len({tuple(rows["patient_id"]) for rows in tested}) == 3, "each has a split of its own"
    record = read_json(results / COPIES / RUN / "run.json")
    assert record["cohort"] == COPIES
    assert [(fold["copy"], fold["fold"]) for fold in record["folds"]] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert not list((results / COPIES / RUN / "models").glob("fold-*")), "nothing is predicted with models of copies"


def test_each_approach_has_its_slope_and_floor(finished_chance):
    table = read_table(finished_chance / RESULTS / "tables/sensitivity.tsv", "sensitivity")
    assert table["variant"].tolist() == ["header", "intensity"]
    assert set(table["n_cohorts"]) == {4}
    assert (table["slope_low"] < table["slope"]).all()
    assert (table["slope"] < table["slope_high"]).all()


def test_more_permutations_train_the_job_again_that_has_room_for_them_and_nothing_else(finished_chance, tmp_path):
    study = yaml.safe_load((finished_chance / "chance.yaml").read_text(encoding="utf-8"))
    for run in study["runs"]:
        run |= {"permutations": 3} if "permutations" in run else {}
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    more = ["--configfile", str(tmp_path / "more.yaml"), *CHANCE[2:]]
    shown = finish(finished_chance, "--dry-run", "--quiet", "progress", *more, *CHANCE_TABLES)
    made = set(re.findall(r"output: results/chance/([^/]+(?:/permutations/[\d-]+)?)/(?:patients|runs)", shown))
    assert made == {"strong-01/permutations/001-003", "strong-02/permutations/001-003"}


def test_a_finished_study_is_not_run_again(finished_chance):
    assert planned_rules(finished_chance, *CHANCE, *CHANCE_TABLES) == set()
