"""Test the controls over replicated cohorts, and draw them."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.replicates import replicates_table
    from gliobench.figures.controls import replicates_figure
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table
    from gliobench.reporting.tables import write_formats

    groups = snakemake.params.groups
    comparison = read_table(snakemake.input.comparison, "comparison")
    table = replicates_table(comparison, groups)
    write_formats(table, Path(snakemake.output.table[0]).with_suffix(""), "replicates")
    save_figure(replicates_figure(comparison, table, groups), Path(snakemake.output.figure[0]).with_suffix(""))
