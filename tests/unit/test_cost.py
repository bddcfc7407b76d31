"""Cost: every job counts once, what was not measured stays empty and says why, and sums add up."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliobench.evaluation.cost import cost_table, job_cost, training_cost
from gliobench.files import read_table
from gliobench.reporting.layouts import show_cost
from gliobench.reporting.summary import cost_sentence, duration
from gliobench.reporting.tables import write_formats

CELL = {"approach": "cnn3d", "variant": "main", "modality": "FLAIR", "protocol": "harmonised"}


@pytest.fixture
def write(tmp_path):
    """Write benchmarks as Snakemake does."""

    def write(seconds, cpu="1.5", memory="100.0"):
        file = tmp_path / f"{seconds}.tsv"
        columns = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
        file.write_text(f"{columns}\n{seconds}\t0:00:01\t{memory}\t1\t1\t1\t0\t0\t1\t{cpu}\n", encoding="utf-8")
        return file

    return write


@pytest.fixture
def record(tmp_path):
    """Write the record of a training."""

    def record(device="cpu", cohort="planted", seconds=(3.0, 5.0)):
        folds = [
            {"fold": 0, "seconds": one, "samples_per_second": 10.0, "peak_memory_bytes": 300 * 2**20} for one in seconds
        ]
        path = tmp_path / f"{cohort.replace('/', '-')}-{device}.json"
        path.write_text(json.dumps(CELL | {"cohort": cohort, "device": device, "folds": folds}), encoding="utf-8")
        return path

    return record


def test_what_a_job_took_is_beside_what_names_it(write):
    job = job_cost(write(2.0), {"stage": "tune", "cohort": "planted", "shard": "1-of-4", **CELL})
    assert job == {"stage": "tune", "cohort": "planted", **CELL} | {
        "seconds": 2.0,
        "cpu_seconds": 1.5,
        "peak_memory_mb": 100.0,
    }


def test_a_training_is_named_by_its_record_and_one_on_permuted_labels_is_a_stage_of_its_cohort(write, record):
    job = training_cost(write(2.0), record(cohort="planted/permutations/001"))
    assert [job[name] for name in ("cohort", "stage", "approach")] == ["planted", "permute", "cnn3d"]
    training = training_cost(write(2.0), record())
    assert {name: training[name] for name in ("stage", *CELL)} == {"stage": "train", **CELL}
    assert cost_table([job, training], {})["stage"].tolist() == ["train", "permute", "study", "study"]


def test_a_training_on_a_gpu_counts_its_seconds_there(write, record):
    jobs = [training_cost(write(12.0), record(device)) for device in ("cpu", "NVIDIA H200")]
    on_cpu, on_gpu = (cost_table([job], {}).iloc[0] for job in jobs)
    assert np.isnan(on_cpu["device_seconds"])
    assert (on_gpu["device_seconds"], on_gpu["device"]) == (8.0, "NVIDIA H200")
    assert on_gpu["seconds"] == 12.0
    assert on_gpu["samples_per_second"] == 10.0
    assert on_gpu["peak_memory_mb"] == 300.0
    assert np.isnan(on_gpu["energy_kwh"])


def test_a_resumed_training_counts_the_folds_that_were_finished_before(write, record):
    job = training_cost(write(4.0), record())
    row = cost_table([job], {}).iloc[0]
    assert row["seconds"] == 8.0
    assert row["reason"] == "1 of 1 jobs were resumed: their seconds are those of their folds"


def test_trainings_that_filled_the_gpu_and_began_again_are_said(write, record):
    path = record("NVIDIA H200")
    run = json.loads(path.read_text(encoding="utf-8"))
    run["folds"][1]["accumulate"] = 2
    path.write_text(json.dumps(run), encoding="utf-8")
    jobs = [training_cost(write(12.0), path), job_cost(write(3.0), CELL | {"stage": "tune", "cohort": "planted"})]
    told = cost_table(jobs, {}).set_index(["stage"])["reason"]
    said = "1 of 2 trainings filled the GPU and began again with minibatches in parts"
    assert told.fillna("").to_dict() == {"tune": "", "train": said, "study": said}
    assert told["study"].tolist() == [said, said]


def test_a_job_too_short_to_be_sampled_is_empty_and_says_so(write):
    job = job_cost(write(0.1, cpu="NA", memory="NA"), {"stage": "generate", "cohort": "rsna"})
    row = cost_table([job], {}).iloc[0]
    assert np.isnan([row["cpu_seconds"], row["peak_memory_mb"]]).all()
    assert row["reason"] == "1 of 1 jobs were too short for processors and memory to be measured"


def test_replicated_cohorts_are_summed_together(write):
    jobs = [job_cost(write(2.0), {"stage": "generate", "cohort": f"no-signal-0{number}"}) for number in (1, 2, 3)]
    first = cost_table(jobs, {"no-signal": ["no-signal-01", "no-signal-02", "no-signal-03"]}).iloc[0]
    assert first[["cohort", "n_jobs", "seconds"]].tolist() == ["no-signal", 3, 6.0]


JOBS = st.lists(
    st.fixed_dictionaries({
        "cohort": st.sampled_from(["planted", "no-signal"]),
        "stage": st.sampled_from(["preprocess", "train", "explain"]),
        "approach": st.sampled_from(["cnn3d", "resnet18"]),
        "seconds": st.floats(0, 1e5),
        "cpu_seconds": st.floats(0, 1e5),
        "peak_memory_mb": st.floats(0, 1e5),
    }),
    min_size=1,
    max_size=20,
)  # fmt: skip


@given(JOBS)
def test_the_rows_the_approaches_and_the_whole_add_up_to_the_same(jobs):
    table = cost_table(jobs, {})
    *approaches, whole = table[table["stage"] == "study"].to_dict("records")
    rows = table[table["stage"] != "study"]
    assert whole["n_jobs"] == len(jobs) == rows["n_jobs"].sum() == sum(row["n_jobs"] for row in approaches)
    seconds = sum(job["seconds"] for job in jobs)
    for one in (whole["seconds"], rows["seconds"].sum(), sum(row["seconds"] for row in approaches)):
        assert one == pytest.approx(seconds, abs=0.02)
    assert whole["peak_memory_mb"] == pytest.approx(max(job["peak_memory_mb"] for job in jobs), abs=0.001)


def test_the_costs_stand_in_every_format_and_in_a_sentence(write, record, tmp_path):
    jobs = [
        job_cost(write(30.0), {"stage": "generate", "cohort": "planted"}),
        training_cost(write(90.0), record()),
    ]
    table = cost_table(jobs, {})
    write_formats(table, tmp_path / "cost", "cost")
    pd.testing.assert_frame_equal(read_table(tmp_path / "cost.tsv", "cost"), table, check_dtype=False)
    assert cost_sentence(table) == (
        "2 jobs took 2.0 min in total (trained on cpu), 75 % of it for training and tuning; the largest needed 300 MiB "
        "of memory; scores, figures and pages are not timed."
    )
    assert not {"Seconds of GPU", "Energy, kWh"} & set(show_cost(table).text.columns)


@pytest.mark.parametrize(("seconds", "words"), [(12.4, "12 s"), (90, "1.5 min"), (7200, "2.0 h")])
def test_durations_are_written_as_people_say_them(seconds, words):
    assert duration(seconds) == words
