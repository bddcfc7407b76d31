# Figures of cells and of their inputs; gliobench.reporting.contents says which a study has.
CELL_FIGURES = f"{RESULTS}/{names.CELL}"
CELL_LABELS = {
    "approach": "{approach}",
    "variant": "{variant}",
    "modality": "{modality}",
    "protocol": "{protocol}",
}
CELL_LOGS = f"{COHORT}/logs/figures/{{approach}}/{{variant}}/{{modality}}/{{protocol}}"


# One job draws all that a cell's scores show; which figures those are is the approach's choice, so each has its rule.
for APPROACH in STUDY.approaches:
    CHOSEN = contents.cell_figures(STUDY, APPROACH)
    if not CHOSEN:
        continue

    rule:
        name:
            f"plot_scores_of_{APPROACH}"
        input:
            predictions=lambda wildcards: cell_files(wildcards, "predictions.tsv"),
            records=lambda wildcards: cell_files(wildcards, "run.json"),
            histories=lambda wildcards: cell_files(wildcards, "history.tsv"),
            metrics=f"{COHORT}/metrics.tsv",
            patients=f"{COHORT}/patients.tsv",
        output:
            [
                path
                for name, phase in CHOSEN
                for path in figure(
                    f"{CELL_FIGURES}/{contents.stem_of(name, phase)}",
                    name,
                    category="{cohort}",
                    figure=contents.stem_of(name, phase),
                    **CELL_LABELS,
                )
            ],
        log:
            f"{CELL_LOGS}/scores.log",
        wildcard_constraints:
            approach=APPROACH,
        conda:
            "../envs/report.yaml"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(10),
        params:
            figures=CHOSEN,
            phases=STUDY.phases(APPROACH),
            library=library_digest("plot_scores.py"),
        script:
            "../workflow/scripts/plot_scores.py"


rule plot_phase_curves:
    """Accuracy and loss before and after fine-tuning, all modalities beside each other."""
    input:
        histories=lambda wildcards: joint_files(wildcards, "history.tsv"),
        records=lambda wildcards: joint_files(wildcards, "run.json"),
    output:
        figure(
            f"{RESULTS}/{names.PHASE_CURVES}",
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
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        phases=lambda wildcards: STUDY.phases(wildcards.approach),
        library=library_digest("plot_phase_curves.py"),
    script:
        "../workflow/scripts/plot_phase_curves.py"


rule plot_sweep:
    """Losses of a sweep of learning rates, against the prior's own."""
    input:
        predictions=lambda wildcards: sweep_files(wildcards, "predictions.tsv"),
        histories=lambda wildcards: sweep_files(wildcards, "history.tsv"),
        records=lambda wildcards: sweep_files(wildcards, "run.json"),
    output:
        figure(
            f"{RESULTS}/{names.SWEEP}",
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
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library_digest("plot_sweep.py"),
    script:
        "../workflow/scripts/plot_sweep.py"


rule plot_examples:
    """Some predicted slices, drawn by chance, with their labels."""
    input:
        predictions=lambda wildcards: cell_files(wildcards, "predictions.tsv"),
        arrays=lambda wildcards: input_shards(cell_of(wildcards), "npy"),
        indexes=lambda wildcards: input_shards(cell_of(wildcards), "tsv"),
    output:
        figure(
            f"{CELL_FIGURES}/examples",
            "examples",
            category="{cohort}",
            figure="examples",
            **CELL_LABELS,
        ),
    log:
        f"{CELL_LOGS}/examples.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        seed=STUDY.seed,
        library=library_digest("plot_examples.py"),
    script:
        "../workflow/scripts/plot_examples.py"


rule plot_tuning:
    """The trials of a tuning and what mattered in them."""
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
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library_digest("plot_tuning.py"),
    script:
        "../workflow/scripts/plot_tuning.py"


rule plot_gradcam:
    """Where a network looked, over the inputs of some patients."""
    input:
        cams=f"{EXPLANATIONS}/cams.tsv",
        maps=f"{EXPLANATIONS}/cams.npy",
        images=f"{EXPLANATIONS}/images.npy",
    output:
        figure(
            f"{CELL_FIGURES}/gradcam",
            "gradcam",
            category="{cohort}",
            figure="class-activation maps",
            **CELL_LABELS,
        ),
    log:
        f"{CELL_LOGS}/gradcam.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        channels=lambda wildcards: [
            name for name in STUDY.series(cell_of(wildcards)) if name in MODALITIES
        ],
        library=library_digest("plot_gradcam.py"),
    script:
        "../workflow/scripts/plot_gradcam.py"


rule plot_inputs:
    """Slices of some patients' inputs, as the approach reads them."""
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
    output:
        figure(
            f"{RESULTS}/{names.SLICES}",
            "slices",
            category="{cohort}",
            figure="inputs",
            approach="{approach}",
            modality="{modality}",
        ),
    log:
        f"{COHORT}/logs/figures/{{approach}}/inputs-{{modality}}.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        library=library_digest("plot_inputs.py"),
    script:
        "../workflow/scripts/plot_inputs.py"


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
    output:
        longest=figure(
            f"{RESULTS}/{names.SLICES}-longest",
            "montage",
            category="{cohort}",
            figure="slices of the longest series",
            approach="{approach}",
            modality="{modality}",
        ),
        shortest=figure(
            f"{RESULTS}/{names.SLICES}-shortest",
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
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        library=library_digest("plot_slices.py"),
    script:
        "../workflow/scripts/plot_slices.py"
