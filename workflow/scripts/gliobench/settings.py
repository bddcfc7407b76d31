"""Checking settings: JSON schemas, and names that must be known. Light to import: every rule's parsing needs it."""

import difflib
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from gliobench.errors import GlioBenchError

SCHEMAS = Path(__file__).parents[2] / "schemas"


def check(settings: Any, schema: str, where: str) -> None:
    """
    Check settings against ``workflow/schemas/<schema>.schema.json``.

    Raises
    ------
    GlioBenchError
        With the first problem and its place; an unknown key is answered with the nearest known one.
    """
    errors = Draft202012Validator(
        json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8"))
    ).iter_errors(settings)
    for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path]):
        while error.context:
            error = error.context[0]
        place = ".".join(str(part) for part in error.absolute_path) or "the top level"
        if error.validator == "additionalProperties":
            raise GlioBenchError(f"{where}, {place}: {_unknown_key(error.instance, error.schema['properties'])}")
        if error.validator == "required" and isinstance(error.instance, dict):
            raise GlioBenchError(f"{where}, {place}: {error.message}.")
        raise GlioBenchError(
            f"{where}, {place}: {error.message} ({error.schema.get('description', 'see config/README.md')})."
        )


def _unknown_key(instance: dict, known: dict) -> str:
    key = next(str(key) for key in instance if key not in known)
    return f"unknown key {key!r}; {nearest(key, known)}"


def nearest(name: str, known: Any) -> str:
    """Say which known name is nearest to `name`, or list them all."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(map(repr, known))}."


def merge(base: dict, changes: dict, where: str) -> dict:
    """
    Return `base` with the values of `changes`, mappings merged key by key; a value may be, or replace, an empty one.

    Raises
    ------
    GlioBenchError
        A key that `base` lacks (with the nearest known one), or a value of another type than the one it replaces.
    """
    merged = dict(base)
    for key, value in changes.items():
        if key not in base:
            raise GlioBenchError(f"{where}: unknown key {key!r}; {nearest(key, base)}")
        empty = base[key] is None or (value is None and not isinstance(base[key], dict))
        if not empty and _kind(value) != _kind(base[key]):
            raise GlioBenchError(
                f"{where}.{key} must be a {_kind(base[key])}, as {base[key]!r} is, and not {value!r} "
                "(YAML reads 1e-3 as text: write 1.0e-3)."
            )
        merged[key] = merge(base[key], value, f"{where}.{key}") if isinstance(base[key], dict) else value
    return merged


def _kind(value: Any) -> str:
    kinds = {bool: "truth value", int: "number", float: "number", str: "text", list: "list", dict: "mapping"}
    return kinds.get(type(value), type(value).__name__)


def known(name: str, names: Any, problem: str) -> None:
    """Raise a sentence that starts with `problem` unless `name` is one of `names`."""
    if name not in names:
        raise GlioBenchError(f"{problem} {name!r}; {nearest(name, names)}")
