"""What a study will take: told before it starts, with the jobs of Snakemake's own plan, and nothing of it begun."""

import json
import re
import shutil

import pytest
from studies import SMALL, copy_project, finish, planned_rules

from gliobench.estimate import BACKEND, COMMAND
from gliobench.files import read_table

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("estimate")]  # one worker makes the estimate
ESTIMATE = ["estimate", *SMALL, "--config", "backend=torch"]  # which could use a GPU
TABLE = "results/small/tables/estimate.tsv"
TIMED = "results/small/estimate"


def planned_jobs(project, *arguments):
    """Return how many jobs a dry run counts, without the target."""
    shown = finish(project, "--dry-run", *arguments)
    return int(re.search(r"^total +(\d+)$", shown, re.MULTILINE)[1]) - 1, shown


@pytest.fixture(scope="module")
def estimated(tmp_path_factory):
    """A project with the estimate of a study that was never run, and what it printed: to be read, never changed."""
    project = copy_project(tmp_path_factory.mktemp("estimated") / "project")
    profile = project / "estimate" / "config.yaml"  # whose name is a value on the command line, and no target
    profile.parent.mkdir()
    profile.write_text("keep-going: true\n")
    return project, finish(project, *ESTIMATE, "--profile", "estimate")


def test_an_estimate_counts_the_jobs_of_the_study_and_begins_none(estimated):
    project, printed = estimated
    jobs, shown = planned_jobs(project, *SMALL)
    assert f"what it takes on this machine: snakemake {ESTIMATE[0]} --configfile small.yaml" in shown
    table = read_table(project / TABLE, "estimate")
    assert table["n_jobs"].iloc[-1] == jobs, "the study is still to be run whole"
    assert re.search(rf"^the study +{jobs} ", printed, re.MULTILINE)
    assert (table["seconds"] > 0).all()
    assert "the study" in finish(project, *ESTIMATE), "asked again, it is told again"


def test_networks_are_timed_again_where_other_gpus_are_visible(estimated):
    project, _ = estimated
    same, other = (finish(project, "--dry-run", *ESTIMATE, **gpus) for gpus in ({}, {"CUDA_VISIBLE_DEVICES": "0"}))
    assert ["time_torch" in shown for shown in (same, other)] == [False, True]


def test_a_finished_study_stays_finished_and_its_cost_is_shown_beside_the_estimate(estimated, small_copy):
    project, _ = estimated
    shutil.copytree(project / TIMED, small_copy / TIMED)
    finish(small_copy, *ESTIMATE, "--forcerun", "count_jobs")
    tables = [read_table(each / TABLE, "estimate") for each in (project, small_copy)]
    assert tables[0]["n_jobs"].iloc[-1] == tables[1]["n_jobs"].iloc[-1], "whatever of the study exists"
    assert planned_rules(small_copy, *SMALL) == set()
    finish(small_copy, *SMALL, "--forcerun", "tabulate_cost")
    cost = read_table(small_copy / "results/small/tables/cost.tsv", "cost")
    estimated = cost.loc[cost["stage"] == "study", "estimated_seconds"]
    assert (estimated > 0).all()
    assert cost.loc[cost["stage"] != "study", "estimated_seconds"].isna().all()
    assert "The estimate was" in (small_copy / "results/small/report/cost.html").read_text(encoding="utf-8")


def test_a_job_on_a_node_with_a_gpu_times_the_network_on_what_keras_runs_on_where_the_estimate_was_asked_for(project):
    asked = {COMMAND: json.dumps(SMALL), BACKEND: "tensorflow"}  # by the process that submits the job
    speed = "results/small/estimate/networks/cnn3d.tsv"
    planned = finish(project, "--dry-run", *SMALL, "--", speed, **asked, CUDA_VISIBLE_DEVICES="0")
    assert "time_tensorflow" in planned
    assert "time_torch" not in planned
