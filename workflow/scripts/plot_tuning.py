"""Draw the trials of a tuning."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.columns import CELL
    from gliobench.figures.style import save_figure
    from gliobench.figures.trainings import tuning_figure
    from gliobench.files import read_json, read_table

    trials = read_table(snakemake.input.trials, "trials")
    figure = tuning_figure(trials, read_json(snakemake.input.best), [snakemake.wildcards[name] for name in CELL])
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
