"""What a study has found so far: scores of the runs that exist, and rows for those that do not."""

import pandas as pd
import pytest

from cell_files import make_cell
from gliobench.evaluation.cells import score_cell
from gliobench.reporting.comparison import comparison_table
from gliobench.reporting.cost import cost_table
from gliobench.reporting.partial import about, partial_controls, partial_figures, partial_metrics, partial_pairs

BASE = {
    "cohort": "planted",
    "modality": "FLAIR",
    "protocol": "harmonised",
    "weights": "none",
    "caveat": None,
    "permuted": [],
}
SCORE = {"base_seed": 1, "resamples": 50}


def cell_and_runs(repeats, **names):
    """A cell of `repeats` trainings, and all its runs by folder."""
    names = {"approach": "cnn3d", "variant": "main"} | names
    predictions, records, _ = make_cell(repeats=repeats, **names)
    folders = [f"{names['approach']}/{names['variant']}/{repeat}" for repeat in range(repeats)]
    runs = dict(zip(folders, zip(predictions, records, strict=True), strict=True))
    return BASE | names | {"folders": folders}, runs


def without(runs, *folders):
    return {folder: run for folder, run in runs.items() if folder not in folders}


def test_a_whole_cell_is_scored_as_in_a_finished_study():
    cell, runs = cell_and_runs(2)
    predictions, records = map(list, zip(*runs.values(), strict=True))
    assert partial_metrics([cell], runs, **SCORE).equals(score_cell(predictions, records, **SCORE))


def test_a_cell_that_lacks_runs_is_missing_and_scored_with_what_is_there():
    cell, runs = cell_and_runs(3)
    metrics = partial_metrics([cell], without(runs, "cnn3d/main/1"), **SCORE)
    assert set(metrics["status"]) == {"missing"}
    assert all(reason.startswith("2 of 3 trainings exist") for reason in metrics["reason"])
    assert metrics["auc"].notna().any()


def test_what_else_is_wrong_with_a_cell_stays_among_its_reasons():
    predictions, records, _ = make_cell(repeats=1, bad=[0])
    cell = BASE | {"approach": "cnn3d", "variant": "main", "folders": ["a", "b"]}
    metrics = partial_metrics([cell], {"a": (predictions[0], records[0])}, **SCORE)
    assert metrics["reason"].iloc[0].startswith("1 of 2 trainings exist; 1 of 3 folds diverged")


def test_a_cell_without_runs_is_a_row():
    cell, _ = cell_and_runs(3)
    metrics = partial_metrics([cell], {}, **SCORE)
    assert metrics[["variant", "n_runs", "status", "reason"]].to_numpy().tolist() == [
        ["main", 0, "missing", "0 of 3 trainings exist"]
    ]


def test_copies_with_permuted_labels_count_as_far_as_they_are_whole():
    cell, runs = cell_and_runs(1)
    copies = {}
    for number in range(2):
        predictions, records, _ = make_cell(random_seed=number + 1, cohort=f"planted/permutations/00{number + 1}")
        copies[f"copy-{number}"] = (predictions[0], records[0])
    cell |= {"permuted": [["copy-0"], ["copy-1"], ["copy-2"]]}
    test = partial_metrics([cell], runs | copies, **SCORE).iloc[0]
    assert test["n_permutations"] == 2
    assert about([cell], runs | copies).endswith("of an unfinished study: 3 of 4 trainings exist.")


def test_a_cell_that_lacks_runs_has_no_p_beside_whole_copies():
    cell, runs = cell_and_runs(2)
    predictions, records, _ = make_cell(random_seed=1, repeats=2, cohort="planted/permutations/001")
    copies = {"copy-0": (predictions[0], records[0]), "copy-1": (predictions[1], records[1])}
    cell |= {"permuted": [["copy-0", "copy-1"]]}
    assert partial_metrics([cell], runs | copies, **SCORE).iloc[0]["n_permutations"] == 1
    assert pd.isna(partial_metrics([cell], without(runs, "cnn3d/main/1") | copies, **SCORE).iloc[0]["p_chance"])


def test_only_whole_cells_are_compared():
    first, runs = cell_and_runs(2)
    second, more = cell_and_runs(2, approach="resnet18", random_seed=1)
    both = runs | more
    pairwise, variance = partial_pairs([first, second], both, **SCORE)
    assert len(pairwise) == 1
    assert set(variance["approach"]) == {"cnn3d", "resnet18"}
    pairwise, variance = partial_pairs([first, second], without(both, "resnet18/main/0"), **SCORE)
    assert pairwise.empty
    assert set(variance["approach"]) == {"cnn3d"}


@pytest.mark.parametrize("lacking", [0, 1])
def test_a_report_says_how_much_of_the_study_it_is_made_of(lacking):
    cell, runs = cell_and_runs(2)
    there = without(runs, *cell["folders"][:lacking])
    sentence = about([cell], there)
    assert f"{2 - lacking} of 2 trainings exist" in sentence
    assert ("unfinished" in sentence) == bool(lacking)


@pytest.fixture
def levels():
    """Four cohorts of two levels, with all runs but the last one's; their comparison and their oracles."""
    names = [f"level-{level}-0{number}" for level in (1, 2) for number in (1, 2)]
    cells = [cell_and_runs(1, cohort=name, random_seed=place) for place, name in enumerate(names)]
    grid = [cell | {"folders": [f"{cell['cohort']}/0"]} for cell, _ in cells]
    runs = {f"{name}/0": next(iter(runs.values())) for name, (_, runs) in zip(names, cells[:-1], strict=False)}
    metrics = partial_metrics(grid, runs, **SCORE)
    published = pd.DataFrame(columns=["approach", "variant", "modality", "protocol", "phase", "part", "unit", "cohort"])
    comparison = comparison_table(metrics, grid, published, dict.fromkeys(names, "synthetic"))
    oracles = pd.DataFrame({"cohort": names, "oracle_auc": [0.5, 0.52, 0.9, 0.92]})
    return comparison, oracles, {"level-1": names[:2], "level-2": names[2:]}


def test_controls_count_the_cells_that_have_all_their_runs(levels):
    comparison, oracles, groups = levels
    tables = partial_controls(comparison, oracles, groups, groups, [])
    assert set(tables) == {"replicates", "sensitivity"}
    assert tables["replicates"][["cohort_group", "n"]].to_numpy().tolist() == [["level-1", 2], ["level-2", 1]]
    assert tables["sensitivity"]["n_cohorts"].tolist() == [3]


def test_the_figures_of_a_study_are_drawn_of_what_there_is(levels):
    comparison, oracles, groups = levels
    tables = {"comparison": comparison, "cost": cost_table([], {}), "cohorts": oracles}
    assert set(partial_figures(tables, groups, groups)) == {"forest", "cost"}
    tables |= partial_controls(comparison, oracles, groups, groups, [])
    assert set(partial_figures(tables, groups, groups)) == {"forest", "cost", "controls", "sensitivity"}


def test_slice_splits_are_set_against_each_other_as_far_as_they_have_run(levels):
    comparison, _, _ = levels
    _, runs = cell_and_runs(2, variant="slice_split")
    tables = partial_controls(comparison, None, {}, {}, list(runs.values()))
    assert tables["leakage"]["split"].unique().tolist() == ["slice"]
    assert "leakage" in partial_figures(tables | {"comparison": comparison, "cost": cost_table([], {})}, {}, {})
