"""What a training does with memory that it frees."""

import ctypes
from collections.abc import Callable

TRIM_THRESHOLD, MMAP_MAX = -1, -4  # parameters of mallopt(3)


def keep_freed_memory() -> None:
    """
    Let this process keep the memory that it frees, for its next arrays, until it ends.

    By default glibc returns the memory of large arrays to the system, which must find and clear every page again in the
    next step (``perf/freed_memory.py``). Results are the same. Other C libraries have no such setting and stay as they
    are.
    """
    if set_option := mallopt():
        set_option(MMAP_MAX, 0)
        set_option(TRIM_THRESHOLD, -1)


def mallopt() -> Callable[[int, int], int] | None:
    """Return glibc's function of that name; None where there is none."""
    return getattr(ctypes.CDLL(None), "mallopt", None)
