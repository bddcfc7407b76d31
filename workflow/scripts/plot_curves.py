"""Draw loss, accuracy and AUC of a cell's trainings."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.cells import CELL
    from gliobench.files import read_table
    from gliobench.reporting.figures import curves_figure
    from gliobench.reporting.style import save_figure

    metrics = read_table(snakemake.input.metrics, "metrics")
    cell = (metrics[CELL] == [snakemake.wildcards[name] for name in CELL]).all(axis=1)
    histories = [read_table(path, "history") for path in snakemake.input.histories]
    save_figure(curves_figure(histories, metrics[cell].iloc[0].to_dict()), Path(snakemake.output[0]).with_suffix(""))
