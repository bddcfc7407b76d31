"""The jobs of a study, from a dry run by the command that asked for the estimate."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.estimate import COMMAND, PLANNED, TARGET
from gliobench.files import check_table


def dry_run_of(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of Snakemake that plan the whole study, whatever of it exists, instead of the estimate."""
    from snakemake.cli import get_argument_parser  # slow to import

    # The same word can also be the value of an option, such as a profile.
    marked = [f"{argument}:{place}" if argument == TARGET else argument for place, argument in enumerate(arguments)]
    targets = get_argument_parser().parse_args(marked).targets
    others = [argument for argument, mark in zip(arguments, marked, strict=True) if mark not in targets]
    return ["--dry-run", "--forceall", *others]


def count_jobs(owners: Mapping[str, str]) -> pd.DataFrame:
    """
    Return the table ``jobs`` of the study.

    Parameters
    ----------
    owners : mapping of str to str
        The approach of each input.

    Raises
    ------
    GlioBenchError
        The study cannot be planned; the message is Snakemake's.
    """
    arguments = dry_run_of(json.loads(os.environ[COMMAND]))
    with TemporaryDirectory() as folder:
        path = Path(folder, "plan.tsv")
        command = [sys.executable, "-m", "snakemake", *arguments]
        environment = {name: value for name, value in os.environ.items() if name != COMMAND} | {PLANNED: str(path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not path.is_file():
            raise GlioBenchError(f"the study cannot be planned:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        jobs = pd.read_csv(path, sep="\t", keep_default_na=False)
    named = jobs.assign(approach=jobs["approach"].map(lambda name: owners.get(name, name))).replace("", None)
    return check_table(named, "jobs", "the plan")
