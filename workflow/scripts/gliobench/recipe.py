"""The frame of every script: a log, an end with the workflow, and errors as sentences."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gliobench.errors import GlioBenchError
from gliobench.processes import die_with_parent

LOGGER = logging.getLogger("gliobench")


@contextmanager
def recipe(snakemake: Any) -> Iterator[None]:
    """
    Run a script's body: end with the workflow, log to the rule's log file, print a `GlioBenchError` as its sentence.

    What frameworks write to the standard error goes into the log too, so that the terminal shows what `say` says.

    Parameters
    ----------
    snakemake : object
        What Snakemake puts into every script.
    """
    die_with_parent()
    log = Path(snakemake.log[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8", buffering=1) as file:
        terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", buffering=1)
        os.dup2(file.fileno(), 2)
        sys.stderr = terminal
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
        LOGGER.addHandler(handler)
        LOGGER.setLevel(logging.INFO)
        try:
            yield
        except GlioBenchError as error:
            LOGGER.error("%s", error)
            sys.exit(f"\nGlioBench: {error}\n")
        except Exception:
            LOGGER.exception("unexpected error in rule %s", snakemake.rule)
            raise


def say(sentence: str) -> None:
    """Say how far long work has come: a line in the log and on the terminal."""
    LOGGER.info("%s", sentence)
    print(sentence, file=sys.stderr, flush=True)
