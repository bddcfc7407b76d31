"""Records, such as a run's ``run.json``, against their schemas. Light to import: parsing needs it."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from gliobench.errors import GlioBenchError, nearest

SCHEMAS = Path(__file__).parents[2] / "schemas"


def check_record(record: Any, schema: str, where: str) -> None:
    """
    Check a record against ``workflow/schemas/<schema>.schema.json``.

    Raises
    ------
    GlioBenchError
        With the first problem and its place, and the nearest known key for an unknown one.
    """
    rules = json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8"))
    errors = Draft202012Validator(rules).iter_errors(record)
    for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path]):
        place = ".".join(str(part) for part in error.absolute_path) or "the top level"
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            key = next(str(key) for key in error.instance if key not in known)
            raise GlioBenchError(f"{where}, {place}: unknown key {key!r}; {nearest(key, known)}")
        if error.validator == "required":
            raise GlioBenchError(f"{where}, {place}: {error.message}.")
        raise GlioBenchError(f"{where}, {place}: {error.message} ({error.schema.get('description', schema)}).")
