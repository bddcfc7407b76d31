# Copies of a cohort with permuted labels, one a value of the wildcards `permuted` and `number`: more of them leave those alone that there are.
COPY = paths.COPY


rule permute_labels:
    """Permute the labels of a cohort and draw its splits: a copy that shares images and inputs."""
    input:
        patients=audited("patients.tsv", COPY),
        series=audited("series.tsv", COPY),
    output:
        patients=f"{RESULTS}/{COPY}/patients.tsv",
        splits=[
            f"{RESULTS}/{COPY}/splits/{scheme}.tsv"
            for scheme in STUDY.permuted_schemes
        ],
    log:
        f"{COHORT}/logs/permute_labels/{{permuted}}/{{number}}.log",
    wildcard_constraints:
        permuted=f"{PERMUTATIONS}|{WITHIN_SITE}",
        number=r"\d+",
    priority: PREPARED_FIRST
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        schemes=[STUDY.splits[scheme] for scheme in STUDY.permuted_schemes],
        seed=lambda wildcards: STUDY.cohort_seed(
            permuted_cohort(
                wildcards.cohort, int(wildcards.number), wildcards.permuted
            )
        ),
        within_sites=lambda wildcards: wildcards.permuted == WITHIN_SITE,
        made_from=made_from(COPY),
        library=library_digest("permute_labels.py"),
    script:
        "../workflow/scripts/permute_labels.py"


rule spike_labels:
    """Draw the labels of a cohort from a measured quantity, and its splits: a copy that shares images and inputs."""
    input:
        unpack(quantity),
        patients=audited("patients.tsv", paths.SPIKED_COPY),
        series=audited("series.tsv", paths.SPIKED_COPY),
    output:
        patients=f"{RESULTS}/{paths.SPIKED_COPY}/patients.tsv",
        splits=[
            f"{RESULTS}/{paths.SPIKED_COPY}/splits/{scheme}.tsv"
            for scheme in STUDY.spiked_schemes
        ],
    log:
        f"{COHORT}/logs/spike_labels/{{oracle}}/{{number}}.log",
    wildcard_constraints:
        oracle=r"0\.\d+",
        number=r"\d+",
    priority: PREPARED_FIRST
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        schemes=[STUDY.splits[scheme] for scheme in STUDY.spiked_schemes],
        spiked=lookup(dpath="{cohort}/spiked", within=STUDY.cohorts),
        features=feature_sources,
        oracle_auc=lambda wildcards: float(wildcards.oracle),
        seed=lambda wildcards: STUDY.cohort_seed(
            spiked_cohort(
                wildcards.cohort, float(wildcards.oracle), int(wildcards.number)
            )
        ),
        made_from=made_from(paths.SPIKED_COPY),
        library=library_digest("spike_labels.py"),
    script:
        "../workflow/scripts/spike_labels.py"


rule measure_regions:
    """Measure the regions of the segmentations of a shard of patients, from which visible labels are made."""
    input:
        **(
            {"decoded": audited("decoded/{shard}", paths.REGIONS)}
            if STUDY.decoded
            else {"generated": generated}
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
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        images=lambda wildcards, input: (
            [input.decoded, DECODED_KIND]
            if STUDY.decoded
            else [cohort_folder(wildcards), cohort_settings(wildcards)["kind"]]
        ),
        measures=lambda wildcards: STUDY.measures(wildcards.cohort),
        made_from=made_from(paths.REGIONS),
        library=library_digest("measure_regions.py"),
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
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        visible=lambda wildcards: visible_labels(wildcards)[wildcards.label],
        features=feature_sources,
        seed=lambda wildcards: STUDY.cohort_seed(
            visible_cohort(wildcards.cohort, wildcards.label)
        ),
        made_from=made_from(paths.VISIBLE_COPY),
        library=library_digest("see_labels.py"),
    script:
        "../workflow/scripts/see_labels.py"
