"""What differs between two configs or records, key by key."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

OF_RECORDS = (  # keys of ``run.json`` that say how a training was made; the others are its name or its outcome
    *("parameters", "input", "series", "weights", "phases", "toolchain"),
    *("device", "threads", "versions", "processor"),
)


@dataclass(frozen=True)
class Change:
    """
    A key whose value differs.

    Attributes
    ----------
    key : str
        Its path, as in ``cohorts.planted.generator.patients`` or ``runs[2].modalities``.
    first, second : str or None
        Its values as YAML on one line; None where there is no such key.
    """

    key: str
    first: str | None
    second: str | None


def changes(first: Any, second: Any, key: str = "") -> list[Change]:
    """
    List what differs between two values of plain data (as of YAML or JSON).

    Mappings are compared key by key, lists of the same length item by item. Of lists of different lengths, the items
    that only one of them has are listed.

    Parameters
    ----------
    first, second : plain data
        The values.
    key : str
        Where they are.

    Returns
    -------
    list of Change
        Empty if they are equal.
    """
    return list(_changes(first, second, key))


def _changes(first: Any, second: Any, key: str) -> Iterator[Change]:
    if _as_text(first) == _as_text(second):
        return
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for name in dict.fromkeys([*first, *second]):
            yield from _of_key(first, second, name, f"{key}.{name}" if key else str(name))
    elif _are_lists_of_mappings(first, second):
        yield from _of_lists(first, second, key)
    else:
        yield Change(key, _as_text(first), _as_text(second))


def _of_key(first: Mapping[Any, Any], second: Mapping[Any, Any], name: Hashable, key: str) -> Iterator[Change]:
    if name in first and name in second:
        yield from _changes(first[name], second[name], key)
    elif name in first:
        yield Change(key, _as_text(first[name]), None)
    else:
        yield Change(key, None, _as_text(second[name]))


def _are_lists_of_mappings(first: Any, second: Any) -> bool:
    return all(isinstance(one, list) and all(isinstance(item, Mapping) for item in one) for one in (first, second))


def _of_lists(first: Sequence[Any], second: Sequence[Any], key: str) -> Iterator[Change]:
    if len(first) == len(second):
        for place, (ours, theirs) in enumerate(zip(first, second, strict=True)):
            yield from _changes(ours, theirs, f"{key}[{place}]")
        return
    yield from (Change(key, text, None) for text in _left_over(first, second))
    yield from (Change(key, None, text) for text in _left_over(second, first))


def _left_over(items: Sequence[Any], others: Sequence[Any]) -> list[str]:
    """Return the items that are not among others, each as often as they lack it."""
    left = [_as_text(item) for item in others]
    found = []
    for text in map(_as_text, items):
        if text in left:
            left.remove(text)
        else:
            found.append(text)
    return found


def _as_text(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf, allow_unicode=True)
    return text.removesuffix("\n...\n").strip()


def record_changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Change]:
    """List what differs in how two trainings were made, from their ``run.json``."""
    ours, theirs = ({name: record[name] for name in OF_RECORDS if name in record} for record in (first, second))
    return changes(ours, theirs)
