"""What a report was made by, and when: the code's version and commit, the date, and the machines."""

import platform
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
UNKNOWN = "unknown"


def origin(root: Path = ROOT) -> dict[str, str]:
    """
    Say which code runs, when, and on what.

    Parameters
    ----------
    root : Path
        The folder of the project.

    Returns
    -------
    dict of str to str
        ``version``; ``commit``, with ``-dirty`` if files differ from it; ``written``, the time in UTC; ``machine``,
        the operating system and processor. `UNKNOWN` without the file or repository that says it.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"version": _version(root), "commit": _commit(root), "written": now, "machine": platform.platform()}


def machines(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count the runs by what they were trained on: device, threads, and the processor's instructions used."""
    return dict(Counter(map(_machine, records)).most_common())


def computed_on(record: Mapping[str, Any]) -> str:
    """Say what a run was computed on: its device, what Keras ran on, and whether a GPU there was left unused."""
    device = f"{record['device']} beside an unused GPU" if record.get("unused_gpu") else record["device"]
    return f"{device}, Keras on {record['backend']}" if record.get("backend") else str(device)


def _machine(record: Mapping[str, Any]) -> str:
    threads, processor = record["threads"], record["processor"]
    instructions = [] if processor["portable"] else processor["instructions"] or []
    words = f"{computed_on(record)}, {threads} {'thread' if threads == 1 else 'threads'}"
    return ", ".join([words, *([" ".join(instructions)] if instructions else [])])


def _version(root: Path) -> str:
    project = root / "pyproject.toml"
    if not project.is_file():
        return UNKNOWN
    return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


def _commit(root: Path) -> str:
    if not (root / ".git").exists():  # otherwise git would look for one above
        return UNKNOWN
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN
