"""Test the controls over replicated cohorts, and draw them."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.replicates import replicates_table
    from gliobench.figures.controls import replicates_figure
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table
    from gliobench.reporting.tables import write_formats

    replicates_of = snakemake.params.replicates_of
    comparison = read_table(snakemake.input.comparison, "comparison")
    table = replicates_table(comparison, replicates_of)
    write_formats(table, Path(snakemake.output.table[0]).with_suffix(""), "replicates")
    save_figure(replicates_figure(comparison, table, replicates_of), Path(snakemake.output.figure[0]).with_suffix(""))
