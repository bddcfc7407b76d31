"""Tabulate and draw how the AUC of each approach grows with the planted signal."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.sensitivity import sensitivity_table
    from gliobench.figures.controls import sensitivity_figure
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table
    from gliobench.reporting.tables import write_formats

    replicates_of = snakemake.params.replicates_of
    comparison, cohorts = (read_table(snakemake.input[name], name) for name in ("comparison", "cohorts"))
    table = sensitivity_table(comparison, cohorts, replicates_of)
    write_formats(table, Path(snakemake.output.table[0]).with_suffix(""), "sensitivity")
    figure = sensitivity_figure(comparison, cohorts, table, replicates_of)
    save_figure(figure, Path(snakemake.output.figure[0]).with_suffix(""))
