rule tune:
    """Search for a variant's hyperparameters on training and validation patients; every trial is a row."""
    input:
        patients=ancient(f"{COHORT}/patients.tsv"),  # changed patients change the split
        split=split_table,
        arrays=input_shards("npy"),
        indexes=input_shards("tsv"),
        field=field_of_view,
        weights=weights_file,
    output:
        trials=f"{TUNING}/trials.tsv",
        best=f"{TUNING}/best.json",
    log:
        f"{LOGS}/tuning/{paths.CELL_FOLDER}.log",
    benchmark:
        f"{RESULTS}/{paths.BENCHMARKS['tune']}"
    priority: LONG_ONES_EARLY
    conda:
        tuning_environment
    threads: workers_of_tuning
    resources:
        mem_mb=memory(
            lambda wildcards: workers_of_tuning(wildcards)
            * memory_of(cell_of(wildcards)),
            per_input=HELD,
            share=lambda wildcards: workers_of_tuning(wildcards)
            * share_of_inputs(wildcards),
        ),
        runtime=growing(1440),
        gpu=gpus_of,
        gpu_mb=memory_on_gpu(workers_of_tuning),
    params:
        job=tuning_job,
        tuning=lambda wildcards: STUDY.approaches[wildcards.approach].tuning,
        machine=STUDY.machine,
        library=lambda wildcards: library_digest(
            "tune.py", f"gliobench/approaches/{wildcards.approach}.py"
        ),
    script:
        "../workflow/scripts/tune.py"
