rule split:
    """Draw a split scheme over all patients of a cohort."""
    input:
        patients=audited("patients.tsv", paths.SPLIT),
        series=audited("series.tsv", paths.SPLIT),
    output:
        split=f"{RESULTS}/{paths.SPLIT}.tsv",
    log:
        f"{COHORT}/logs/split/{{scheme}}.log",
    priority: FOR_FIRST_TABLE
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        scheme=lookup(dpath="{scheme}", within=STUDY.splits),
        seed=lookup(dpath="{cohort}/seed", within=STUDY.cohorts),
        made_with=lambda wildcards: belonging.note_of(
            STUDY, belonging.made_split(STUDY, wildcards.scheme, wildcards.cohort)
        ),
        made_from=made_from(paths.SPLIT),
        library=library_digest("split.py"),
    script:
        "../workflow/scripts/split.py"
