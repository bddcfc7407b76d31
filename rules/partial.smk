# What exists of a study, as tables and a report: nothing here asks for a training.
PARTIAL = f"{RESULTS}/partial"
RUN_FILES = ["predictions.tsv", "history.tsv", "run.json"]
COHORT_FILES = ["patients.tsv", "series.tsv"]


rule partial:
    """Tables and report of the runs that exist, without training anything: snakemake partial."""
    input:
        published=project_file("config/published.tsv"),
        fidelity=project_file("docs/fidelity.md"),
        template=rules.page.input.template,
    output:
        directory(PARTIAL),
    log:
        f"{RESULTS}/logs/partial.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        # Runs are no inputs: as inputs, those that are missing or out of date would be trained.
        runs=lambda wildcards: found(folders_of(trained_cells()), RUN_FILES),
        cohorts=lambda wildcards: found(
            [f"{RESULTS}/{cohort}" for cohort in SCORED_COHORTS], COHORT_FILES
        ),
        jobs=lambda wildcards: finished_jobs(),
        cells=[
            record
            | {
                "folders": STUDY.run_folders(cell),
                "permuted": [STUDY.run_folders(copy) for copy in STUDY.permuted(cell)],
            }
            for cell, record in zip(CELLS, STUDY.records())
        ],
        claimed=folders_of(training_claimed()),
        facts=rules.compare.params.cohorts,
        kinds=STUDY.kinds,
        groups=STUDY.groups,
        seed=STUDY.seed,
        resamples=STUDY.bootstrap,
        levels=STUDY.sensitivity,
        pairs=folders_of(LEAKAGE_CELLS),
        figures=[shown for shown in PAGE_FIGURES if shown["kind"] in names.PLACED],
        study=rules.page.params.study,
        config=config,
        library=library_digest("partial.py"),
    script:
        "../workflow/scripts/partial.py"
