# No rules here: the checked study, the grid of runs, and what a job of a cohort, an input or a training needs.
import json
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

ROOT = Path(str(workflow.current_basedir)).resolve().parent
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from gliobench import backends, belonging, moved, paths, plan, snapshot
from gliobench.caches import keep_caches
from gliobench.cohorts import DECODED_KIND, FEATURES_KIND, layout_module
from gliobench.cohorts.names import LABEL_TABLES, feature_tables, site_tables
from gliobench.errors import GlioBenchError, refused
from gliobench.estimate import BACKEND, COMMAND, TARGET, networks
from gliobench.predict.request import take_request
from gliobench.processes import lead_jobs
from gliobench.settings.files import as_in_a_file, read_config
from gliobench.settings.inputs import environment
from gliobench.sources import library_digest
from gliobench.study import Study, kind_of_labels
from gliobench.terms import (
    ALL,
    GENERATED,
    LESION,
    MODALITIES,
    BASELINE,
    PERMUTATIONS,
    SEGMENTATION,
    SPIKED,
    VISIBLE,
    WITHIN_SITE,
    parent_cohort,
    visible_cohort,
)


def check_subgroups():
    """Check tables of subgroups, which only the scores read, before anything is trained; a plan needs no data."""
    planned = ESTIMATED or workflow.output_settings.dryrun
    for settings in STUDY.cohorts.values():
        table = (settings.get("subgroups") or {}).get("table")
        if table and (os.path.isfile(table) or not planned):
            from gliobench.cohorts.subgroups import read_rows_of

            read_rows_of(settings["subgroups"])


try:
    for path in workflow.configfiles:
        # Snakemake has read them; duplicate keys, which it drops, are rejected here.
        read_config(Path(path), os.path.relpath(path))
    update_config(config, as_in_a_file(workflow.config_settings.config))
    REQUEST = take_request(config)
    STUDY = Study(config, ROOT)
    STUDY.backend = os.environ.get(BACKEND) or backends.resolve(STUDY, from_scratch())
    CELLS = STUDY.cells
    if is_target(snapshot.TARGET) and snapshot.FOLDER not in os.environ:
        os.environ[snapshot.FOLDER] = snapshot.take_snapshot(STUDY)
        os.environ[snapshot.STARTED] = os.getcwd()
    # The folder of a snapshot, for a partial report.
    PARTIAL = os.environ.get(snapshot.FOLDER)
    if is_target(TARGET):
        os.environ[COMMAND] = json.dumps(command_without(TARGET))
        os.environ[BACKEND] = STUDY.backend
    # Whether only what the study will take is asked for; jobs are told in the same way.
    ESTIMATED = COMMAND in os.environ
    if PARTIAL:
        snapshot.look_at(STUDY, PARTIAL)
    elif workflow.is_main_process and not REQUEST:
        backends.check_variable(STUDY)
        check_subgroups()
        if not (ESTIMATED or something_forced()):
            belonging.check_belonging(STUDY)
    SHOWN_CELLS = plan.shown_cells(STUDY)
    PAGE_FIGURES = plan.page_figures(STUDY)
except GlioBenchError as error:
    raise WorkflowError(f"GlioBench: {error}") from None
except OSError as error:
    raise WorkflowError(f"GlioBench: {refused(error)}") from None

lead_jobs()

if PARTIAL:  # with Snakemake's state in its own folder, while the study may run
    keep_caches(f"{PARTIAL}/.cache")

    workdir: PARTIAL


RESULTS = STUDY.results
COHORT = f"{RESULTS}/{{cohort}}"
TUNING = f"{RESULTS}/{paths.TUNING}"
RUN_FOLDER = f"{RESULTS}/{paths.RUN_FOLDER}"
IMAGENET = f"{RESULTS}/.weights/{{approach}}.json"
LOGS = f"{COHORT}/logs"


def number_of_shards():
    """Number of jobs that share a cohort's patients: fixed when the study starts, until --forceall; jobs are told it."""
    asked = len(gather.shards("{scatteritem}"))
    if not workflow.is_main_process or from_scratch():
        return asked
    return belonging.noted(STUDY, "shards") or asked


N_SHARDS = number_of_shards()
# Snakemake passes it to jobs on other machines, though not --forceall.
workflow.resource_settings.overwrite_scatter = {"shards": N_SHARDS}
SHARDS = [f"{number}-of-{N_SHARDS}" for number in range(1, N_SHARDS + 1)]
SHARDS_NOTE = {f"{RESULTS}/{belonging.NOTES}/shards.json": str(N_SHARDS)}


wildcard_constraints:
    shard=r"\d+-of-\d+",
    cohort="|".join(STUDY.cohorts),
    input_name="|".join(STUDY.input_names),
    modality="|".join([*MODALITIES, ALL, SEGMENTATION, LESION, *STUDY.all_features]),
    repeat=r"\d+",
    seed=r"\d+",
    batch=r"\d+",


def project_file(path):
    """A file of the project as an input, wherever Snakemake was started."""
    return str(ROOT / path) if PARTIAL else os.path.relpath(ROOT / path)


# Ready jobs start in this order: what the first table needs, then inputs, then long trainings; short ones fill the gaps
# between the last long ones.
FOR_FIRST_TABLE, PREPARED_FIRST, LONG_ONES_EARLY = 3, 2, 1
GPUS = 0 if STUDY.device == "cpu" else 1  # requested by a training


def share_of_inputs(wildcards):
    """Share of an approach's inputs that a training reads: those of its series."""
    cell = cell_of(wildcards)
    return len(STUDY.series(cell)) / len(
        STUDY.made_series(STUDY.input_name(cell), cell.cohort)
    )


def growing(first, per_input=0, share=lambda wildcards: 1):
    """A resource that doubles with every attempt: `first`, of the job, plus an amount per MB of a share of the input."""

    def amount(wildcards, input, attempt):
        sized = per_input * share(wildcards) * input.size_mb if per_input else 0
        alone = first(wildcards) if callable(first) else first
        return round((alone + sized) * 2 ** (attempt - 1))

    return amount


def first_for_baselines(wildcards):
    """The priority of an input: those of the baselines are needed for the first table."""
    return FOR_FIRST_TABLE if wildcards.input_name == BASELINE else PREPARED_FIRST


def cohort_settings(wildcards):
    return STUDY.cohorts[wildcards.cohort]


def generated_cohorts():
    """A wildcard constraint that only generated cohorts meet."""
    names = [name for name in STUDY.cohorts if STUDY.generated(name)]
    return "|".join(names) or "none of this study"


def approaches_of(toolchain):
    """A wildcard constraint that only approaches of that toolchain meet."""
    names = [name for name in STUDY.approaches if STUDY.toolchain(name) == toolchain]
    return "|".join(names) or "none of this study"


def copied_cohorts():
    """A wildcard constraint that the copies of cohorts with other labels meet."""
    copies = rf"(?:{PERMUTATIONS}|{WITHIN_SITE}|{SPIKED}-0\.\d+)/\d+(?:-\d+)?|{VISIBLE}-[\w-]+"
    return rf"(?:{'|'.join(STUDY.cohorts)})/(?:{copies})"


def trained_cohorts():
    """A wildcard constraint that cohorts and their copies with other labels meet."""
    return "|".join([*STUDY.cohorts, copied_cohorts()])


def cell_of(wildcards):
    """The cell named by a path's wildcards, possibly on a copy of its cohort."""
    cohort = parent_cohort(wildcards.cohort)
    return plan.cells_like(CELLS, {**dict(wildcards.items()), "cohort": cohort})[0]


def generator_module(wildcards):
    """The library file that generates a cohort of its kind."""
    kind = cohort_settings(wildcards)["kind"]
    return f"gliobench/cohorts/{kind.replace('-', '_')}.py"


def layout_modules(wildcards):
    """The library files that know where the images of a cohort, or of the members of a union, lie."""
    cohorts = [wildcards.cohort, *STUDY.members(wildcards.cohort)]
    names = sorted({layout_module(STUDY.cohorts[each]["kind"]) for each in cohorts})
    return [f"gliobench/cohorts/{name}.py" for name in names]


def decoding_modules(wildcards):
    """The same, where a cohort's jobs decode its own images; those that the audit keeps have one layout."""
    return [] if STUDY.decoded else layout_modules(wildcards)


def folder_of(cohort):
    """The location of a single cohort's images: generated, or the config's path; for kind table, the table that names them."""
    if STUDY.generated(cohort):
        return f"{RESULTS}/{cohort}/images"
    settings = STUDY.cohorts[cohort]
    return settings["table"] if settings["kind"] == "table" else settings["path"]


def sites_of(cohort):
    """The TSV of sites (and oracle probabilities of a generated cohort), a column of another table, or None."""
    if STUDY.generated(cohort):
        return f"{folder_of(cohort)}/truth.tsv"
    sites = STUDY.cohorts[cohort].get("sites")
    return (
        sites | {"folder": STUDY.folder(cohort)} if isinstance(sites, dict) else sites
    )


def cohort_folder(wildcards):
    """The location of a cohort's images; of a union, what the readers of its members take."""
    members = STUDY.members(wildcards.cohort)
    if members == [wildcards.cohort]:
        return folder_of(wildcards.cohort)
    return {
        name: {
            "folder": folder_of(name),
            "sites": sites_of(name),
            "settings": STUDY.cohorts[name],
        }
        for name in members
    }


def sites_table(wildcards):
    """Where the sites of a cohort are; those of a union are its members."""
    union = "members" in cohort_settings(wildcards)
    return None if union else sites_of(wildcards.cohort)


def named_paths_digest(wildcards):
    """The paths in a user's table, so that changes are noticed; in other layouts file names are fixed."""
    series = STUDY.cohort_series(wildcards.cohort)
    tables = [
        STUDY.cohorts[name]["table"]
        for name in STUDY.members(wildcards.cohort)
        if "table" in STUDY.cohorts[name]
    ]
    digests = [moved.paths_digest(table, series) for table in tables]
    return digests[0] if len(digests) == 1 else digests or None


def generated_folders(wildcards):
    """The generated folders as inputs; the user's own data are read in place and may be absent from a dry run."""
    members = STUDY.members(wildcards.cohort)
    return [folder_of(name) for name in members if STUDY.generated(name)]


def own_tables(wildcards):
    """The user's tables of labels, sites and features as inputs, so that edits are noticed; missing ones give a message."""
    tables = feature_tables(STUDY.feature_sources(wildcards.cohort))
    for name in STUDY.members(wildcards.cohort):
        settings, sites = STUDY.cohorts[name], sites_of(name)
        tables += [settings["table"]] if "table" in settings else []
        labels = settings.get("labels", LABEL_TABLES.get(settings["kind"]))
        tables += [f"{settings['path']}/{labels}"] if labels else []
        if sites and not STUDY.generated(name):
            tables += site_tables(sites)
    return [path for path in dict.fromkeys(tables) if Path(path).is_file()]


def input_module(wildcards):
    """The library file that makes an input."""
    kind = STUDY.named_input(wildcards.input_name, wildcards.cohort)["kind"]
    return f"gliobench/inputs/{kind}.py"


def input_environment(wildcards):
    """The conda environment that makes an input."""
    kind = STUDY.named_input(wildcards.input_name, wildcards.cohort)["kind"]
    return f"../envs/{environment(kind)}.yaml"


def input_name(wildcards):
    """The name of the input of a path, or of the input that a cell reads."""
    named = getattr(wildcards, "input_name", None)
    return named or STUDY.input_name(cell_of(wildcards))


def field_of_view(wildcards):
    """The field of view of a grid around the brain, chosen from the brains of the study."""
    name, cohort = input_name(wildcards), parent_cohort(wildcards.cohort)
    chosen = cohort in STUDY.field_cohorts(name)
    return f"{RESULTS}/{paths.FIELD}".format(input_name=name) if chosen else []


def shards(pattern):
    """A path for every shard of a cohort's patients; `pattern` has the wildcard `shard`, and may have others."""
    return [pattern.replace("{shard}", shard) for shard in SHARDS]


def shards_of_input(cohort, name, suffix):
    """The shards of a cohort's input."""
    pattern = f"{RESULTS}/{paths.INPUT}.{suffix}"
    names = {"cohort": parent_cohort(cohort), "input_name": name}
    return [pattern.format(**names, shard=shard) for shard in SHARDS]


def input_shards(suffix):
    """An input function for the shards of an input."""
    return lambda wildcards: shards_of_input(
        wildcards.cohort, input_name(wildcards), suffix
    )


def visible_settings(wildcards):
    """The settings of a cohort's visible labels, by name."""
    return cohort_settings(wildcards)[VISIBLE]


def regions_tables(wildcards):
    """The measured regions of a cohort, for a label from the segmentation."""
    wanted = visible_settings(wildcards)[wildcards.label]["source"] == SEGMENTATION
    return expand(shards(f"{RESULTS}/{paths.REGIONS}"), **wildcards) if wanted else []


def input_series(wildcards):
    """The series of an input, plus generated lesions if a figure needs them."""
    name, cohort = input_name(wildcards), wildcards.cohort
    approach, _ = STUDY.input_owners[name]
    explained = "gradcam" in plan.figure_names(STUDY, approach)
    lesions = explained and STUDY.kinds[cohort] == "synthetic"
    return STUDY.made_series(name, cohort) + [LESION] * lesions


def feature_sources(wildcards, input):
    """What is read of each group of features of a cohort, with its location, which is not a setting."""
    return STUDY.feature_sources(parent_cohort(wildcards.cohort))


def images_of(wildcards, input):
    """The folder and layout of a cohort's images, or its tables of features."""
    approach, _ = STUDY.input_owners[wildcards.input_name]
    if STUDY.reads_tables(approach):
        return [STUDY.feature_sources(wildcards.cohort), FEATURES_KIND]
    if STUDY.decoded:
        return [input.decoded, DECODED_KIND]
    return [cohort_folder(wildcards), cohort_settings(wildcards)["kind"]]


def tuning_environment(wildcards):
    """The conda environment of a tuning: one of the two with Optuna, TensorFlow's only for what trains on it."""
    on_tensorflow = STUDY.toolchain(wildcards.approach) == backends.TENSORFLOW
    return f"../envs/{'tensorflow' if on_tensorflow else 'torch'}.yaml"


def tuned_parameters(wildcards):
    """The best trial, if a variant's hyperparameters are tuned."""
    tuned = STUDY.approaches[wildcards.approach].tuned(wildcards.variant)
    return f"{TUNING}/best.json".format(**wildcards) if tuned else []


def weights_file(wildcards):
    """The file of initial weights, if the config names one; of ImageNet's, the note that they have been fetched."""
    weights = STUDY.approaches[wildcards.approach].weights(wildcards.variant)
    if weights == "imagenet":  # fetched again, they are the same
        return ancient(IMAGENET.format(approach=wildcards.approach))
    return [] if weights == "none" else weights


def split_table(wildcards):
    """The table of the split that a cell is trained on."""
    split = paths.SPLIT.format(
        cohort=wildcards.cohort, scheme=STUDY.scheme_name(cell_of(wildcards))
    )
    return f"{RESULTS}/{split}.tsv"


def training_job(wildcards):
    """What one job trains, as plain data for the script and for Snakemake's record of parameters."""
    cell = cell_of(wildcards)
    return STUDY.job(cell, wildcards.cohort) | {
        "repeat": int(wildcards.repeat),
        "seed_index": int(wildcards.seed),
        "batch": int(wildcards.batch),
    }


def tuning_job(wildcards):
    """The training settings of a tuning: the first repeat and seed of the cell."""
    return STUDY.job(cell_of(wildcards)) | {"repeat": 0, "seed_index": 0, "batch": 0}
