"""What made a study's results: its config and the code, noted beside them so that studies can be compared."""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gliobench.errors import GlioBenchError
from gliobench.files import read_json
from gliobench.records import check_record

RECORD = "study.json"  # in a study's folder
PRINTED = re.compile(r'<section id="config">.*?<pre><code>(.*?)</code></pre>', re.DOTALL)


def study_record(config: Mapping[str, Any], origin: Mapping[str, str]) -> dict[str, Any]:
    """
    Describe what made the results of a study.

    Parameters
    ----------
    config : dict
        The study's config.
    origin : dict of str to str
        Of the code, as of `gliobench.origin.origin`.

    Returns
    -------
    dict
        As in the schema ``study``.
    """
    return {"origin": dict(origin), "config": json.loads(json.dumps(config, default=str))}


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
        As of `study_record`; ``origin`` is empty if it was not noted.

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
    return {"origin": {}, "config": yaml.safe_load(html.unescape(printed[1]))}
