import re

import pytest
from studies import SMALL, SMOKE, finish, planned_rules

pytestmark = pytest.mark.workflow
LIBRARY = "workflow/scripts/gliobench"
TORCH = {"resnet18", "stacked_cnn3d", "densenet121"}
COMPARED = {"compare", "plot_forest", "plot_cost", "page"}
SCORES = {"score", "plot_scores_of_cnn3d", "plot_overlays", *COMPARED}


def edit(project, path: str) -> None:
    with (project / path).open("ab") as file:
        file.write(b"\n# edited\n")


def after_edit(project, path: str) -> set[str]:
    """Return the rules that would run after a line is added to a file."""
    edit(project, path)
    return planned_rules(project, *SMALL)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{LIBRARY}/reporting/comparison.py", COMPARED),
        ("workflow/scripts/compare.py", COMPARED),
        ("config/published.tsv", COMPARED),
        (f"{LIBRARY}/reporting/tables.py", {"describe_cohorts", "tabulate_cost", *COMPARED}),
        (f"{LIBRARY}/approaches/cnn3d.py", {"train_tensorflow", "tabulate_cost", *SCORES}),
        (f"{LIBRARY}/evaluation/intervals.py", SCORES),
    ],
)
def test_an_edit_re_runs_what_depends_on_it_and_nothing_else(small_copy, path, expected):
    assert after_edit(small_copy, path) == expected


def test_an_edit_of_a_figure_draws_figures_and_the_page_again(small_copy):
    planned = after_edit(small_copy, f"{LIBRARY}/reporting/montages.py")
    assert planned == {"plot_audit", "plot_slices", "page"}


def test_an_edit_of_the_reader_reads_and_trains_again_but_generates_nothing(small_copy):
    planned = after_edit(small_copy, f"{LIBRARY}/imaging/dicom.py")
    assert {"audit_series", "preprocess", "train_tensorflow"} <= planned
    assert "generate" not in planned


def trained_after_edit(project, path: str) -> set[str]:
    """Return the approaches that the finished smoke study would train again after an edit."""
    edit(project, path)
    shown = finish(project, "--dry-run", "--quiet", "progress", *SMOKE)
    return set(re.findall(r"output: results/smoke/[^/]+/runs/([^/]+)/", shown))


def test_an_edit_of_an_approach_trains_that_approach_again_and_no_other(finished_copy):
    assert trained_after_edit(finished_copy, f"{LIBRARY}/approaches/resnet18.py") == {"resnet18"}


def test_an_edit_of_the_training_loop_of_torch_trains_the_approaches_of_torch_again(finished_copy):
    assert trained_after_edit(finished_copy, f"{LIBRARY}/training/torch_loop.py") == TORCH


def test_an_edit_of_the_tuning_tunes_again_and_trains_what_was_tuned(finished_copy):
    assert trained_after_edit(finished_copy, f"{LIBRARY}/training/tuning.py") == {"stacked_cnn3d"}
