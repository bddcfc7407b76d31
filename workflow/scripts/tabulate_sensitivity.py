"""Tabulate how the AUC of each approach grows with the planted signal."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.sensitivity import sensitivity_table
    from gliobench.files import read_table
    from gliobench.reporting.tables import write_formats

    comparison = read_table(snakemake.input.comparison, "comparison")
    cohorts = read_table(snakemake.input.cohorts, "cohorts")
    table = sensitivity_table(comparison, cohorts, snakemake.params.groups)
    write_formats(table, Path(snakemake.output[0]).with_suffix(""), "sensitivity")
