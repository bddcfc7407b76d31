"""The memory of this machine that the jobs of a study may take together. Light to import: parsing needs it."""

from pathlib import Path, PurePosixPath

import psutil

SHARE = 0.9  # of the memory; the rest is left to the system and to Snakemake itself
MEMBERSHIP = Path("/proc/self/cgroup")  # Linux only: elsewhere the machine's memory counts alone
CONTROL_GROUPS = Path("/sys/fs/cgroup")
LIMITS = ("memory.max", "memory.limit_in_bytes")  # files of a control group: in version 2, and in version 1


def memory_for_jobs(membership: Path = MEMBERSHIP, control_groups: Path = CONTROL_GROUPS) -> int:
    """
    Return the memory that jobs here may take together, MB.

    A container, a cluster's allocation or a service may take less than the machine has: the least limit of the control
    groups that this process is in counts.

    Parameters
    ----------
    membership : path
        The kernel's list of the control groups of this process.
    control_groups : path
        Where their file system is mounted.
    """
    return int(SHARE * min([psutil.virtual_memory().total, *_limits(membership, control_groups)]) / 1e6)


def _limits(membership: Path, control_groups: Path) -> list[int]:
    """Return the limits of this process's control groups and of those around them, bytes."""
    lines = membership.read_text(encoding="utf-8").splitlines() if membership.is_file() else []
    limits = []
    for _, controllers, name in (line.split(":", 2) for line in lines):
        if "memory" in controllers.split(",") or not controllers:  # version 1, or version 2, which names none
            mounted = control_groups / "memory" if controllers else control_groups
            group = PurePosixPath(name)
            around = [mounted / str(each).lstrip("/") for each in (group, *group.parents)]
            limits += [_limit(folder / file) for folder in around for file in LIMITS]
    return [limit for limit in limits if limit is not None]


def _limit(file: Path) -> int | None:
    """Return the bytes that a file names; None if it is not there, or names no limit (`max`)."""
    text = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
    return int(text) if text.isdecimal() else None
