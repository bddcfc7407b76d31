"""What a study will take: told before it starts, with the jobs of Snakemake's own plan, and nothing of it begun."""

import json
import re

import pytest
from studies import SMALL, finish, planned_rules

from gliobench.estimate import BACKEND, COMMAND
from gliobench.files import read_table

pytestmark = pytest.mark.workflow
ESTIMATE = ["estimate", *SMALL]
TABLE = "results/small/tables/estimate.tsv"


def planned_jobs(project, *arguments):
    """Return how many jobs a dry run counts, without the target."""
    shown = finish(project, "--dry-run", *arguments)
    return int(re.search(r"^total +(\d+)$", shown, re.MULTILINE)[1]) - 1, shown


def test_an_estimate_counts_the_jobs_of_the_study_and_begins_none(project):
    jobs, shown = planned_jobs(project, *SMALL)
    assert f"what it takes on this machine: snakemake {ESTIMATE[0]} --configfile small.yaml" in shown
    printed = finish(project, *ESTIMATE)
    table = read_table(project / TABLE, "estimate")
    assert table["n_jobs"].iloc[-1] == jobs
    assert re.search(rf"^the study +{jobs} ", printed, re.MULTILINE)
    assert (table["seconds"] > 0).all()
    assert planned_jobs(project, *SMALL)[0] == jobs, "the study is still to be run whole"
    assert "the study" in finish(project, *ESTIMATE), "asked again, it is told again"


def test_a_finished_study_stays_finished_and_its_cost_is_shown_beside_the_estimate(small_copy):
    finish(small_copy, *ESTIMATE)
    assert planned_rules(small_copy, *SMALL) == set()
    finish(small_copy, *SMALL, "--forcerun", "tabulate_cost")
    cost = read_table(small_copy / "results/small/tables/cost.tsv", "cost")
    estimated = cost.loc[cost["stage"] == "study", "estimated_seconds"]
    assert (estimated > 0).all()
    assert cost.loc[cost["stage"] != "study", "estimated_seconds"].isna().all()
    assert "The estimate was" in (small_copy / "results/small/report/cost.html").read_text(encoding="utf-8")


def test_a_job_on_a_node_with_a_gpu_times_the_network_on_what_keras_runs_on_where_the_estimate_was_asked_for(project):
    asked = {COMMAND: json.dumps(ESTIMATE), BACKEND: "tensorflow"}  # by the process that submits the job
    speed = "results/small/estimate/networks/cnn3d.tsv"
    planned = finish(project, "--dry-run", *SMALL, "--", speed, **asked, CUDA_VISIBLE_DEVICES="0")
    assert "time_tensorflow" in planned
    assert "time_torch" not in planned
