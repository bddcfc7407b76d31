"""Train one batch of folds, on a cohort or on copies of it with other labels, and predict their patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from importlib import import_module

    from gliobench.files import read_json
    from gliobench.inputs.field import with_chosen_spacing
    from gliobench.training import Job, Machine
    from gliobench.training.gpus import claim_gpu
    from gliobench.training.job import run_job

    given, params = snakemake.input, snakemake.params
    claim_gpu(snakemake.resources.get("gpu", 0), snakemake.resources.get("gpu_mb", 0))
    settings = dict(params.job)
    settings["input"] = with_chosen_spacing(settings["input"], given.field)
    if given.tuned:
        best = read_json(given.tuned)
        settings["parameters"] |= best["parameters"]
        settings["reason"] = best.get("reason")
    labels = import_module(f"gliobench.training.labels.{params.labels['kind']}")
    run_job(
        Job(**settings, library=params.library),
        Machine(snakemake.threads, **params.machine),
        labels.labelled(given, params.labels | {"features": params.features}),
        arrays=given.arrays,
        outputs=snakemake.output,
    )
