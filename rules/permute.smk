rule permute_labels:
    """Hand the labels of a cohort out anew by chance: its copies, which share its images and inputs."""
    input:
        patients=f"{COHORT}/patients.tsv",
    output:
        patients=[f"{RESULTS}/{copy}/patients.tsv" for copy in COPIES],
    log:
        f"{COHORT}/logs/permute_labels.log",
    priority: PREPARED_FIRST
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        seeds=copy_seeds,
        library=library_digest("permute_labels.py"),
    script:
        "../workflow/scripts/permute_labels.py"


use rule split as split_permuted with:
    input:
        patients=[f"{RESULTS}/{copy}/patients.tsv" for copy in COPIES],
        series=f"{COHORT}/series.tsv",
    output:
        split=[f"{RESULTS}/{copy}/splits/{{scheme}}.tsv" for copy in COPIES],
    log:
        f"{COHORT}/logs/split/{{scheme}}_permuted.log",
    params:
        scheme=lookup(dpath="{scheme}", within=STUDY.splits),
        seeds=copy_seeds,
        library=library_digest("split.py"),
