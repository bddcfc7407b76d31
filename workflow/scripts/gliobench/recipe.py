"""The frame of every script: a log, an end with the workflow, and readable errors."""

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from gliobench.arithmetic import pin
from gliobench.caches import keep_caches
from gliobench.errors import GlioBenchError
from gliobench.moved import table_digest
from gliobench.processes import SHOWN, die_with_parent, end_on_interrupt

LOGGER = logging.getLogger("gliobench")
FULL = 2**20  # bytes free, below which a disk counts as full


@contextmanager
def recipe(snakemake: Any) -> Iterator[None]:
    """
    Run a script: end with the workflow, log to the rule's log file, print the message of a `GlioBenchError`.

    Ctrl-C ends it without a traceback. Unless the study says otherwise, libraries compute the same on all processors
    (see `gliobench.arithmetic`). Libraries keep their caches in the results. What frameworks write to the
    standard error goes into the log too. The process that starts the jobs shows their messages, from their logs
    (see `gliobench.progress`); under another logger of Snakemake the jobs print them.

    Parameters
    ----------
    snakemake : object
        The object that Snakemake provides in every script.
    """
    die_with_parent()
    end_on_interrupt()
    if snakemake.config.get("portable", True):
        pin()
    keep_caches()
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8", buffering=1) as file:
        terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", buffering=1)
        os.dup2(file.fileno(), 2)
        sys.stderr = terminal
        log_to(file)
        try:
            yield
            take_notes(snakemake)
        except GlioBenchError as error:
            LOGGER.error("%s", error)
            sys.exit(1 if SHOWN in os.environ else f"\nGlioBench: {error}\n")
        except Exception as error:
            if disk_is_full(log.parent):  # the log cannot be written either
                sys.exit(f"\nGlioBench: {full_disk_sentence(log.parent)}\n")
            LOGGER.exception("unexpected error in rule %s: %s: %s", snakemake.rule, type(error).__name__, error)
            if SHOWN in os.environ:
                sys.exit(1)
            raise


def log_to(file: IO[str]) -> None:
    """Write what is logged from now on to a file, with its time."""
    handler = logging.StreamHandler(file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)


def take_notes(snakemake: Any) -> None:
    """
    Record the settings and data that results were made from.

    ``made_with`` of a rule is a text for each path of a note, ``made_from`` the tables of a cohort with that text as
    digest.
    """
    tables = snakemake.params.get("made_from", {})
    made_from = {path: table_digest(read) for path, read in tables.items()}
    for path, text in (snakemake.params.get("made_with", {}) | made_from).items():
        note = Path(path)
        if not note.is_file() or note.read_text(encoding="utf-8") != text:
            from gliobench.files import write_text  # pandas is slow to import

            write_text(text, note)


def disk_is_full(folder: Path) -> bool:
    """Whether the disk of a folder is full; the resulting failure may not be an `OSError`."""
    return shutil.disk_usage(folder).free < FULL


def full_disk_sentence(folder: Path) -> str:
    """Say what to do about a full disk."""
    return f"the disk that holds {folder.resolve()} is full; make room and run the same command to resume the study."


def say(sentence: str) -> None:
    """Report the progress of long work: a line in the log, and on the terminal if nothing else shows it there."""
    LOGGER.info("%s", sentence)
    if SHOWN not in os.environ:
        print(sentence, file=sys.stderr, flush=True)
