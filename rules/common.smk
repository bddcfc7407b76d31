# Functions only: the checked study, the grid of runs, and what the front door says.
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(str(workflow.current_basedir)).resolve().parent
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from gliobench.errors import GlioBenchError
from gliobench.processes import hold
from gliobench.reporting import contents
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
    names = [
        name for name, settings in STUDY.cohorts.items() if settings["kind"] == kind
    ]
    return "|".join(names) or "none of this study"


def approaches_of(toolchain):
    """A wildcard constraint that only approaches of that toolchain meet."""
    names = [
        name
        for name, settings in STUDY.approaches.items()
        if settings["toolchain"] == toolchain
    ]
    return "|".join(names) or "none of this study"


def run_files(cohort, name):
    """The file of that name of every run of a cohort."""
    cells = [cell for cell in CELLS if cell.cohort == cohort]
    return [f"{folder}/{name}" for cell in cells for folder in STUDY.run_folders(cell)]


def cell_of(wildcards):
    """The cell that a path's wildcards name."""
    return next(
        cell
        for cell in CELLS
        if all(getattr(cell, name) == getattr(wildcards, name) for name in vars(cell))
    )


def cell_files(wildcards, name):
    """The file of that name of every run of one cell."""
    return [f"{folder}/{name}" for folder in STUDY.run_folders(cell_of(wildcards))]


def cohort_folder(wildcards):
    """Where a cohort's DICOM lies: generated, or the config's path."""
    settings = cohort_settings(wildcards)
    return (
        f"{RESULTS}/{wildcards.cohort}/dicom"
        if settings["kind"] == "synthetic"
        else settings["path"]
    )


def generated(wildcards):
    """The generated folder as an input; the user's own data are read in place and may be absent from a dry run."""
    return (
        [cohort_folder(wildcards)]
        if cohort_settings(wildcards)["kind"] == "synthetic"
        else []
    )


def sites_table(wildcards):
    """The TSV of sites (and oracle probabilities of a generated cohort), or None."""
    settings = cohort_settings(wildcards)
    return (
        f"{cohort_folder(wildcards)}/truth.tsv"
        if settings["kind"] == "synthetic"
        else settings.get("sites")
    )


def input_module(wildcards):
    """The library file that makes the input an approach asks for."""
    return (
        f"gliobench/inputs/{STUDY.approaches[wildcards.approach]['input']['kind']}.py"
    )


def split_scheme(wildcards):
    return f"{RESULTS}/{wildcards.cohort}/splits/{STUDY.scheme_name(cell_of(wildcards))}.tsv"


def training_job(wildcards):
    """What one job trains, as plain data for the script and for Snakemake's record of parameters."""
    cell = cell_of(wildcards)
    return {
        "cell": vars(cell),
        "repeat": int(wildcards.repeat),
        "seed_index": int(wildcards.seed),
        "batch": int(wildcards.batch),
        "batches": STUDY.splits[STUDY.scheme_name(cell)].get("batches", 1),
        "seed": STUDY.cohorts[cell.cohort]["seed"],
        "phases": STUDY.phases(cell.approach),
        "parameters": STUDY.variant(cell.approach, cell.variant)["parameters"],
    }


def figure(stem, caption, **labels):
    """A figure as PNG for the report and as PDF for a paper."""
    about = {
        "caption": f"../workflow/report/{caption}.rst",
        "category": labels.pop("category"),
        "labels": labels,
    }
    png = report(f"{stem}.png", **about)
    return [png, f"{stem}.pdf"]


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
        print(
            f"\n{table.read_text(encoding='utf-8')}\nReport: {page.resolve()}",
            file=sys.stderr,
        )
