"""Tabulate and draw what each method reaches on labels that the images show, beside its own."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import pandas as pd

    from gliobench.evaluation.runs import read_runs
    from gliobench.evaluation.visible import visible_table
    from gliobench.figures.controls import visible_figure
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table
    from gliobench.reporting.tables import write_formats

    given, params = snakemake.input, snakemake.params
    metrics = pd.concat([read_table(path, "metrics") for path in given.metrics], ignore_index=True)
    table = visible_table(*read_runs(given.predictions, given.records), metrics, params.seed, params.resamples)
    write_formats(table, Path(snakemake.output.table[0]).with_suffix(""), "visible")
    save_figure(visible_figure(table), Path(snakemake.output.figure[0]).with_suffix(""))
