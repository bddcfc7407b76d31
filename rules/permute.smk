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
