SCORED_COHORTS = list(dict.fromkeys(cell.cohort for cell in CELLS))
FORMATS = ["tsv", "md", "tex", "html"]


rule score:
    """Score every cell of a cohort: metrics with intervals by patient."""
    input:
        predictions=lambda wildcards: run_files(wildcards.cohort, "predictions.tsv"),
        records=lambda wildcards: run_files(wildcards.cohort, "run.json"),
        library=library_files("score.py"),
    output:
        metrics=f"{COHORT}/metrics.tsv",
    log:
        f"{COHORT}/logs/score.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        cells=lambda wildcards: STUDY.records(wildcards.cohort),
        seed=STUDY.seed,
        resamples=STUDY.bootstrap,
    script:
        "../workflow/scripts/score.py"


rule compare:
    """The result: every cell of the study beside the published figures."""
    input:
        metrics=expand(f"{COHORT}/metrics.tsv", cohort=SCORED_COHORTS),
        published=project_file("config/published.tsv"),
        library=library_files("compare.py"),
    output:
        report(
            f"{RESULTS}/tables/comparison.html",
            caption="../workflow/report/comparison.rst",
            category="Tables",
            labels={"table": "comparison"},
        ),
        multiext(f"{RESULTS}/tables/comparison", ".tsv", ".md", ".tex", ".txt"),
    log:
        f"{RESULTS}/logs/compare.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cells=STUDY.records(),
        kinds=STUDY.kinds,
    script:
        "../workflow/scripts/compare.py"


rule describe_cohorts:
    """Who is in the cohorts, and which series are left out and why."""
    input:
        patients=expand(f"{COHORT}/patients.tsv", cohort=SCORED_COHORTS),
        series=expand(f"{COHORT}/series.tsv", cohort=SCORED_COHORTS),
        library=library_files("describe_cohorts.py"),
    output:
        expand(
            f"{RESULTS}/tables/{{table}}.{{format}}",
            table=["cohorts", "exclusions"],
            format=FORMATS,
        ),
    log:
        f"{RESULTS}/logs/describe_cohorts.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        cohorts=SCORED_COHORTS,
    script:
        "../workflow/scripts/describe_cohorts.py"


rule compare_replicates:
    """Controls: the mean AUC over replicated cohorts, and its difference between variants."""
    input:
        comparison=f"{RESULTS}/tables/comparison.tsv",
        library=library_files("compare_replicates.py"),
    output:
        expand(f"{RESULTS}/tables/replicates.{{format}}", format=FORMATS),
    log:
        f"{RESULTS}/logs/compare_replicates.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        groups=STUDY.groups,
    script:
        "../workflow/scripts/compare_replicates.py"
