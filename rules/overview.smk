# Figures that compare approaches: for the whole study, and overlaid by cohort.
rule plot_forest:
    """The AUC of every cell with its interval, with the published figure."""
    input:
        comparison=f"{RESULTS}/tables/comparison.tsv",
        cohorts=f"{RESULTS}/tables/cohorts.tsv",
        replicates=f"{RESULTS}/tables/replicates.tsv" if STUDY.replicates_of else [],
    output:
        figure(
            f"{RESULTS}/figures/forest",
            "forest",
            category="Overview",
            figure="AUC of every cell",
        ),
    log:
        f"{RESULTS}/logs/figures/forest.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        replicates_of=STUDY.replicates_of,
        library=library_digest("plot_forest.py"),
    script:
        "../workflow/scripts/plot_forest.py"


rule plot_overlays:
    """ROC, precision and recall, and calibration of a cohort's approaches."""
    input:
        predictions=lambda wildcards: overlay_files(wildcards, "predictions.tsv"),
        records=lambda wildcards: overlay_files(wildcards, "run.json"),
        metrics=f"{COHORT}/metrics.tsv",
    output:
        [
            path
            for name, label in plan.OVERLAYS.items()
            for path in figure(
                f"{RESULTS}/figures/{{cohort}}/{name}",
                f"overlay_{name}",
                category="{cohort}",
                figure=label,
            )
        ],
    log:
        f"{COHORT}/logs/figures/overlays.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        cells=lambda wildcards: [
            vars(cell) | {"phase": STUDY.phases(cell.approach)[-1]}
            for cell in plan.overlay_cells(STUDY, wildcards.cohort)
        ],
        figures=list(plan.OVERLAYS),
        library=library_digest("plot_overlays.py"),
    script:
        "../workflow/scripts/plot_overlays.py"
