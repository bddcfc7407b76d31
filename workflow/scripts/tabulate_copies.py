"""Tabulate the controls on copies of cohorts: permuted labels, and labels drawn from a measured quantity."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.copies import copies_table
    from gliobench.evaluation.runs import read_runs
    from gliobench.reporting.tables import write_formats

    table = copies_table(*read_runs(snakemake.input.predictions, snakemake.input.records))
    write_formats(table, Path(snakemake.output.table[0]).with_suffix(""), "copies")
