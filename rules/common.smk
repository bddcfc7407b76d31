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
from gliobench.study import ALL, LESION, MODALITIES, SEGMENTATION, Study

try:
    STUDY = Study(config, ROOT)
    CELLS = STUDY.cells
    SHOWN_CELLS = contents.shown_cells(STUDY)
    PAGE_FIGURES = contents.page_figures(STUDY)
except GlioBenchError as error:
    raise WorkflowError(f"GlioBench: {error}") from None

RESULTS = STUDY.results
COHORT = f"{RESULTS}/{{cohort}}"
TUNING = f"{COHORT}/tuning/{{approach}}/{{variant}}/{{modality}}/{{protocol}}"
RUN = f"{COHORT}/runs/{{approach}}/{{variant}}/{{modality}}/{{protocol}}/repeat-{{repeat}}/seed-{{seed}}/batch-{{batch}}"


wildcard_constraints:
    cohort="|".join(STUDY.cohorts),
    modality="|".join([*MODALITIES, ALL, SEGMENTATION, LESION]),
    repeat=r"\d+",
    seed=r"\d+",
    batch=r"\d+",


def project_file(path):
    """A file of the project as an input, wherever Snakemake was started."""
    return os.path.relpath(ROOT / path)


def cohort_settings(wildcards):
    return STUDY.cohorts[wildcards.cohort]


def generated_cohorts():
    """A wildcard constraint that only generated cohorts meet."""
    names = [name for name in STUDY.cohorts if STUDY.generated(name)]
    return "|".join(names) or "none of this study"


def approaches_of(toolchain):
    """A wildcard constraint that only approaches of that toolchain meet."""
    names = [
        name
        for name, settings in STUDY.approaches.items()
        if settings["toolchain"] == toolchain
    ]
    return "|".join(names) or "none of this study"


def files_of(cells, name):
    """The file of that name of every run of some cells."""
    return [f"{folder}/{name}" for cell in cells for folder in STUDY.run_folders(cell)]


def run_files(cohort, name):
    """The file of that name of every run of a cohort."""
    return files_of([cell for cell in CELLS if cell.cohort == cohort], name)


def cell_of(wildcards):
    """The cell that a path's wildcards name."""
    return next(
        cell
        for cell in CELLS
        if all(getattr(cell, name) == getattr(wildcards, name) for name in vars(cell))
    )


def cell_files(wildcards, name):
    """The file of that name of every run of one cell."""
    return files_of([cell_of(wildcards)], name)


def joint_files(wildcards, name):
    """The file of that name of every run that a figure of several cells shows."""
    return files_of(contents.cells_like(SHOWN_CELLS, wildcards), name)


def sweep_files(wildcards, name):
    """The file of that name of every run of a sweep."""
    return files_of(contents.sweep_cells(SHOWN_CELLS, wildcards), name)


def cohort_folder(wildcards):
    """Where a cohort's images lie: generated, or the config's path."""
    if STUDY.generated(wildcards.cohort):
        return f"{RESULTS}/{wildcards.cohort}/images"
    return cohort_settings(wildcards)["path"]


def generated(wildcards):
    """The generated folder as an input; the user's own data are read in place and may be absent from a dry run."""
    return [cohort_folder(wildcards)] if STUDY.generated(wildcards.cohort) else []


def sites_table(wildcards):
    """The TSV of sites (and oracle probabilities of a generated cohort), or None."""
    if STUDY.generated(wildcards.cohort):
        return f"{cohort_folder(wildcards)}/truth.tsv"
    return cohort_settings(wildcards).get("sites")


def input_module(wildcards):
    """The library file that makes the input an approach asks for."""
    kind = STUDY.input(wildcards.approach, wildcards.cohort)["kind"]
    return f"gliobench/inputs/{kind}.py"


def input_shards(cell, suffix):
    """The shards of a cell's inputs, series by series in the order of the channels."""
    folder = f"{RESULTS}/{cell.cohort}/inputs/{cell.approach}"
    return [
        path
        for series in STUDY.series(cell)
        for path in gather.shards(f"{folder}/{series}/{{scatteritem}}.{suffix}")
    ]


def lesion_shards(wildcards):
    """The lesions' masks on the grid of a cell's inputs, where a generated cohort knows them."""
    if STUDY.kinds[wildcards.cohort] != "synthetic":
        return []
    stem = f"{RESULTS}/{wildcards.cohort}/inputs/{wildcards.approach}/{LESION}"
    return gather.shards(f"{stem}/{{scatteritem}}.npy")


def first_run(wildcards, names):
    """Files of the first run of a cell."""
    folder = STUDY.run_folders(cell_of(wildcards))[0]
    return [f"{folder}/{name}" for name in names]


def tuned_parameters(wildcards):
    """The best trial, where a variant's hyperparameters are tuned."""
    tuned = STUDY.variant(wildcards.approach, wildcards.variant)["tuned"]
    return f"{TUNING}/best.json".format(**wildcards) if tuned else []


def weights_file(wildcards):
    """The file of initial weights, where the config names one."""
    weights = STUDY.variant(wildcards.approach, wildcards.variant)["weights"]
    return [] if weights in ("none", "imagenet") else weights


def split_scheme(wildcards):
    return f"{RESULTS}/{wildcards.cohort}/splits/{STUDY.scheme_name(cell_of(wildcards))}.tsv"


def training_job(wildcards):
    """What one job trains, as plain data for the script and for Snakemake's record of parameters."""
    cell = cell_of(wildcards)
    return STUDY.job(cell) | {
        "repeat": int(wildcards.repeat),
        "seed_index": int(wildcards.seed),
        "batch": int(wildcards.batch),
    }


def tuning_job(wildcards):
    """What a tuning searches on: the first repeat and seed of the cell."""
    return STUDY.job(cell_of(wildcards)) | {"repeat": 0, "seed_index": 0, "batch": 0}


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
