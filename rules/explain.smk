EXPLANATIONS = f"{RESULTS}/{paths.EXPLANATIONS}"


rule explain:
    """The evidence for a trained network's predictions: Grad-CAM of patients drawn by the seed."""
    input:
        run=lambda wildcards: first_run(wildcards, ["predictions.tsv", "models"]),
        patients=ancient(f"{COHORT}/patients.tsv"),  # changed patients change the split
        arrays=input_shards("npy"),
        indexes=input_shards("tsv"),
    output:
        cams=f"{EXPLANATIONS}/cams.tsv",
        maps=f"{EXPLANATIONS}/cams.npy",
        images=f"{EXPLANATIONS}/images.npy",
    log:
        f"{LOGS}/explanations/{paths.CELL_FOLDER}.log",
    benchmark:
        f"{RESULTS}/{paths.BENCHMARKS['explain']}"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=growing(60),
        gpu=gpus_of,
        gpu_mb=memory_on_gpu(),
    params:
        kind=lambda wildcards: STUDY.input_of(cell_of(wildcards))["kind"],
        series=lambda wildcards: STUDY.series(cell_of(wildcards))
        + [LESION] * (LESION in input_series(wildcards)),
        seed=lookup(dpath="{cohort}/seed", within=STUDY.cohorts),
        machine=STUDY.machine,
        library=lambda wildcards: library_digest(
            "explain.py", f"gliobench/approaches/{wildcards.approach}.py"
        ),
    script:
        "../workflow/scripts/explain.py"
