"""Draw the AUC of every cell of the study with its interval."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.figures.overview import forest_figure, oracles_of, points_of
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table

    replicates_of = snakemake.params.replicates_of
    comparison = read_table(snakemake.input.comparison, "comparison")
    replicates = read_table(snakemake.input.replicates, "replicates") if replicates_of else None
    oracles = oracles_of(read_table(snakemake.input.cohorts, "cohorts"), replicates_of)
    figure = forest_figure(points_of(comparison, replicates, replicates_of), oracles)
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
