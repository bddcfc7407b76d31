"""Programs of the distribution that the tests start."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest


@cache
def program(names: str | tuple[str, ...], package: str) -> Path:
    """
    Return the first program that there is; without one the test is skipped.

    Where CI is set a skip is a failure, so that root installs the package first, with apt-get.
    """
    names = (names,) if isinstance(names, str) else names
    found = _find(names)
    may_install = os.environ.get("CI") and os.geteuid() == 0 and shutil.which("apt-get")
    if found is None and may_install:
        install(package)
        found = _find(names)
    if found is None:
        reason = f"{names[0]} is not installed: apt-get install {package}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return found


def install(*packages: str) -> None:
    """Install Debian packages, while no other test does."""
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with (Path(tempfile.gettempdir()) / "gliobench-apt.lock").open("w") as lock:  # apt-get ends where another runs
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", "--quiet", *command], env=quiet, check=True)


def _find(names: Iterable[str]) -> Path | None:
    # Debian keeps some outside the search path.
    places = [os.environ["PATH"], "/usr/sbin", *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin")))]
    there = (shutil.which(name, path=os.pathsep.join(places)) for name in names)
    return next((Path(path) for path in there if path), None)
