"""Test the controls over replicated cohorts."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.replicates import replicates_table
    from gliobench.files import read_table
    from gliobench.reporting.tables import write_formats

    comparison = read_table(snakemake.input.comparison, "comparison")
    table = replicates_table(comparison, snakemake.params.groups)
    write_formats(table, Path(snakemake.output[0]).with_suffix(""), "replicates")
