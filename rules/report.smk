CELL_FIGURES = f"{RESULTS}/{contents.CELL}"
CELL_LABELS = {
    "approach": "{approach}",
    "variant": "{variant}",
    "modality": "{modality}",
    "protocol": "{protocol}",
}


rule plot_scores:
    """ROC curve and confusion matrix of a cell's test patients."""
    input:
        predictions=lambda wildcards: cell_files(wildcards, "predictions.tsv"),
        records=lambda wildcards: cell_files(wildcards, "run.json"),
        metrics=f"{COHORT}/metrics.tsv",
        patients=f"{COHORT}/patients.tsv",
        library=library_files("plot_scores.py"),
    output:
        roc=figure(
            f"{CELL_FIGURES}/roc-{{phase}}",
            "roc",
            category="{cohort}",
            figure="ROC curve",
            **CELL_LABELS,
        ),
        confusion=figure(
            f"{CELL_FIGURES}/confusion-{{phase}}",
            "confusion",
            category="{cohort}",
            figure="confusion matrix",
            **CELL_LABELS,
        ),
    log:
        f"{COHORT}/logs/figures/{{approach}}/{{variant}}/{{modality}}/{{protocol}}/scores-{{phase}}.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../workflow/scripts/plot_scores.py"


rule plot_curves:
    """Loss, accuracy and AUC of a cell's trainings, epoch by epoch."""
    input:
        histories=lambda wildcards: cell_files(wildcards, "history.tsv"),
        metrics=f"{COHORT}/metrics.tsv",
        library=library_files("plot_curves.py"),
    output:
        figure(
            f"{CELL_FIGURES}/curves",
            "curves",
            category="{cohort}",
            figure="training curves",
            **CELL_LABELS,
        ),
    log:
        f"{COHORT}/logs/figures/{{approach}}/{{variant}}/{{modality}}/{{protocol}}/curves.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../workflow/scripts/plot_curves.py"


rule plot_slices:
    """All slices of two patients' inputs: of the longest series, and of the shortest with its padding."""
    input:
        arrays=gather.shards(
            f"{COHORT}/inputs/{{approach}}/{{modality}}/{{scatteritem}}.npy",
            allow_missing=True,
        ),
        indexes=gather.shards(
            f"{COHORT}/inputs/{{approach}}/{{modality}}/{{scatteritem}}.tsv",
            allow_missing=True,
        ),
        series=f"{COHORT}/series.tsv",
        library=library_files("plot_slices.py"),
    output:
        longest=figure(
            f"{RESULTS}/{contents.SLICES}-longest",
            "montage",
            category="{cohort}",
            figure="slices of the longest series",
            approach="{approach}",
            modality="{modality}",
        ),
        shortest=figure(
            f"{RESULTS}/{contents.SLICES}-shortest",
            "montage",
            category="{cohort}",
            figure="slices of the shortest series",
            approach="{approach}",
            modality="{modality}",
        ),
    log:
        f"{COHORT}/logs/figures/{{approach}}/slices-{{modality}}.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=10,
    script:
        "../workflow/scripts/plot_slices.py"


rule plot_audit:
    """What the audit saw: the middle slice of every series, with those that are left out marked."""
    input:
        series=gather.shards(f"{COHORT}/audit/{{scatteritem}}.tsv", allow_missing=True),
        thumbnails=gather.shards(
            f"{COHORT}/audit/{{scatteritem}}.npy", allow_missing=True
        ),
        library=library_files("plot_audit.py"),
    output:
        figure(
            f"{RESULTS}/figures/{{cohort}}/audit",
            "audit",
            category="{cohort}",
            figure="audit",
        ),
    log:
        f"{COHORT}/logs/figures/audit.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    script:
        "../workflow/scripts/plot_audit.py"


rule plot_replicates:
    """The controls: a point a cohort, the mean and its interval."""
    input:
        comparison=f"{RESULTS}/tables/comparison.tsv",
        replicates=f"{RESULTS}/tables/replicates.tsv",
        library=library_files("plot_replicates.py"),
    output:
        figure(
            f"{RESULTS}/figures/replicates",
            "controls",
            category="Controls",
            figure="replicates",
        ),
    log:
        f"{RESULTS}/logs/figures/replicates.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        groups=STUDY.groups,
    script:
        "../workflow/scripts/plot_replicates.py"


PAGE_FIGURES = contents.page_figures(STUDY)
PAGE_TABLES = ["comparison", "cohorts", "exclusions"] + ["replicates"] * bool(
    STUDY.groups
)


rule page:
    """The study on one page that opens offline."""
    input:
        figures=[shown["path"] for shown in PAGE_FIGURES],
        tables=expand(f"{RESULTS}/tables/{{table}}.tsv", table=PAGE_TABLES),
        records=[
            f"{folder}/run.json"
            for cell in CELLS
            for folder in STUDY.run_folders(cell)
        ],
        template=[
            project_file(path) for path in (ROOT / "workflow" / "report").iterdir()
        ],
        library=library_files("page.py"),
    output:
        f"{RESULTS}/report/index.html",
    log:
        f"{RESULTS}/logs/page.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        figures=PAGE_FIGURES,
        study={"name": STUDY.name, "base_seed": STUDY.seed, "cohort_kinds": STUDY.kinds},
        config=config,
    script:
        "../workflow/scripts/page.py"
