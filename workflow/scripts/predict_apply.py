"""Apply the models of a run to one new patient."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.files import read_json, read_table, whole, write_json
    from gliobench.inputs.store import without_input
    from gliobench.predict.apply import Answer, predict_patient
    from gliobench.training import Machine
    from gliobench.training.gpus import claim_gpu

    claim_gpu(snakemake.resources.get("gpu", 0))
    if len(without_input(read_table(snakemake.input.index, "index"))):
        answer = Answer([], 0, "none", None)  # there is no input
    else:
        answer = predict_patient(
            Path(snakemake.input.record).parent,
            read_json(snakemake.input.record),
            [snakemake.input.array],
            Machine(snakemake.threads, **snakemake.params.machine),
            snakemake.params.fold,
        )
    write_json(answer.plain, snakemake.output.answer)
    with whole(snakemake.output.cams) as temporary:
        np.save(temporary, np.empty(0, np.float32) if answer.cams is None else answer.cams)
