"""Train one batch of folds and predict their patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.files import read_json
    from gliobench.inputs.field import with_field
    from gliobench.training import Job, Machine
    from gliobench.training.gpus import claim_gpu
    from gliobench.training.job import run_job

    claim_gpu(snakemake.resources.get("gpu", 0))
    settings = dict(snakemake.params.job)
    settings["input"] = with_field(settings["input"], snakemake.input.field)
    if snakemake.input.tuned:
        best = read_json(snakemake.input.tuned)
        settings["parameters"] |= best["parameters"]
        settings["reason"] = best.get("reason")
    run_job(
        Job(**settings, library=snakemake.params.library),
        Machine(snakemake.threads, **snakemake.params.machine),
        patients=snakemake.input.patients,
        split=snakemake.input.split,
        arrays=snakemake.input.arrays,
        outputs=snakemake.output,
    )
