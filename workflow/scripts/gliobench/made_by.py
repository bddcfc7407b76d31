"""What made a study's results: config, version, commit and date, noted beside them so that studies can be compared."""

import datetime
import html
import json
import re
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gliobench.errors import GlioBenchError
from gliobench.files import read_json
from gliobench.records import check_record

RECORD = "study.json"  # in a study's folder
ROOT = Path(__file__).parents[3]
PRINTED = re.compile(r'<section id="config">.*?<pre><code>(.*?)</code></pre>', re.DOTALL)


def study_record(config: Mapping[str, Any], root: Path = ROOT) -> dict[str, Any]:
    """
    Describe what makes the results of a study now.

    Parameters
    ----------
    config : dict
        The study's config.
    root : Path
        The project's folder.

    Returns
    -------
    dict
        As in the schema ``study``: version and commit are None where they are not known.
    """
    return {
        "version": _version(root),
        "commit": _commit(root),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "config": json.loads(json.dumps(config, default=str)),
    }


def _version(root: Path) -> str | None:
    file = root / "pyproject.toml"
    return str(tomllib.loads(file.read_text(encoding="utf-8"))["project"]["version"]) if file.is_file() else None


def _commit(root: Path) -> str | None:
    """Return the commit of a checkout, with ``-dirty`` if files differ from it; None if `root` is none of its own."""
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # git is not installed
        return None
    return done.stdout.strip() or None


def read_study_record(folder: Path) -> dict[str, Any]:
    """
    Read what made the results of a study.

    Studies that were finished before ``study.json`` was written have their config only in the report's method page.

    Parameters
    ----------
    folder : Path
        Folder of the study.

    Returns
    -------
    dict
        As of `study_record`; version, commit and date are None if they were not noted.

    Raises
    ------
    GlioBenchError
        The config is noted nowhere.
    """
    noted, page = folder / RECORD, folder / "report" / "method.html"
    if noted.is_file():
        record: dict[str, Any] = read_json(noted)
        check_record(record, "study", str(noted))
        return record
    printed = PRINTED.search(page.read_text(encoding="utf-8")) if page.is_file() else None
    if not printed:
        raise GlioBenchError(
            f"{folder} has neither {RECORD} nor a report that prints its config: run the study to its end."
        )
    config = yaml.safe_load(html.unescape(printed[1]))
    return {"version": None, "commit": None, "date": None, "config": config}
