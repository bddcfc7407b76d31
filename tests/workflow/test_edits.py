import re
import shutil
import subprocess
import sys
import tokenize

import pytest
from studies import SMALL, SMALL_AUDIT, SMOKE, edit, environment, finish, planned_rules, reword

from gliobench.sources import LEFT_OUT
from source_edits import computing_tokens, with_other

pytestmark = pytest.mark.workflow
LIBRARY = "workflow/scripts/gliobench"
TORCH = {"resnet18", "stacked_cnn3d", "densenet121", "resnet10_3d"}
COMPARED = {"tabulate_comparison", "plot_forest", "tabulate_cost", "page"}
SCORES = {"score", "plot_scores_of_cnn3d_on_planted", "plot_overlays", "page_patients", *COMPARED}


def after_edit(project, path: str) -> set[str]:
    """Return the rules that would run after a statement is added to a file."""
    edit(project / path)
    return planned_rules(project, *SMALL)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{LIBRARY}/evaluation/comparison.py", COMPARED),
        ("workflow/scripts/tabulate_comparison.py", COMPARED),
        ("config/published.tsv", COMPARED),
        (f"{LIBRARY}/reporting/tables.py", {"describe_cohorts", "page_patients", *COMPARED}),
        (f"{LIBRARY}/approaches/cnn3d.py", {"train_tensorflow", *SCORES}),
        (f"{LIBRARY}/evaluation/intervals.py", SCORES - {"page_patients"}),
    ],
)
def test_an_edit_re_runs_what_depends_on_it_and_nothing_else(small_copy, path, expected):
    assert after_edit(small_copy, path) == expected


def test_an_edit_of_a_figure_draws_figures_and_the_page_again(small_copy):
    planned = after_edit(small_copy, f"{LIBRARY}/figures/montages.py")
    assert planned == {"plot_audit", "plot_all_slices", "page"}


def test_an_edit_of_the_reader_reads_and_trains_again_but_generates_nothing(small_copy):
    planned = after_edit(small_copy, f"{LIBRARY}/imaging/dicom.py")
    assert {"audit_series", "preprocess", "train_tensorflow"} <= planned
    assert "generate" not in planned


def test_an_edit_of_where_a_kinds_images_lie_reads_cohorts_of_this_kind_again(finished_copy):
    edit(finished_copy / LIBRARY / "cohorts/brainstem.py")
    shown = finish(finished_copy, "--dry-run", "--quiet", "progress", *SMOKE)
    again = set(re.findall(r"output: results/smoke/([^/]+)/(?:patients\.tsv|decoded/)", shown))
    assert again == {"brainstem"}, shown


def trained_again(project) -> set[str]:
    """Return the approaches that the finished smoke study would train again."""
    shown = finish(project, "--dry-run", "--quiet", "progress", *SMOKE)
    return set(re.findall(r"output: results/smoke/[^/]+/runs/([^/]+)/", shown))


def test_other_docstrings_and_comments_in_every_file_of_the_code_re_run_nothing(finished_copy):
    scripts = sorted((finished_copy / "workflow/scripts").rglob("*.py"))
    assert len(scripts) > 150
    for path in scripts:
        reword(path)
    assert planned_rules(finished_copy, *SMOKE) == set()


def test_an_edit_of_what_computes_nothing_re_runs_nothing(finished_copy):
    for path in LEFT_OUT:
        edit(finished_copy / "workflow/scripts" / path)
    assert planned_rules(finished_copy, *SMOKE) == set()


def test_a_touched_script_re_runs_nothing(small_copy):
    (small_copy / "workflow/scripts/train.py").touch()
    assert planned_rules(small_copy, *SMALL) == set()


def test_a_number_of_an_approach_trains_that_approach_again_and_no_other(finished_copy):
    path = finished_copy / LIBRARY / "approaches/resnet18.py"
    text = path.read_text(encoding="utf-8")
    number = next(token for token in computing_tokens(text) if token.type == tokenize.NUMBER)
    path.write_text(with_other(text, number), encoding="utf-8")
    assert trained_again(finished_copy) == {"resnet18"}
    planned = planned_rules(finished_copy, *SMOKE)
    assert {"train_torch", "tabulate_leakage", "plot_scores_of_resnet18_on_planted", "score", *COMPARED} <= planned
    assert not {"train_tensorflow", "train_baselines", "tune", "preprocess", "split"} & planned


def test_an_edit_of_the_training_loop_of_torch_trains_the_approaches_of_torch_again(finished_copy):
    edit(finished_copy / LIBRARY / "training/torch_loop.py")
    assert trained_again(finished_copy) == TORCH


def test_an_edit_of_the_tuning_tunes_again_and_trains_what_was_tuned(finished_copy):
    edit(finished_copy / LIBRARY / "training/tuning.py")
    assert trained_again(finished_copy) == {"stacked_cnn3d"}


def test_a_finished_study_stays_finished_in_however_many_shards_it_was_begun(finished_small):
    assert planned_rules(finished_small, *SMALL[:2], "--set-scatter", "shards=7") == set()


@pytest.mark.parametrize(
    ("options", "shards"),
    [
        ([], "3"),
        (["-Fc2"], "2"),
        (["--forcea"], "2"),
        (["--mode", "remote", "--force"], "2"),  # as Snakemake starts a job on a node
    ],
)
def test_a_study_in_other_shards_begins_from_scratch_in_every_spelling_and_on_every_node(project, options, shards):
    note = project / "results/small/.settings/shards.json"
    note.parent.mkdir(parents=True)
    note.write_text("3")
    planned = finish(project, "--dry-run", "--workflow-profile", "none", *options, *SMALL_AUDIT)
    assert set(re.findall(r"\d-of-(\d)", planned)) == {shards}


BY_A_PROGRAM = """
from pathlib import Path
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings
study = {"config_settings": ConfigSettings(configfiles=[Path("small.yaml")]), "snakefile": Path("Snakefile")}
with SnakemakeApi(OutputSettings(dryrun=True)) as api:
    api.workflow(ResourceSettings(cores=1), **study).dag().execute_workflow("dryrun")
"""


def test_a_program_with_a_command_line_of_its_own_plans_a_study_through_the_api_of_snakemake(project):
    (project / "nightly.py").write_text(BY_A_PROGRAM)
    nightly = [sys.executable, "nightly.py", "--lab", "--forceall", "partial"]
    done = subprocess.run(nightly, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "read_cohort" in done.stdout + done.stderr  # all of it: for Snakemake, `partial` is a target


def test_inputs_are_made_anew_without_an_image(small_copy):
    shutil.rmtree(small_copy / "results/small/planted/images/train")
    edit(small_copy / f"{LIBRARY}/inputs/volume.py")
    made = ["results/small/planted/inputs/cnn3d/1-of-2.npy", "results/small/planted/inputs/cnn3d/2-of-2.npy"]
    assert "2 of 2] inputs 2 of 2  done" in finish(small_copy, *SMALL, "--", *made)
