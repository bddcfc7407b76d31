"""What made a study's results: its config and the code, noted beside them so that studies can be compared."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gliobench.errors import GlioBenchError
from gliobench.files import check_record, read_json

RECORD = "study.json"  # in a study's folder


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

    Parameters
    ----------
    folder : Path
        Folder of the study.

    Returns
    -------
    dict
        As of `study_record`.

    Raises
    ------
    GlioBenchError
        It is not noted, or not as this version does.
    """
    noted = folder / RECORD
    if not noted.is_file():
        raise GlioBenchError(f"{folder} has no {RECORD}: run the study to its end with this version of GlioBench.")
    record: dict[str, Any] = read_json(noted)
    check_record(record, "study", str(noted))
    return record
