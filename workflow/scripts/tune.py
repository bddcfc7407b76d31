"""Search for the hyperparameters of a variant, without looking at the test patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from dataclasses import replace
    from pathlib import Path

    from gliobench.files import write_json, write_table
    from gliobench.inputs.field import with_chosen_spacing
    from gliobench.training import Job, Machine
    from gliobench.training.gpus import claim_gpu
    from gliobench.training.job import UNFINISHED, discard
    from gliobench.training.tuning import search

    unfinished = Path(snakemake.output.best).parent / UNFINISHED
    claim_gpu(snakemake.resources.get("gpu", 0), snakemake.resources.get("gpu_mb", 0))
    job = Job(**snakemake.params.job, library=snakemake.params.library)
    trials, best = search(
        replace(job, input=with_chosen_spacing(job.input, snakemake.input.field)),
        snakemake.params.tuning,
        Machine(1, **snakemake.params.machine),  # each worker
        patients=snakemake.input.patients,
        split=snakemake.input.split,
        arrays=list(snakemake.input.arrays),
        folder=unfinished,
    )
    write_table(trials, snakemake.output.trials, "trials")
    write_json(best, snakemake.output.best)
    discard(unfinished)
