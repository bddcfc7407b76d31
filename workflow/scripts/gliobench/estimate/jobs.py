"""The jobs of a study, from a dry run by the command that asked for the estimate."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.estimate import COMMAND, PLANNED, TARGET
from gliobench.files import check_table


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
    arguments = ["--dry-run", "--forceall", *json.loads(os.environ[COMMAND])]  # whatever of the study exists
    with TemporaryDirectory() as folder:
        path = Path(folder, "plan.tsv")
        command = [sys.executable, "-m", "snakemake", *arguments]
        environment = {name: value for name, value in os.environ.items() if name != COMMAND} | {PLANNED: str(path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not path.is_file():
            raise GlioBenchError(f"the study cannot be planned:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        jobs = pd.read_csv(path, sep="\t", keep_default_na=False)
    jobs = jobs[jobs["stage"] != TARGET]  # jobs of the estimate, if its options name one
    named = jobs.assign(approach=jobs["approach"].map(lambda name: owners.get(name, name))).replace("", None)
    return check_table(named, "jobs", "the plan")
