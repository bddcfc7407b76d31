"""Draw the controls over replicated cohorts."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.files import read_table
    from gliobench.reporting.controls import replicates_figure
    from gliobench.reporting.style import save_figure

    comparison = read_table(snakemake.input.comparison, "comparison")
    replicates = read_table(snakemake.input.replicates, "replicates")
    figure = replicates_figure(comparison, replicates, snakemake.params.groups)
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
