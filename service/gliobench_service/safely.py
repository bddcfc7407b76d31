"""Reports of errors, without what they were about: messages of libraries may quote an image's header."""

import logging
import sys
import traceback
import uuid
import warnings

from gliobench_service.tables import now


def quiet_libraries() -> None:
    """Keep the warnings of libraries that read images out of the log of this process: they quote headers."""
    warnings.simplefilter("ignore")
    for name in ("pydicom", "nibabel.global", "py.warnings"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def report_error(error: BaseException) -> str:
    """Print where an error was raised, and its type, to the standard error; return the number by which it is found."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    where = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames)
    return _print("error", f"{type(error).__name__} in {where}")


def report_refusal(status: int) -> str:
    """Print that a request was refused, in few bytes, since anybody may send many; return the number of the line."""
    return _print("refused", str(status))


def _print(what: str, words: str) -> str:
    number = uuid.uuid4().hex[:12]
    print(f"{now():%Y-%m-%d %H:%M:%S} {what} {number}: {words}", file=sys.stderr, flush=True)
    return number
