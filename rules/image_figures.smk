# Figures of network inputs and Grad-CAM: drawn from images, not from tables.
rule plot_audit:
    """What the audit found: the middle slice of every series, with excluded series marked."""
    input:
        series=shards(f"{COHORT}/audit/{{shard}}.tsv"),
        thumbnails=shards(f"{COHORT}/audit/{{shard}}.npy"),
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
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        library=library_digest("plot_audit.py"),
    script:
        "../workflow/scripts/plot_audit.py"


rule plot_examples:
    """Some randomly drawn predicted slices, with their labels."""
    input:
        predictions=lambda wildcards: cell_files(wildcards, "predictions.tsv"),
        arrays=input_shards("npy"),
        indexes=input_shards("tsv"),
        series=f"{COHORT}/series.tsv",
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
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        seed=STUDY.seed,
        library=library_digest("plot_examples.py"),
    script:
        "../workflow/scripts/plot_examples.py"


rule plot_gradcam:
    """Grad-CAM maps over the inputs of some patients."""
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
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        channels=lambda wildcards: [
            name for name in STUDY.series(cell_of(wildcards)) if name in MODALITIES
        ],
        library=library_digest("plot_gradcam.py"),
    script:
        "../workflow/scripts/plot_gradcam.py"


rule plot_slices:
    """Slices of some patients' inputs, as the approach reads them."""
    input:
        arrays=input_shards("npy"),
        indexes=input_shards("tsv"),
        series=f"{COHORT}/series.tsv",
    output:
        figure(
            f"{RESULTS}/{plan.SLICES}",
            "slices",
            category="{cohort}",
            figure="inputs",
            approach="{input_name}",
            modality="{modality}",
        ),
    log:
        f"{COHORT}/logs/figures/{{input_name}}/slices-{{modality}}.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        library=library_digest("plot_slices.py"),
    script:
        "../workflow/scripts/plot_slices.py"


rule plot_all_slices:
    """All slices of two patients' inputs: of the longest series, and of the shortest with its padding."""
    input:
        arrays=input_shards("npy"),
        indexes=input_shards("tsv"),
        series=f"{COHORT}/series.tsv",
    output:
        figure(
            f"{RESULTS}/{plan.ALL_SLICES}",
            "montage",
            category="{cohort}",
            figure="inputs of the longest and the shortest series",
            approach="{input_name}",
            modality="{modality}",
        ),
    log:
        f"{COHORT}/logs/figures/{{input_name}}/all-slices-{{modality}}.log",
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=growing(10),
    params:
        library=library_digest("plot_all_slices.py"),
    script:
        "../workflow/scripts/plot_all_slices.py"
