"""Draw the AUC reached against the AUC that could be reached, level by level of a planted signal."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.files import read_table
    from gliobench.reporting.controls import sensitivity_figure
    from gliobench.reporting.style import save_figure

    tables = [read_table(snakemake.input[name], name) for name in ("comparison", "cohorts", "sensitivity")]
    figure = sensitivity_figure(*tables, snakemake.params.groups)
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
