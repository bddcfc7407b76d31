import io
import logging

import pytest
from rich.console import Console

from gliobench.progress import (
    Plan,
    Progress,
    Terminal,
    duration,
    error_message,
    job_name,
    last_message,
    show_progress,
    stage_of,
)

STATS = {"audit_series": 2, "read_cohort": 1, "train_torch": 2, "train_baselines": 1, "all": 1, "total": 7}


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def job(number, rule, log=(), **wildcards):
    return {"jobid": number, "rule_name": rule, "wildcards": wildcards, "log": list(log)}


def progress():
    study = Progress(Clock())
    study.take("run_info", {"stats": STATS})
    return study


def test_jobs_are_counted_by_stage_and_targets_are_not():
    assert {name: stage.total for name, stage in progress().stages.items()} == {
        "cohorts": 3,
        "baselines": 1,
        "training": 2,
    }


def test_every_rule_of_the_workflow_belongs_to_a_stage(rule_names):
    assert [name for name in rule_names if stage_of(name) is None] == []


@pytest.fixture
def rule_names():
    import re
    from pathlib import Path

    texts = [path.read_text(encoding="utf-8") for path in (Path(__file__).parents[2] / "rules").glob("*.smk")]
    named = [name for text in texts for name in re.findall(r"^rule (\w+):| as (\w+) with:", text, re.MULTILINE)]
    return [first or second for first, second in named if first != "download"]  # a target


def test_the_time_to_go_is_the_mean_of_the_finished_jobs_shared_by_the_running_ones():
    study = progress()
    study.take("job_info", job(1, "audit_series", shard="1-of-2"))
    study.clock.now = 30.0
    assert study.take("job_finished", {"job_id": 1}) is None
    study.take("job_info", job(2, "audit_series", shard="2-of-2"))
    assert study.line("cohorts") == ("cohorts", "1 of 3", "about 1 min to go: audit series")
    study.take("job_info", job(3, "read_cohort", cohort="clinic"))
    assert study.line("cohorts")[2] == "about 30 s to go: audit series and 1 more"


def test_the_time_to_go_knows_that_the_jobs_of_one_rule_take_longer_than_those_of_another():
    study = Progress(Clock())
    study.take("run_info", {"stats": {"train_torch": 2, "train_tensorflow": 3}})
    for number, (rule, seconds) in enumerate([("train_torch", 100), ("train_tensorflow", 20)]):
        study.take("job_info", job(number, rule))
        study.clock.now += seconds
        study.take("job_finished", {"job_id": number})
    study.take("job_info", job(2, "train_torch"))
    assert study.stages["training"].left(running=1) == 1 * 100 + 2 * 20


def test_copies_of_labels_are_counted_apart_so_that_the_baselines_are_soon_done():
    assert [stage_of(rule) for rule in ("train_baselines", "train_sklearn_copies", "train_sklearn")] == [
        "baselines",
        "copies",
        "training",
    ]


def test_a_line_says_how_much_of_the_whole_study_is_done():
    terminal = Terminal(io.StringIO())
    terminal.progress = progress()
    terminal.progress.take("job_info", job(1, "audit_series"))
    terminal.progress.clock.now = 120.0
    terminal.progress.take("job_finished", {"job_id": 1})
    assert terminal._text("cohorts").startswith("[2 min, 1 of 6] cohorts 1 of 3")


def test_a_stage_is_completed_by_its_last_job():
    study = progress()
    study.take("job_info", job(1, "train_torch"))
    study.take("job_info", job(2, "train_torch"))
    assert study.take("job_finished", {"job_id": 2}) is None
    study.clock.now = 90.0
    assert study.take("job_finished", {"job_id": 1}) == "training"
    assert study.line("training") == ("training", "2 of 2", "done in 2 min")


def test_a_job_that_failed_does_not_count_until_its_repetition_is_done():
    study = progress()
    for _ in range(2):
        study.take("job_info", job(1, "train_baselines"))
        study.take("job_error", job(1, "train_baselines"))
    assert study.line("baselines") == ("baselines", "0 of 1", "")
    study.take("job_info", job(1, "train_baselines"))
    assert study.take("job_finished", {"job_id": 1}) == "baselines"


def test_a_job_is_named_by_what_it_works_on():
    names = {"cohort": "clinic", "approach": "cnn3d", "repeat": "0", "seed": "1", "batch": "3"}
    assert job_name("train_tensorflow", names) == "clinic cnn3d repeat 0 seed 1"
    assert job_name("plot_audit", {"cohort": "clinic"}) == "plot audit clinic"


UNEXPECTED = "unexpected error in rule split: ValueError: no"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", None),
        ("Some framework: a warning\n", None),
        ("10:00:00 first\n10:00:01 second\nnoise of a framework\n", "second\nnoise of a framework"),
        (f"10:00:00 {UNEXPECTED}\nTraceback (most recent call last):\n  File", UNEXPECTED),
    ],
)
def test_the_last_message_of_a_log_leaves_the_traceback_out(tmp_path, text, message):
    log = tmp_path / "job.log"
    log.write_text(text)
    assert last_message(str(log)) == message
    assert last_message(str(tmp_path / "none.log")) is None


def test_of_a_long_log_the_end_is_searched(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("".join(f"10:00:00 epoch {number} é\n" for number in range(10_000)))
    assert last_message(str(log)) == "epoch 9999 é"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (90, "2 min"), (3600, "1 h 0 min"), (5000, "1 h 23 min")]
)
def test_durations_are_said_in_the_unit_that_fits(seconds, said):
    assert duration(seconds) == said


def test_an_error_says_why_which_job_and_where_its_log_is(tmp_path):
    log = tmp_path / "split.log"
    log.write_text("10:00:00 2 folds need 2 patients of each label.\n")
    assert error_message(job(1, "split", [str(log)])) == (
        f"GlioBench: 2 folds need 2 patients of each label.\n  job: split\n  log: {log}"
    )
    said = error_message(job(1, "split", [str(tmp_path / "no.log")]))
    assert "it ended without a message" in said
    assert "then run fewer at once, by `--resources mem_mb=<less than the machine's memory>` or `--cores 1`" in said


def record(event=None, message="", **fields):
    made = logging.makeLogRecord({"msg": message, "levelno": logging.INFO, **fields})
    if event:
        made.event = event
    return made


def test_without_a_terminal_each_completed_stage_is_one_line_and_chatter_none():
    stream = io.StringIO()
    terminal = Terminal(stream)
    terminal.emit(record("run_info", stats={"split": 1, "total": 1}))
    terminal.emit(record(message="Select jobs to execute..."))
    terminal.emit(record("job_info", **job(1, "split", cohort="clinic")))
    terminal.emit(record("job_started", "Execute 1 jobs...", jobs=[1]))
    terminal.emit(record("job_finished", job_id=1))
    terminal.emit(record(message="Creating conda environment envs/torch.yaml..."))
    lines = stream.getvalue().splitlines()
    assert [line.split("]")[-1].split() for line in lines] == [
        ["splits", "1", "of", "1", "done", "in", "0", "s"],
        ["Creating", "conda", "environment", "envs/torch.yaml..."],
    ]


def test_jobs_that_end_because_the_user_stopped_them_are_no_errors():
    stream = io.StringIO()
    terminal = Terminal(stream)
    terminal.emit(record("run_info", stats={"split": 2}))
    for number in (1, 2):
        terminal.emit(record("job_info", **job(number, "split", cohort="clinic")))
    terminal.emit(record("job_error", **job(1, "split")))
    terminal.emit(record(message="Terminating processes on user request, this might take some time."))
    terminal.emit(record("job_error", **job(2, "split")))
    assert stream.getvalue().count("it ended without a message") == 1


def test_on_one_core_a_line_a_minute_is_told_although_nothing_runs_between_two_jobs():
    terminal = Terminal(io.StringIO())
    clock = terminal.progress.clock = Clock()
    terminal.said = clock.now
    terminal.emit(record("run_info", stats={"split": 3}))
    for number in (1, 2):
        terminal.emit(record("job_info", **job(number, "split", cohort="clinic")))
        clock.now += 61
        terminal.emit(record("job_finished", job_id=number))
    terminal.emit(record("job_info", **job(3, "split", cohort="clinic")))
    assert [line.split("]")[-1].split()[:4] for line in terminal.stream.getvalue().splitlines()] == [
        ["splits", "1", "of", "3"],
        ["splits", "2", "of", "3"],
    ]


def test_a_logger_that_the_user_has_chosen_is_left_alone(monkeypatch):
    logger = logging.getLogger("chosen-by-the-user")
    logger.addHandler(logging.NullHandler())
    assert show_progress(logger) is None


def test_a_plan_is_summed_up_by_stage_and_approach():
    plan = Plan()
    for approach in ("resnet18", "cnn3d", "resnet18"):
        plan.emit(record("job_info", **job(1, "train_torch", approach=approach, seed="0")))
    plan.emit(record("job_info", **job(2, "split")))
    plan.emit(record("job_info", **job(3, "all")))
    for input_name in ("cnn3d", "cnn3d-slices_64"):
        plan.emit(record("job_info", **job(4, "preprocess", input_name=input_name, shard="1-of-1")))
    assert plan.text().splitlines()[1:] == [
        "  inputs         2  cnn3d 1, cnn3d-slices_64 1",
        "  splits         1",
        "  training       3  cnn3d 1, resnet18 2",
    ]
    assert Plan().text() == ""


def test_a_plan_is_a_table_of_jobs_by_rule_cohort_and_approach(tmp_path):
    plan = Plan()
    for seed in "01":
        plan.emit(record("job_info", **job(1, "train_torch", cohort="planted", approach="resnet18", seed=seed)))
    plan.emit(record("job_info", **job(2, "page")))
    plan.write(tmp_path / "plan.tsv")
    assert (tmp_path / "plan.tsv").read_text(encoding="utf-8").splitlines() == [
        "stage\trule\tcohort\tapproach\tjobs",
        "training\ttrain_torch\tplanted\tresnet18\t2",
        "report\tpage\t\t\t1",
    ]


def test_without_a_terminal_a_line_is_cut_where_it_is_too_long(tmp_path):
    terminal = Terminal(io.StringIO())
    log = tmp_path / "training.log"
    log.write_text("10:00:00 epoch 1: " + "loss 0.123, " * 20)
    terminal.emit(record("run_info", stats={"train_torch": 1}))
    terminal.emit(record("job_info", **job(1, "train_torch", [str(log)], cohort="clinic")))
    line = terminal._text("training")
    assert len(line) == 120
    assert line.endswith("...")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_in_a_terminal_a_long_message_is_cut_and_no_stage_or_count(tmp_path, width):
    terminal = Terminal(io.StringIO())
    log = tmp_path / "training.log"
    log.write_text("10:00:00 epoch 1: " + "loss 0.123, " * 20)
    terminal.emit(record("run_info", stats={"train_torch": 112, "train_baselines": 3}))
    terminal.emit(record("job_info", **job(1, "train_torch", [str(log)], cohort="clinic")))
    screen = Console(width=width, file=io.StringIO())
    screen.print(terminal._table())
    lines = screen.file.getvalue().splitlines()
    counts = [["baselines", "0", "of", "3"], ["training", "0", "of", "112"], ["all", "0", "of", "115"]]
    assert [line.split()[:4] for line in lines] == counts
    assert "epoch 1" in lines[1]
    assert max(map(len, lines)) <= width


def test_what_a_job_found_stays_in_the_terminal_once_it_is_done(tmp_path):
    stream = io.StringIO()
    terminal = Terminal(stream)
    log = tmp_path / "read_cohort.log"
    log.write_text("10:00:00 upenn: 671 found, 611 before surgery\n")
    terminal.emit(record("run_info", stats={"read_cohort": 1, "audit_series": 1}))
    terminal.emit(record("job_info", **job(1, "read_cohort", [str(log)], cohort="upenn")))
    terminal.emit(record("job_finished", job_id=1))
    assert stream.getvalue() == "upenn: 671 found, 611 before surgery\n"
