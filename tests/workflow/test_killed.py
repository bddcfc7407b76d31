import random
import shutil
import signal
import time

import psutil
import pytest
from studies import SMALL, Running, edit, finish, result_bytes, reword

pytestmark = [pytest.mark.workflow, pytest.mark.own_study]
TARGET = [*SMALL, "--", "results/small/tables/comparison.tsv"]
COHORT = "results/small/planted"
RUN = f"{COHORT}/runs/cnn3d/main/FLAIR/harmonised/repeat-0/seed-0/batch-0"


def kill_once(project, pattern: str, target: list[str] = TARGET) -> None:
    """Start the study, kill its main process as soon as `pattern` is there: all that it started dies with it."""
    with Running(project, *target) as running:
        running.wait_for(pattern)
        assert running.main.children(), "nothing was running"
        kill(running)


def kill(running: Running) -> None:
    """Kill the main process; nothing of it may live five seconds later."""
    survivors = running.kill()
    described = [(process.pid, process.cmdline()) for process in survivors if process.is_running()]
    for process in survivors:
        process.kill()
    psutil.wait_procs(survivors, timeout=5)
    assert not described, "outlived the kill by five seconds"


def said_by_the_training(project) -> str:
    """Return the log of the study's training."""
    return next((project / COHORT).glob("logs/runs/**/*.log")).read_text(encoding="utf-8")


def kill_after(project, seconds: float) -> bool:
    """Start the study and kill its main process after that time; return whether it was still at work."""
    with Running(project, *TARGET) as running:
        time.sleep(seconds)
        at_work = running.main.poll() is None
        if at_work:
            kill(running)
    return at_work


def test_a_study_killed_at_each_of_its_stages_ends_with_the_same_bytes(project, finished_small):
    kill_once(project, f"{COHORT}/images/train/*")
    assert not (project / COHORT / "patients.tsv").exists()
    kill_once(project, f"{COHORT}/logs/audit/*.log")
    assert not (project / COHORT / "series.tsv").exists()
    kill_once(project, f"{COHORT}/logs/preprocess/cnn3d/*.log")
    assert not (project / RUN).exists()
    kill_once(project, f"{RUN}/.unfinished/fold-0/record.json")
    assert not (project / RUN / "predictions.tsv").exists()
    finish(project, *TARGET)
    assert "fold-0: finished earlier, kept" in said_by_the_training(project)
    assert not list((project / RUN).glob(".*")), "what an unfinished job keeps is cleared away"
    assert result_bytes(project) == result_bytes(finished_small)


def test_ctrl_c_is_a_sentence_and_the_same_command_goes_on(project, finished_small):
    with Running(project, *TARGET) as running:
        running.wait_for(f"{RUN}/.unfinished/fold-0/record.json")
        processes = [running.main, *running.main.children(recursive=True)]
        for process in [running.main, *processes]:  # a terminal interrupts each, and `timeout` the main one once more
            process.send_signal(signal.SIGINT)
        assert running.main.wait() != 0
    printed = running.output.read_text(encoding="utf-8")
    assert "GlioBench: stopped. The same command resumes from here." in printed
    assert "Traceback" not in printed
    finish(project, *TARGET)
    assert "fold-0: finished earlier, kept" in said_by_the_training(project)
    assert result_bytes(project) == result_bytes(finished_small)


@pytest.mark.parametrize(("change", "kept"), [(reword, True), (edit, False)])
def test_a_finished_fold_outlives_other_words_and_no_other_code(small_copy, finished_small, change, kept):
    shutil.rmtree(small_copy / RUN)
    predictions = [*SMALL, "--", f"{RUN}/predictions.tsv"]
    kill_once(small_copy, f"{RUN}/.unfinished/fold-0/record.json", predictions)
    change(small_copy / "workflow/scripts/gliobench/approaches/cnn3d.py")
    finish(small_copy, *predictions)
    said = said_by_the_training(small_copy)
    assert ("fold-0: finished earlier, kept" in said) == kept
    assert ("repeat 0 fold 0: ok" in said) != kept
    assert result_bytes(small_copy) == result_bytes(finished_small)


def test_a_study_killed_at_ten_random_moments_ends_with_the_same_bytes(project, finished_small):
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed of the moments: {seed}")
    moments = random.Random(seed)
    kills = 0
    while kills < 10:
        if kill_after(project, moments.uniform(1, 9)):
            kills += 1
        else:  # it ended first: from the start again
            shutil.rmtree(project / "results")
    finish(project, *TARGET)
    assert result_bytes(project) == result_bytes(finished_small)
