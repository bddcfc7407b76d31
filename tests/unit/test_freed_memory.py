import platform
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
FAULTS = """
import resource, sys
import numpy as np
from gliobench.training.freed_memory import keep_freed_memory

if "keep" in sys.argv:
    keep_freed_memory()
np.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(*arguments):
    """Pages that the system had to give for ten arrays of 128 MiB, one after the other."""
    command = [sys.executable, "-c", FAULTS, *arguments]
    return int(subprocess.run(command, capture_output=True, check=True, text=True, cwd=SCRIPTS).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can keep what is freed")
def test_memory_that_a_training_frees_is_used_again():
    assert page_faults("keep") < page_faults() / 10


def test_another_c_library_stays_as_it_is(monkeypatch):
    from gliobench.training import freed_memory

    monkeypatch.setattr(freed_memory.ctypes, "CDLL", lambda name: object())
    freed_memory.keep_freed_memory()
    assert freed_memory.mallopt() is None
