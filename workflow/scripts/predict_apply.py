"""Apply the models of a run to one new patient."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.files import read_json, read_table, whole, write_json
    from gliobench.predict.folds import predict_patient
    from gliobench.records import check_record
    from gliobench.training import Machine
    from gliobench.training.gpus import claim_gpu

    claim_gpu(snakemake.resources.get("gpu", 0))
    answer = predict_patient(
        Path(snakemake.input.record).parent,
        read_json(snakemake.input.record),
        [snakemake.input.array],
        read_table(snakemake.input.series, "series"),
        Machine(snakemake.threads, **snakemake.params.machine),
        snakemake.params.fold,
    )
    check_record(answer.prediction, "prediction", snakemake.output.prediction)
    write_json(answer.prediction, snakemake.output.prediction)
    with whole(snakemake.output.cam) as temporary:
        np.save(temporary, np.empty(0, np.float32) if answer.cam is None else answer.cam)
