"""The one error that users are meant to read."""

import difflib
from collections.abc import Iterable
from pathlib import Path


class GlioBenchError(Exception):
    """Something the user can fix, in one message: what is wrong, where, what to do."""


def nearest(name: object, names: Iterable[str]) -> str:
    """Return a hint: the known name nearest to `name`, or all known names."""
    known = list(names)
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(map(repr, known))}."


def refused(error: OSError) -> str:
    """Return what the system refused, and in which folder, as one sentence."""
    folder = Path(error.filename or ".").parent
    return f"{error.strerror or error} in the folder {folder}: check the path, and who may write there."
