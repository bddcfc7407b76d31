"""Draw the AUC of every cell against what its trainings cost."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.files import read_table
    from gliobench.reporting.overview import cost_figure, points_of
    from gliobench.reporting.style import save_figure

    groups = snakemake.params.groups
    comparison = read_table(snakemake.input.comparison, "comparison")
    replicates = read_table(snakemake.input.replicates, "replicates") if groups else None
    figure = cost_figure(points_of(comparison, replicates, groups), read_table(snakemake.input.cost, "cost"))
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
