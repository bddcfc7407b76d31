rule generate:
    """Write a generated cohort: DICOM in the competition's layout, or NIfTI with a brainstem segmentation."""
    output:
        images=directory(f"{COHORT}/images"),
    log:
        f"{COHORT}/logs/generate.log",
    benchmark:
        f"{RESULTS}/{paths.BENCHMARKS['generate']}"
    wildcard_constraints:
        cohort=generated_cohorts(),
    priority: PREPARED_FIRST
    conda:
        "../envs/imaging.yaml"
    # One thread: a job of two waits for two free cores, and on a small machine long trainings would start before it.
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(60),
    params:
        generator=lookup(dpath="{cohort}/generator", within=STUDY.cohorts, default={}),
        seed=lookup(dpath="{cohort}/seed", within=STUDY.cohorts),
        kind=lookup(dpath="{cohort}/kind", within=STUDY.cohorts),
        portable=STUDY.portable,
        library=lambda wildcards: library_digest(
            "generate.py", generator_module(wildcards)
        ),
    script:
        "../workflow/scripts/generate.py"


rule read_cohort:
    """The patients: labels, sites, who is left out, and a check that every label has its folder."""
    input:
        generated_folders,
        own_tables,
    output:
        patients=f"{COHORT}/patients.tsv",
        left_out=f"{COHORT}/left_out.tsv",
    log:
        f"{COHORT}/logs/read_cohort.log",
    priority: FOR_FIRST_TABLE
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        folder=cohort_folder,
        sites=sites_table,
        settings=lambda wildcards: belonging.of_reading(cohort_settings(wildcards)),
        exclude=lambda wildcards: STUDY.excluded(wildcards.cohort),
        features=feature_sources,
        made_with=lambda wildcards: SHARDS_NOTE
        | belonging.note_of(STUDY, belonging.made_cohort(STUDY, wildcards.cohort)),
        library=lambda wildcards: library_digest(
            "read_cohort.py", *layout_modules(wildcards)
        ),
    script:
        "../workflow/scripts/read_cohort.py"


rule audit_series:
    """Read each series of a shard of patients: its facts, a thumbnail, and the voxels that inputs are made of."""
    input:
        generated_folders,
        patients=f"{COHORT}/patients.tsv",
    output:
        **(
            {"decoded": directory(f"{RESULTS}/{paths.DECODED}")}
            if STUDY.decoded
            else {}
        ),
        series=f"{COHORT}/audit/{{shard}}.tsv",
        thumbnails=f"{COHORT}/audit/{{shard}}.npy",
    log:
        f"{COHORT}/logs/audit/{{shard}}.log",
    benchmark:
        f"{RESULTS}/{paths.BENCHMARKS['audit']}"
    priority: FOR_FIRST_TABLE
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(240),
    params:
        folder=cohort_folder,
        names=lambda wildcards: STUDY.cohort_series(wildcards.cohort),
        masks=lambda wildcards: [LESION]
        * (STUDY.kinds[wildcards.cohort] == "synthetic"),
        paths_digest=named_paths_digest,
        exclude=lambda wildcards: STUDY.excluded(wildcards.cohort),
        kind=lookup(dpath="{cohort}/kind", within=STUDY.cohorts),
        features=feature_sources,
        library=lambda wildcards: library_digest(
            "audit_series.py", *layout_modules(wildcards)
        ),
    script:
        "../workflow/scripts/audit_series.py"


rule gather_series:
    """The audit of a whole cohort as one table."""
    input:
        patients=f"{COHORT}/patients.tsv",
        shards=shards(f"{COHORT}/audit/{{shard}}.tsv"),
    output:
        series=f"{COHORT}/series.tsv",
    log:
        f"{COHORT}/logs/gather_series.log",
    priority: FOR_FIRST_TABLE
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        made_with=made_place,
        library=library_digest("gather_series.py"),
    script:
        "../workflow/scripts/gather_series.py"
