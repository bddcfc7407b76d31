"""Count the jobs of the whole study, as Snakemake plans them."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.estimate.jobs import count_jobs
    from gliobench.files import write_table

    write_table(count_jobs(snakemake.params.owners), snakemake.output[0], "jobs")
