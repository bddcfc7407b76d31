import errno
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

from gliobench.errors import GlioBenchError
from gliobench.processes import MAIN, hold, join_interrupts
from gliobench.sources import SCRIPTS

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), end="", flush=True)
child.wait()
"""
CHILD = """
import time
from gliobench.processes import die_with_parent
die_with_parent()
print("ready", flush=True)
time.sleep(60)
"""
HOLDER = """
import sys, time
from gliobench.processes import MAIN, hold, join_interrupts
hold(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={"PYTHONPATH": str(SCRIPTS)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's own")
def test_a_script_dies_with_its_parent_even_if_that_is_killed():
    with start(PARENT, CHILD) as parent:
        pid, word = parent.stdout.readline().split()
        assert word == "ready"
        child = psutil.Process(int(pid))
        parent.kill()
        gone, alive = psutil.wait_procs([child], timeout=5)
        for process in alive:
            process.kill()
    assert gone


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's own")
def test_a_script_whose_parent_lives_goes_on():
    with start(CHILD) as child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.2)
        assert child.poll() is None
        child.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's own")
def test_a_script_that_starts_after_its_study_was_killed_dies_at_once():
    with subprocess.Popen([sys.executable, "-c", "pass"]) as study:
        pass
    started = [sys.executable, "-c", CHILD]
    with subprocess.Popen(started, env={"PYTHONPATH": str(SCRIPTS), MAIN: str(study.pid)}) as late:
        assert late.wait(timeout=10) == -signal.SIGKILL


@pytest.fixture
def interrupts_joined(monkeypatch):
    monkeypatch.setattr("gliobench.processes.TOGETHER", 0.2)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may be a background job, which ignores them
    join_interrupts()
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_interrupts_that_arrive_together_are_one(interrupts_joined):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    time.sleep(0.3)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_interrupts_that_a_background_job_ignores_stay_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        join_interrupts()
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_what_one_process_holds_another_is_refused_with_a_sentence(tmp_path):
    lock = tmp_path / "results" / "smoke" / ".lock"
    with start(HOLDER, str(lock)) as holder:
        assert holder.stdout.readline() == "held\n"
        sentence = f"another run (process {holder.pid}) is working on {lock.parent}: wait for it, or stop it first."
        with pytest.raises(GlioBenchError, match=f"^{re.escape(sentence)}$"):
            hold(lock)
        assert lock.read_text() == str(holder.pid), "the refused one leaves the holder's name"
        holder.send_signal(signal.SIGKILL)
    hold(lock)
    assert lock.read_text() == str(os.getpid()), "a killed holder holds nothing"


def test_a_file_system_without_locks_is_a_warning(tmp_path, monkeypatch, capsys):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("gliobench.processes.fcntl.flock", no_locks)
    hold(tmp_path / "study" / ".lock")
    said = capsys.readouterr().err
    assert (
        f"the file system of {tmp_path / 'study'} has no locks (No locks available): do not start a second run" in said
    )
