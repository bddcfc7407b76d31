"""Sum what every job of the study took."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.reporting.cost import cost_table, job_cost, training_cost
    from gliobench.reporting.tables import write_formats

    jobs = [job_cost(*each) for each in zip(snakemake.input.jobs, snakemake.params.jobs, strict=True)]
    jobs += [training_cost(*each) for each in zip(snakemake.input.trainings, snakemake.input.records, strict=True)]
    table = cost_table(jobs, snakemake.params.groups)
    write_formats(table, Path(snakemake.output[0]).with_suffix(""), "cost")
