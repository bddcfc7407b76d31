# What the study will take, before it starts: its jobs, counted by a dry run, times what is timed of a few patients and
# of each network. All files are in a folder of their own, so nothing of the study is begun, except that the generated
# members of a union are written.
from collections import Counter

from gliobench.training.gpus import visible_gpus

ESTIMATE = f"{RESULTS}/estimate"
SAMPLES = f"{ESTIMATE}/images/{{cohort}}/{{environment}}"
SPEEDS = f"{ESTIMATE}/networks/{{approach}}"
TIMED_INPUTS = list(
    dict.fromkeys(
        (networks.first_of(STUDY, cell.cohort), STUDY.input_name(cell))
        for cell in CELLS
    )
)


def environment_of(cohort, name):
    """The conda environment in which an input of a cohort is made."""
    return environment(STUDY.named_input(name, cohort)["kind"])


# A cohort, and the conda environment of some of its inputs: each is timed by one job.
TIMED_SAMPLES = list(
    dict.fromkeys(
        (cohort, environment_of(cohort, name)) for cohort, name in TIMED_INPUTS
    )
)


def sample_file(cohort, environment_name):
    """The file of what is timed of a cohort's images in an environment."""
    return f"{SAMPLES}.json".format(cohort=cohort, environment=environment_name)


def sampled_cohort(wildcards):
    """What a sample of a cohort is drawn or read by."""
    settings, generates = cohort_settings(wildcards), STUDY.generated(wildcards.cohort)
    return {
        "kind": settings["kind"],
        "seed": settings["seed"],
        "generator": settings.get("generator"),
        "folder": None if generates else cohort_folder(wildcards),
        "sites": None if generates else sites_table(wildcards),
        "settings": belonging.of_reading(settings),
        "series": STUDY.cohort_series(wildcards.cohort),
        "features": STUDY.feature_sources(wildcards.cohort),
        "masks": [LESION] * (settings["kind"] == "synthetic"),
        "decoded": STUDY.decoded,
        "stands_in": networks.stand_in(STUDY, wildcards.cohort),
    }


def files_of_patients(wildcards):
    """What tells who the patients are, as far as it is here: the user's tables, and the generated members of a union."""
    united = STUDY.members(wildcards.cohort) != [wildcards.cohort]
    return own_tables(wildcards) + (generated_folders(wildcards) if united else [])


def timed_on(wildcards):
    """The GPUs of this machine, if the networks of an approach can use them and are timed here."""
    here = workflow.is_main_process and workflow.local_exec
    return visible_gpus() if here and gpus_of(wildcards) else None


def number_of_files(wildcards):
    """How many files and folders a user's cohort has two levels deep, so that data that arrive are noticed."""
    members = [STUDY.cohorts[name] for name in STUDY.members(wildcards.cohort)]
    return [
        len(list(Path(each["path"]).glob("*/*"))) for each in members if "path" in each
    ]


def sampled_inputs(wildcards):
    """The inputs of a cohort that are made in an environment."""
    names = [
        name
        for cohort, name in TIMED_INPUTS
        if cohort == wildcards.cohort
        and environment_of(cohort, name) == wildcards.environment
    ]
    return {
        name: {
            "settings": STUDY.named_input(name, wildcards.cohort),
            "series": STUDY.made_series(name, wildcards.cohort),
            "fitted": wildcards.cohort in STUDY.field_cohorts(name),
            "features": STUDY.reads_tables(STUDY.input_owners[name][0]),
        }
        for name in names
    }


def timed_networks(wildcards):
    """The networks of an approach that differ in speed, each with the sample that its input is in."""
    return [
        network
        | {
            "sample": sample_file(
                network["cohort"],
                environment_of(network["cohort"], network["input_name"]),
            ),
            "kind": STUDY.named_input(network["input_name"], network["cohort"])["kind"],
        }
        for network in networks.networks(STUDY, wildcards.approach)
    ]


def samples_of(wildcards):
    """The samples that the networks of an approach are timed on."""
    return list(
        dict.fromkeys(network["sample"] for network in timed_networks(wildcards))
    )


def given_capacity():
    """What the command gives the study: cores here, or jobs at once on a cluster; GPUs; and memory."""
    gpus = workflow.global_resources.get("gpu").value
    return {
        "cores": workflow.nodes or workflow.cores or 1,
        "gpus": gpus or len(visible_gpus()) or 1,
        "memory": memory_to_share(),
    }


def counted_cells(wildcards):
    """The cells of the study, each with the memory that its trainings are counted with."""
    counted = zip(networks.counted_cells(STUDY), STUDY.cells, strict=True)
    return [each | {"memory_mb": memory_of(cell)} for each, cell in counted]


rule count_jobs:
    """The jobs of the whole study, from a dry run."""
    output:
        f"{ESTIMATE}/jobs.tsv",
    log:
        f"{ESTIMATE}/logs/count_jobs.log",
    localrule: True
    params:
        owners={name: owner for name, (owner, _) in STUDY.input_owners.items()},
        config=config,
        shards=len(gather.shards("{scatteritem}")),
        library=library_digest("count_jobs.py"),
    script:
        "../workflow/scripts/count_jobs.py"


rule time_images:
    """Generate or read, audit and preprocess a few patients of a cohort."""
    input:
        files_of_patients,
    output:
        f"{SAMPLES}.json",
    log:
        f"{ESTIMATE}/logs/images/{{cohort}}/{{environment}}.log",
    wildcard_constraints:
        environment="imaging|radiomics",
    priority: PREPARED_FIRST
    conda:
        lambda wildcards: f"../envs/{wildcards.environment}.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(30),
    params:
        cohort=sampled_cohort,
        inputs=sampled_inputs,
        files=number_of_files,
        library=library_digest(
            "time_images.py",
            *(f"gliobench/inputs/{name}.py" for name in ("grid", "slices", "volume")),
        ),
    script:
        "../workflow/scripts/time_images.py"


rule time_tensorflow:
    """Time a few steps, and predictions, of each network of an approach."""
    input:
        samples=samples_of,
    output:
        f"{SPEEDS}.tsv",
    log:
        f"{ESTIMATE}/logs/networks/{{approach}}.log",
    wildcard_constraints:
        approach=approaches_of("tensorflow"),
    conda:
        "../envs/tensorflow.yaml"
    threads: 1
    resources:
        mem_mb=memory(
            lambda wildcards: max(
                memory_of(cell)
                for cell in CELLS
                if cell.approach == wildcards.approach
            )
        ),
        runtime=growing(60),
        gpu=gpus_of,
        gpu_mb=whole_gpu,
    params:
        samples=samples_of,
        networks=timed_networks,
        toolchain=lambda wildcards: STUDY.toolchain(wildcards.approach),
        machine=STUDY.machine,
        gpus=timed_on,
        library=lambda wildcards: library_digest(
            "time_networks.py", f"gliobench/approaches/{wildcards.approach}.py"
        ),
    script:
        "../workflow/scripts/time_networks.py"


use rule time_tensorflow as time_torch with:
    wildcard_constraints:
        approach=approaches_of("torch"),
    conda:
        "../envs/torch.yaml"


use rule time_tensorflow as time_sklearn with:
    wildcard_constraints:
        approach=approaches_of("sklearn"),
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=growing(30),


rule time_tables:
    """Time a scored cell, a compared pair, and a figure."""
    input:
        [sample_file(*pair) for pair in TIMED_SAMPLES],
    output:
        f"{ESTIMATE}/tables.json",
    log:
        f"{ESTIMATE}/logs/tables.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        repeats=max(
            STUDY.splits[STUDY.scheme_name(cell)].get("repeats", 1) for cell in CELLS
        ),
        resamples=STUDY.bootstrap,
        library=library_digest("time_tables.py"),
    script:
        "../workflow/scripts/time_tables.py"


rule estimate:
    """What the study will take: jobs, hours, memory, disk and bytes read, in all and by approach."""
    input:
        jobs=f"{ESTIMATE}/jobs.tsv",
        samples=[sample_file(*pair) for pair in TIMED_SAMPLES],
        speeds=expand(f"{SPEEDS}.tsv", approach=list(STUDY.approaches)),
        tables=f"{ESTIMATE}/tables.json",
    output:
        table=f"{RESULTS}/tables/estimate.tsv",
        text=f"{RESULTS}/tables/estimate.txt",
    log:
        f"{ESTIMATE}/logs/estimate.log",
    localrule: True  # a job on a node does not know how many jobs may run at once
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        samples=TIMED_SAMPLES,
        approaches=list(STUDY.approaches),
        cells=counted_cells,
        cohorts={cohort: networks.first_of(STUDY, cohort) for cohort in SCORED_COHORTS},
        inputs=[
            list(each)
            for each in dict.fromkeys(
                (cell.cohort, STUDY.input_name(cell), cell.approach) for cell in CELLS
            )
        ],
        figures=dict(Counter(shown["approach"] for shown in PAGE_FIGURES)),
        capacity=lambda wildcards: given_capacity(),
        seed=STUDY.seed,
        library=library_digest("estimate.py"),
    script:
        "../workflow/scripts/estimate.py"
