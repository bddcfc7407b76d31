INPUT = "{cohort}/inputs/{approach}/{modality}/{scatteritem}"  # below the results


rule choose_field:
    """How large the field of view of an approach's grid is, so that the brains of all its cohorts fit."""
    input:
        lambda wildcards: [
            as_audited(
                f"{RESULTS}/{cohort}/series.tsv",
                f"fields/{wildcards.approach}",
                cohort,
            )
            for cohort in STUDY.field_cohorts(wildcards.approach)
        ],
    output:
        field=f"{RESULTS}/fields/{{approach}}.json",
    log:
        f"{RESULTS}/logs/fields/{{approach}}.log",
    priority: PREPARED_FIRST
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        cohorts=lambda wildcards: STUDY.field_cohorts(wildcards.approach),
        input=lambda wildcards: STUDY.input(
            wildcards.approach, STUDY.field_cohorts(wildcards.approach)[0]
        ),
        made_from=lambda wildcards: {
            content_note(f"fields/{wildcards.approach}", cohort): cohort_tables(cohort)
            for cohort in STUDY.field_cohorts(wildcards.approach)
        },
        library=library_digest("choose_field.py"),
    script:
        "../workflow/scripts/choose_field.py"


rule preprocess:
    """Make the input of an approach from the series of one modality, a shard of patients at a time."""
    input:
        generated,
        patients=audited("patients", INPUT),
        series=audited("series", INPUT),
        field=field_of_view,
    output:
        array=f"{RESULTS}/{INPUT}.npy",
        index=f"{RESULTS}/{INPUT}.tsv",
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
        # Where the files lie is no setting: a parameter made of an input does not count as one.
        folder=lambda wildcards, input: cohort_folder(wildcards),
        kind=lookup(dpath="{cohort}/kind", within=STUDY.cohorts),
        input=lambda wildcards: STUDY.input(wildcards.approach, wildcards.cohort),
        made_with=made_input,
        made_from=made_from(INPUT),
        library=lambda wildcards: library_digest(
            "preprocess.py", input_module(wildcards)
        ),
    script:
        "../workflow/scripts/preprocess.py"
