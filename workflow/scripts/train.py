"""Train the folds of one batch and predict their patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.training.batch import Job
    from gliobench.training.job import run_job

    job = Job(**snakemake.params.job)
    run_job(
        job,
        weights=snakemake.params.weights,
        patients=snakemake.input.patients,
        split=snakemake.input.split,
        arrays=snakemake.input.arrays,
        outputs=snakemake.output,
        threads=snakemake.threads,
    )
