# Figures of cells and of their inputs; gliobench.plan says which a study has.
CELL_FIGURES = f"{RESULTS}/{plan.CELL_FIGURES}"
CELL_LABELS = {
    "approach": "{approach}",
    "variant": "{variant}",
    "modality": "{modality}",
    "protocol": "{protocol}",
}
CELL_LOGS = f"{COHORT}/logs/figures/{{approach}}/{{variant}}/{{modality}}/{{protocol}}"


# One job draws all score figures of an approach on a cohort; both choose its files, so each pair has its own rule.
for SHOWN_COHORT, APPROACH in dict.fromkeys(
    (cell.cohort, cell.approach) for cell in SHOWN_CELLS
):
    CHOSEN = plan.cell_figures(STUDY, APPROACH)
    SCORED = plan.cells_like(
        SHOWN_CELLS, {"cohort": SHOWN_COHORT, "approach": APPROACH}
    )
    if not CHOSEN:
        continue

    rule:
        name:
            f"plot_scores_of_{APPROACH}_on_{SHOWN_COHORT}"
        input:
            predictions=files_of(SCORED, "predictions.tsv"),
            records=files_of(SCORED, "run.json"),
            histories=files_of(SCORED, "history.tsv"),
            metrics=f"{RESULTS}/{SHOWN_COHORT}/metrics.tsv",
            patients=f"{RESULTS}/{SHOWN_COHORT}/patients.tsv",
        output:
            [
                path
                for cell in SCORED
                for name, phase in CHOSEN
                for path in figure(
                    f"{RESULTS}/{plan.CELL_FIGURES}/{plan.stem_of(name, phase)}".format(
                        **vars(cell)
                    ),
                    name,
                    category=SHOWN_COHORT,
                    figure=plan.stem_of(name, phase),
                    **{label: getattr(cell, label) for label in CELL_LABELS},
                )
            ],
        log:
            f"{RESULTS}/{SHOWN_COHORT}/logs/figures/{APPROACH}/scores.log",
        conda:
            "../envs/report.yaml"
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=growing(10),
        params:
            cells=[vars(cell) for cell in SCORED],
            figures=CHOSEN,
            phases=STUDY.phases(APPROACH),
            library=library_digest("plot_scores.py"),
        script:
            "../workflow/scripts/plot_scores.py"


rule plot_phase_curves:
    """Accuracy and loss before and after fine-tuning, all modalities side by side."""
    input:
        histories=lambda wildcards: joint_files(wildcards, "history.tsv"),
        records=lambda wildcards: joint_files(wildcards, "run.json"),
    output:
        figure(
            f"{RESULTS}/{plan.PHASE_CURVES}",
            "phase_curves",
            category="{cohort}",
            figure="curves before and after fine-tuning",
            approach="{approach}",
            variant="{variant}",
            protocol="{protocol}",
        ),
    log:
        f"{COHORT}/logs/figures/{{approach}}/{{variant}}/phase-curves-{{protocol}}.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        phases=lambda wildcards: STUDY.phases(wildcards.approach),
        library=library_digest("plot_phase_curves.py"),
    script:
        "../workflow/scripts/plot_phase_curves.py"


rule plot_sweep:
    """Losses of a sweep of learning rates, compared with the prior's loss."""
    input:
        predictions=lambda wildcards: sweep_files(wildcards, "predictions.tsv"),
        histories=lambda wildcards: sweep_files(wildcards, "history.tsv"),
        records=lambda wildcards: sweep_files(wildcards, "run.json"),
    output:
        figure(
            f"{RESULTS}/{plan.SWEEP}",
            "sweep",
            category="{cohort}",
            figure="learning rates",
            approach="{approach}",
            modality="{modality}",
            protocol="{protocol}",
        ),
    log:
        f"{COHORT}/logs/figures/{{approach}}/sweep-{{modality}}-{{protocol}}.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        library=library_digest("plot_sweep.py"),
    script:
        "../workflow/scripts/plot_sweep.py"


rule plot_tuning:
    """The trials of a tuning and the importance of each hyperparameter."""
    input:
        trials=f"{TUNING}/trials.tsv",
        best=f"{TUNING}/best.json",
    output:
        figure(
            f"{CELL_FIGURES}/tuning",
            "tuning",
            category="{cohort}",
            figure="tuning",
            **CELL_LABELS,
        ),
    log:
        f"{CELL_LOGS}/tuning.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(10),
    params:
        library=library_digest("plot_tuning.py"),
    script:
        "../workflow/scripts/plot_tuning.py"
