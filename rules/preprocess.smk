rule choose_field:
    """The field of view of a grid around the brain, so that the brains of all its cohorts fit."""
    input:
        lambda wildcards: [
            as_audited(
                f"{RESULTS}/{cohort}/series.tsv",
                f"fields/{wildcards.input_name}",
                cohort,
            )
            for cohort in STUDY.field_cohorts(wildcards.input_name)
        ],
    output:
        field=f"{RESULTS}/{paths.FIELD}",
    log:
        f"{RESULTS}/logs/fields/{{input_name}}.log",
    priority: PREPARED_FIRST
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        inputs=lambda wildcards: {
            cohort: STUDY.named_input(wildcards.input_name, cohort)
            for cohort in STUDY.field_cohorts(wildcards.input_name)
        },
        made_from=lambda wildcards: {
            content_note(f"fields/{wildcards.input_name}", cohort): cohort_tables(
                cohort
            )
            for cohort in STUDY.field_cohorts(wildcards.input_name)
        },
        library=library_digest("choose_field.py"),
    script:
        "../workflow/scripts/choose_field.py"


rule preprocess:
    """Make an input from all series of a shard of patients, as the audit has decoded them."""
    input:
        **(
            {"decoded": audited("decoded/{shard}", paths.INPUT)}
            if STUDY.decoded
            else {"generated": generated_folders}
        ),
        patients=audited("patients.tsv", paths.INPUT),
        series=audited("series.tsv", paths.INPUT),
        field=field_of_view,
    output:
        array=f"{RESULTS}/{paths.INPUT}.npy",
        index=f"{RESULTS}/{paths.INPUT}.tsv",
    log:
        f"{COHORT}/logs/preprocess/{{input_name}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/{paths.BENCHMARKS['preprocess']}"
    priority: first_for_baselines
    conda:
        input_environment
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(240),
    params:
        # The location of the files is not a setting: a parameter made from an input does not count as one.
        images=images_of,
        series=input_series,
        input=lambda wildcards: STUDY.named_input(
            wildcards.input_name, wildcards.cohort
        ),
        made_with=lambda wildcards: belonging.note_of(
            STUDY, belonging.made_input(STUDY, wildcards.input_name, wildcards.cohort)
        ),
        made_from=made_from(paths.INPUT),
        library=lambda wildcards: library_digest(
            "preprocess.py", input_module(wildcards), *decoding_modules(wildcards)
        ),
    script:
        "../workflow/scripts/preprocess.py"
