rule preprocess:
    """Make the input of an approach from the series of one modality, a shard of patients at a time."""
    input:
        generated,
        patients=f"{COHORT}/patients.tsv",
        series=f"{COHORT}/series.tsv",
    output:
        array=f"{COHORT}/inputs/{{approach}}/{{modality}}/{{scatteritem}}.npy",
        index=f"{COHORT}/inputs/{{approach}}/{{modality}}/{{scatteritem}}.tsv",
    log:
        f"{COHORT}/logs/preprocess/{{approach}}/{{modality}}/{{scatteritem}}.log",
    benchmark:
        f"{COHORT}/benchmarks/preprocess/{{approach}}/{{modality}}/{{scatteritem}}.tsv"
    priority: PREPARED_FIRST
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        folder=cohort_folder,
        paths=named_paths,
        kind=lookup(dpath="{cohort}/kind", within=STUDY.cohorts),
        input=lambda wildcards: STUDY.input(wildcards.approach, wildcards.cohort),
        library=lambda wildcards: library_digest(
            "preprocess.py", input_module(wildcards)
        ),
    script:
        "../workflow/scripts/preprocess.py"
