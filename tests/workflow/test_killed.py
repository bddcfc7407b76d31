import psutil
import pytest
from studies import SMALL, Running, finish, result_bytes

pytestmark = pytest.mark.workflow
TARGET = [*SMALL, "--", "results/small/tables/comparison.tsv"]
COHORT = "results/small/planted"
RUN = f"{COHORT}/runs/cnn3d/main/FLAIR/harmonised/repeat-0/seed-0/batch-0"


def kill_once(project, pattern: str) -> None:
    """Start the study, kill its main process as soon as `pattern` is there: all that it started dies with it."""
    with Running(project, *TARGET) as running:
        running.wait_for(pattern)
        survivors = running.kill()
        described = [(process.pid, process.cmdline()) for process in survivors if process.is_running()]
        for process in survivors:
            process.kill()
        psutil.wait_procs(survivors, timeout=5)
    assert not described, "outlived the kill by five seconds"


def test_a_study_killed_at_each_of_its_stages_ends_with_the_same_bytes(project, finished_small):
    kill_once(project, f"{COHORT}/images/train/*")
    assert not (project / COHORT / "patients.tsv").exists()
    kill_once(project, f"{COHORT}/logs/audit/*.log")
    assert not (project / COHORT / "series.tsv").exists()
    kill_once(project, f"{COHORT}/logs/preprocess/cnn3d/FLAIR/*.log")
    assert not (project / RUN).exists()
    kill_once(project, f"{RUN}/.unfinished/fold-0/record.json")
    assert not (project / RUN / "predictions.tsv").exists()
    printed = finish(project, *TARGET)
    assert "fold-0: finished earlier, kept" in printed
    assert not list((project / RUN).glob(".*")), "what an unfinished job keeps is cleared away"
    assert result_bytes(project) == result_bytes(finished_small)
