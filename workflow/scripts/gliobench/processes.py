"""Processes that end with the one that started them."""

import ctypes
import fcntl
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from gliobench.errors import GlioBenchError

PR_SET_PDEATHSIG = 1
MAIN = "GLIOBENCH_MAIN"  # the environment's name for the process that starts the jobs
SHOWN = "GLIOBENCH_PROGRESS"  # tells jobs that the process that starts them shows their progress
TOGETHER = 2.0  # seconds within which interrupts are one: `timeout` sends two


def lead_jobs() -> None:
    """Tell the jobs that this process starts its id, so that they end with it."""
    os.environ[MAIN] = str(os.getpid())


def die_with_parent() -> None:
    """
    Have the kernel kill this process when its parent ends (Linux; elsewhere nothing happens).

    A parent that ended before the kernel was told is known by `lead_jobs`.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if MAIN in os.environ and _ended(int(os.environ[MAIN])):
        os.kill(os.getpid(), signal.SIGKILL)


def end_on_interrupt() -> None:
    """Let Ctrl-C end this process silently: the process that started it prints the message."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def join_interrupts() -> None:
    """Take interrupts that arrive together for one, so that the second does not break into the end of this process."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return  # a shell script's background jobs ignore them
    last = -TOGETHER

    def interrupt(signal_number: int, frame: FrameType | None) -> None:
        nonlocal last
        last, before = time.monotonic(), last
        if last - before >= TOGETHER:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


@contextmanager
def main_not_run_again() -> Iterator[None]:
    """Hide the main module's file from processes that start meanwhile: only Snakemake can run one of its scripts."""
    main = sys.modules["__main__"]
    file = vars(main).pop("__file__", None)
    try:
        yield
    finally:
        if file is not None:
            vars(main)["__file__"] = file


def peak_memory() -> int:
    """Return the most bytes that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _ended(process: int) -> bool:
    """Whether a process is gone, or dead and not yet cleared away."""
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


_held: list[IO[str]] = []  # open as long as the process lives: the kernel releases a lock with its holder


def hold(path: str | Path) -> None:
    """
    Hold a lock file until this process ends, however it ends.

    On a file system without locks a warning is printed: there, the user must avoid two runs on one folder.

    Raises
    ------
    GlioBenchError
        Another process holds it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise GlioBenchError(
            f"another run (process {file.read().strip() or 'unknown'}) is working on {path.parent}: "
            "wait for it, or stop it first."
        ) from None
    except OSError as error:
        print(
            f"GlioBench: the file system of {path.parent} has no locks ({error.strerror}): do not start a second run "
            "there while this one is active.",
            file=sys.stderr,
        )
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    _held.append(file)


def is_held(path: Path) -> bool:
    """Whether a living process holds a lock file."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # no locks here
            return False
    return False


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process is in a block of the same lock file; where there are no locks, do not wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
