"""Sum what every job of the study took."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.cost import cost_table, job_cost
    from gliobench.reporting.tables import write_formats

    results = Path(snakemake.output[0]).parents[1]
    jobs = [job_cost(path, results) for path in snakemake.input.jobs]
    trainings = zip(snakemake.input.trainings, snakemake.input.records, strict=True)
    jobs += [job_cost(path, results, record) for path, record in trainings]
    table = cost_table(jobs, snakemake.params.groups)
    write_formats(table, Path(snakemake.output[0]).with_suffix(""), "cost")
