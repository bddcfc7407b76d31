"""Settings of an input with what a study chose for it, as preprocessing uses and a run's record keeps them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gliobench.files import read_json


def with_field(settings: Mapping[str, Any], path: str | Path | Sequence[str]) -> dict[str, Any]:
    """Return the settings of an input with the spacing in the file of `choose_field`, as they are without one."""
    return dict(settings) | ({"spacing": read_json(str(path))["spacing"]} if path else {})
