rule train_tensorflow:
    """Train one batch of folds and predict their patients; finished folds of a killed job are kept and reused."""
    input:
        unpack(tables_of_labels),
        arrays=input_shards("npy"),
        indexes=input_shards("tsv"),
        field=field_of_view,
        tuned=tuned_parameters,
        weights=weights_file,
    output:
        predictions=f"{RUN_FOLDER}/predictions.tsv",
        history=f"{RUN_FOLDER}/history.tsv",
        record=f"{RUN_FOLDER}/run.json",
        models=directory(f"{RUN_FOLDER}/models"),
    log:
        f"{LOGS}/runs/{paths.CELL_FOLDER}/repeat-{{repeat}}_seed-{{seed}}_batch-{{batch}}.log",
    benchmark:
        f"{RESULTS}/{paths.BENCHMARKS['train']}"
    wildcard_constraints:
        cohort=trained_cohorts(),
        approach=approaches_of("tensorflow"),
    priority: LONG_ONES_EARLY
    conda:
        "../envs/tensorflow.yaml"
    # Results repeat to the byte only for the same number of threads, so it is fixed, whatever the number of free cores.
    threads: 1
    resources:
        mem_mb=memory(
            lambda wildcards: memory_of(cell_of(wildcards)),
            per_input=HELD,
            share=share_of_inputs,
        ),
        runtime=growing(720),
        gpu=gpus_of,
        gpu_mb=memory_on_gpu(),
    params:
        job=training_job,
        labels=lambda wildcards: STUDY.labels(cell_of(wildcards), wildcards.cohort),
        features=feature_sources,
        machine=STUDY.machine,
        made_with=lambda wildcards: belonging.note_of(
            STUDY, belonging.made_runs(STUDY, cell_of(wildcards), wildcards.cohort)
        ),
        made_from=made_from_labels,
        library=lambda wildcards: library_digest(
            "train.py",
            f"gliobench/approaches/{wildcards.approach}.py",
            f"gliobench/training/labels/{kind_of_labels(wildcards.cohort)}.py",
        ),
    script:
        "../workflow/scripts/train.py"


use rule train_tensorflow as train_torch with:
    wildcard_constraints:
        cohort=trained_cohorts(),
        approach=approaches_of("torch"),
    conda:
        "../envs/torch.yaml"


use rule train_tensorflow as train_sklearn with:
    wildcard_constraints:
        approach=approaches_of("sklearn"),
    priority: 0
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=memory(WITHOUT_NETWORK),
        runtime=growing(60),


use rule train_sklearn as train_sklearn_copies with:
    wildcard_constraints:
        cohort=copied_cohorts(),
        approach=approaches_of("sklearn"),


use rule train_sklearn as train_baselines with:
    wildcard_constraints:
        approach=BASELINE,
    priority: FOR_FIRST_TABLE


ruleorder: train_baselines > train_sklearn
