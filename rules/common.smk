# Functions only: the checked study, the grid of runs, and what the front door says.
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(str(workflow.current_basedir)).resolve().parent
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from gliobench.errors import GlioBenchError
from gliobench.processes import hold
from gliobench.sources import library_files
from gliobench.study import MODALITIES, Study

try:
    STUDY = Study(config, ROOT)
    CELLS = STUDY.cells
except GlioBenchError as error:
    raise WorkflowError(f"GlioBench: {error}") from None

RESULTS = STUDY.results
COHORT = f"{RESULTS}/{{cohort}}"
RUN = f"{COHORT}/runs/{{approach}}/{{variant}}/{{modality}}/{{protocol}}/repeat-{{repeat}}/seed-{{seed}}/batch-{{batch}}"


wildcard_constraints:
    cohort="|".join(STUDY.cohorts),
    modality="|".join(MODALITIES),
    repeat=r"\d+",
    seed=r"\d+",
    batch=r"\d+",


def project_file(path):
    """A file of the project as an input, wherever Snakemake was started."""
    return os.path.relpath(ROOT / path)


def cohort_settings(wildcards):
    return STUDY.cohorts[wildcards.cohort]


def cohorts_of_kind(kind):
    """A wildcard constraint that only cohorts of that kind meet."""
    names = [name for name, settings in STUDY.cohorts.items() if settings["kind"] == kind]
    return "|".join(names) or "none of this study"


def approaches_of(toolchain):
    """A wildcard constraint that only approaches of that toolchain meet."""
    names = [name for name, settings in STUDY.approaches.items() if settings["toolchain"] == toolchain]
    return "|".join(names) or "none of this study"


def run_files(cohort, name):
    """The file of that name of every run of a cohort."""
    cells = [cell for cell in CELLS if cell.cohort == cohort]
    return [f"{folder}/{name}" for cell in cells for folder in STUDY.run_folders(cell)]


def cell_of(wildcards):
    """The cell that a path's wildcards name."""
    return next(cell for cell in CELLS if all(getattr(cell, name) == getattr(wildcards, name) for name in vars(cell)))


def cell_files(wildcards, name):
    """The file of that name of every run of one cell."""
    return [f"{folder}/{name}" for folder in STUDY.run_folders(cell_of(wildcards))]


def hold_study(results):
    """Let no second Snakemake work on the same results."""
    try:
        hold(f"{results}/.lock")
    except GlioBenchError as error:
        raise WorkflowError(f"GlioBench: {error}") from None


def show_result(results):
    """Print the table that people came for, once it is there."""
    table = Path(results) / "tables" / "comparison.txt"
    page = Path(results) / "report" / "index.html"
    if table.is_file() and page.is_file():
        print(f"\n{table.read_text(encoding='utf-8')}\nReport: {page.resolve()}", file=sys.stderr)
