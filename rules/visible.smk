# Copies of a cohort with labels that its images show.


rule measure_regions:
    """Measure the regions of the segmentations of a shard of patients, from which visible labels are made."""
    input:
        **(
            {"decoded": audited("decoded/{shard}", paths.REGIONS)}
            if STUDY.decoded
            else {"generated": generated_folders}
        ),
        patients=audited("patients.tsv", paths.REGIONS),
        series=audited("series.tsv", paths.REGIONS),
    output:
        regions=f"{RESULTS}/{paths.REGIONS}",
    log:
        f"{COHORT}/logs/measure_regions/{{shard}}.log",
    priority: PREPARED_FIRST
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(60),
    params:
        images=lambda wildcards, input: (
            [input.decoded, DECODED_KIND]
            if STUDY.decoded
            else [cohort_folder(wildcards), cohort_settings(wildcards)["kind"]]
        ),
        measures=lambda wildcards: STUDY.measures(wildcards.cohort),
        made_from=made_from(paths.REGIONS),
        library=lambda wildcards: library_digest(
            "measure_regions.py", *decoding_modules(wildcards)
        ),
    script:
        "../workflow/scripts/measure_regions.py"


rule see_labels:
    """Label the patients of a cohort by what their images show: a copy that shares images, inputs and splits."""
    input:
        patients=audited("patients.tsv", paths.VISIBLE_COPY),
        regions=regions_tables,
        splits=[
            f"{RESULTS}/{paths.SPLIT}.tsv".replace("{scheme}", scheme)
            for scheme in STUDY.visible_schemes
        ],
    output:
        patients=f"{RESULTS}/{paths.VISIBLE_COPY}/patients.tsv",
        splits=[
            f"{RESULTS}/{paths.VISIBLE_COPY}/splits/{scheme}.tsv"
            for scheme in STUDY.visible_schemes
        ],
    log:
        f"{COHORT}/logs/see_labels/{{label}}.log",
    wildcard_constraints:
        label=r"[\w-]+",
    priority: PREPARED_FIRST
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        visible=lambda wildcards: visible_settings(wildcards)[wildcards.label],
        features=feature_sources,
        seed=lambda wildcards: STUDY.cohort_seed(
            visible_cohort(wildcards.cohort, wildcards.label)
        ),
        made_from=made_from(paths.VISIBLE_COPY),
        library=library_digest("see_labels.py"),
    script:
        "../workflow/scripts/see_labels.py"
