# Copies of a cohort with permuted labels, one a value of the wildcard `number`: more of them leave those alone that there are.
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
        f"{COHORT}/logs/permute_labels/{{number}}.log",
    wildcard_constraints:
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
            permuted_cohort(wildcards.cohort, int(wildcards.number))
        ),
        made_from=made_from(COPY),
        library=library_digest("permute_labels.py"),
    script:
        "../workflow/scripts/permute_labels.py"
