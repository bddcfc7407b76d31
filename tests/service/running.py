"""The service as its users start it: a command, processes, a port."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psutil

from ports import free_port

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
PATIENCE = 240  # seconds, of every wait; the machine may be busy


class Service:
    """The service, started by `serve` with one user, ``admin``; whatever it started is gone when the block ends."""

    def __init__(self, run: Path, data: Path, **settings: object):
        self.run, self.data = run, data
        self.port = free_port()
        self.variables = {f"GLIOBENCH_SERVICE_{name.upper()}": str(value) for name, value in settings.items()}
        self.main: psutil.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        paths = os.pathsep.join(str(ROOT / part) for part in ("workflow/scripts", "service"))
        return os.environ | {"PYTHONPATH": paths, "GLIOBENCH_SERVICE_DATA": str(self.data)} | self.variables

    def start(self) -> None:
        command = [sys.executable, "-m", "gliobench_service", "serve", str(self.run), "--port", str(self.port)]
        self.log = (self.data.parent / "serve.log").open("a")
        self.main = psutil.Popen(
            command, stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.STDOUT, env=self.environment, text=True
        )
        self.main.stdin.write(f"admin\n{PASSWORD}\n")
        self.main.stdin.close()
        wait_until(self.answers, "the service answers", self.said)

    def answers(self) -> bool:
        assert self.main.is_running(), self.said()
        assert self.main.status() != psutil.STATUS_ZOMBIE, self.said()
        try:
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def said(self) -> str:
        return (self.data.parent / "serve.log").read_text()

    def processes(self, kind: str) -> list[psutil.Process]:
        """Return the running processes of the command ``web`` or ``worker``."""
        return [child for child in self.main.children(recursive=True) if kind in arguments(child)[3:4]]

    def suspend(self, process: psutil.Process) -> None:
        """Suspend a process where it does not hold the lock of the database: with it, nobody could write."""

        def suspended_without_lock() -> bool:
            process.suspend()
            try:
                with closing(sqlite3.connect(self.data / "service.sqlite", timeout=1)) as connection:
                    connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.resume()
                return False
            return True

        wait_until(suspended_without_lock, "the process holds no lock", self.said)

    def kill(self) -> None:
        """Kill the main process alone with SIGKILL; the others must end with it."""
        children = self.main.children(recursive=True)
        self.main.kill()
        self.main.wait()
        alive = psutil.wait_procs(children, timeout=10)[1]
        assert not alive, alive

    def token(self) -> dict[str, str]:
        answer = httpx.post(f"{self.url}/tokens", json={"name": "admin", "password": PASSWORD}, timeout=60)
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    def __enter__(self) -> "Service":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.main.is_running():
            everything = [self.main, *self.main.children(recursive=True)]
            self.main.terminate()
            for process in psutil.wait_procs(everything, timeout=20)[1]:
                process.kill()
        self.main.wait()
        self.log.close()


def arguments(process: psutil.Process) -> list[str]:
    """Return the command line of a process, empty if it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def wait_until(met: Callable[[], Any], what: str, said: Callable[[], str] = str) -> Any:
    """Wait until something holds, and return it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := met()):
        assert time.monotonic() < deadline, f"waited {PATIENCE} s until {what}; {said()}"
        time.sleep(0.05)
    return found
