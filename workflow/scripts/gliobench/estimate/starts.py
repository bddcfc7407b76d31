"""How long a job takes to start: Python, and what its script imports."""

import os
import subprocess
import sys
import time

TRIES = 2
SCRIPT = "snakemake.script"  # which Snakemake imports in front of every script
IMAGES = ("gliobench.cohorts.audit", "gliobench.inputs.make")
FOR_TABLES = ("gliobench.evaluation.cohort", "gliobench.figures.overview", "gliobench.reporting.tables")
TRAINING = ("gliobench.training.job",)


def start_seconds(*modules: str, then: str = "") -> float:
    """
    Start Python with some modules; their files are at hand, as for most jobs, if this process has loaded them.

    Parameters
    ----------
    *modules : str
        Full names.
    then : str, optional
        A statement to run after that.

    Returns
    -------
    float
        Seconds from start to end, the least of some tries.
    """
    named = [*(each for each in (SCRIPT,) if each in sys.modules), *modules]
    code = "\n".join([*(f"import {name}" for name in named), then])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    seconds = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        seconds.append(time.perf_counter() - begun)
    return min(seconds)
