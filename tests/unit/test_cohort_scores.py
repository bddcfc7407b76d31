"""The cells of a cohort: scored with the runs that exist, and rows for those that do not."""

import pandas as pd

from cell_files import make_cell
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.cohort import score_cohort
from gliobench.evaluation.comparison import comparison_table
from gliobench.evaluation.cost import cost_table
from gliobench.evaluation.replicates import replicates_table
from gliobench.evaluation.sensitivity import sensitivity_table
from gliobench.figures.controls import replicates_figure, sensitivity_figure
from gliobench.figures.overview import cost_figure, forest_figure, oracles_of, points_of

BASE = {"cohort": "planted", "modality": "FLAIR", "protocol": "harmonised", "weights": "none", "caveat": None}
SCORE = {"base_seed": 1, "resamples": 50}
NOTHING = ([], [])


def cell_and_runs(repeats, **names):
    """A cell of `repeats` trainings, and all its runs."""
    names = {"approach": "cnn3d", "variant": "main"} | names
    predictions, records, _ = make_cell(repeats=repeats, **names)
    own = {name: value for name, value in names.items() if name != "random_seed"}
    return BASE | own | {"n_jobs": repeats}, (predictions, records)


def without(runs, *numbers):
    kept = [number for number in range(len(runs[0])) if number not in numbers]
    return [runs[0][number] for number in kept], [runs[1][number] for number in kept]


def joined(*runs):
    return [table for tables, _ in runs for table in tables], [record for _, records in runs for record in records]


def scores(cells, runs, permuted=NOTHING):
    return score_cohort(cells, runs, permuted, **SCORE)


def test_a_whole_cell_is_scored_as_by_itself():
    cell, runs = cell_and_runs(2)
    assert scores([cell], runs)[0].equals(score_cell(*runs, **SCORE))


def test_a_cell_that_lacks_runs_is_missing_and_scored_with_what_is_there():
    cell, runs = cell_and_runs(3)
    metrics, *_ = scores([cell], without(runs, 1))
    assert set(metrics["status"]) == {"missing"}
    assert all(reason.startswith("2 of 3 training jobs exist") for reason in metrics["reason"])
    assert metrics["auc"].notna().any()


def test_what_else_is_wrong_with_a_cell_stays_among_its_reasons():
    predictions, records, _ = make_cell(repeats=1, bad=[0])
    cell = BASE | {"approach": "cnn3d", "variant": "main", "n_jobs": 2}
    metrics, *_ = scores([cell], (predictions, records))
    assert metrics["reason"].iloc[0].startswith("1 of 2 training jobs exist; 1 of 3 folds diverged")
    assert metrics["auc_reason"].isna().all()


def test_a_cell_without_runs_is_a_row():
    cell, _ = cell_and_runs(3)
    metrics, pairwise, variance, subgroups = scores([cell], NOTHING)
    why = "0 of 3 training jobs exist"
    assert metrics[["variant", "n_runs", "status", "reason", "auc_reason"]].to_numpy().tolist() == [
        ["main", 0, "missing", why, why]
    ]
    assert pairwise.empty
    assert variance.empty
    assert subgroups.empty


def copies_of(number, repeats):
    tables = [
        make_cell(random_seed=copy, repeats=repeats, cohort=f"planted/permutations/00{copy}")[:2]
        for copy in range(1, number + 1)
    ]
    return joined(*tables)


def test_copies_with_permuted_labels_count_as_far_as_they_are_whole():
    cell, runs = cell_and_runs(2)
    test = scores([cell], runs, without(copies_of(3, 2), 3))[0].iloc[0]
    assert test["n_permutations"] == 2


def test_a_cell_that_lacks_runs_has_no_p_beside_whole_copies():
    cell, runs = cell_and_runs(2)
    assert scores([cell], runs, copies_of(1, 2))[0].iloc[0]["n_permutations"] == 1
    assert pd.isna(scores([cell], without(runs, 1), copies_of(1, 2))[0].iloc[0]["p_chance"])


def test_only_whole_cells_are_compared():
    first, runs = cell_and_runs(2)
    second, more = cell_and_runs(2, approach="resnet18", random_seed=1)
    _, pairwise, variance, _ = scores([first, second], joined(runs, more))
    assert len(pairwise) == 1
    assert set(variance["approach"]) == {"cnn3d", "resnet18"}
    _, pairwise, variance, _ = scores([first, second], joined(runs, without(more, 0)))
    assert pairwise.empty
    assert set(variance["approach"]) == {"cnn3d"}


def levels():
    """Four cohorts of two levels, with all runs but the last one's: their comparison and their oracles."""
    names = [f"level-{level}-0{number}" for level in (1, 2) for number in (1, 2)]
    cells = [cell_and_runs(1, cohort=name, random_seed=place) for place, name in enumerate(names)]
    runs = [*(own for _, own in cells[:-1]), NOTHING]
    metrics = pd.concat([scores([cell], own)[0] for (cell, _), own in zip(cells, runs, strict=True)])
    published = pd.DataFrame(columns=["approach", "variant", "modality", "protocol", "phase", "part", "unit", "cohort"])
    grid = [cell for cell, _ in cells]
    comparison = comparison_table(metrics, grid, published, dict.fromkeys(names, "synthetic"))
    oracles = pd.DataFrame({"cohort": names, "oracle_auc": [0.5, 0.52, 0.9, 0.92]})
    return comparison, oracles, {"level-1": names[:2], "level-2": names[2:]}


def test_controls_count_the_cells_that_have_all_their_runs_and_are_drawn_of_them():
    comparison, oracles, groups = levels()
    replicates = replicates_table(comparison, groups)
    sensitivity = sensitivity_table(comparison, oracles, groups)
    assert replicates[["cohort_group", "n"]].to_numpy().tolist() == [["level-1", 2], ["level-2", 1]]
    assert sensitivity["n_cohorts"].tolist() == [3]
    points = points_of(comparison, replicates, groups)
    for figure in (
        replicates_figure(comparison, replicates, groups),
        sensitivity_figure(comparison, oracles, sensitivity, groups),
        forest_figure(points, oracles_of(oracles, groups)),
        cost_figure(points, cost_table([], {})),
    ):
        assert figure.axes
