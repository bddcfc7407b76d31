"""Tabulate and draw what each method reaches on labels that the images show, beside its own."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.visible import visible_table
    from gliobench.files import read_json, read_table
    from gliobench.reporting.controls import visible_figure
    from gliobench.reporting.style import save_figure
    from gliobench.reporting.tables import write_formats

    given, params = snakemake.input, snakemake.params
    predictions = [read_table(path, "predictions") for path in given.predictions]
    table = visible_table(predictions, [read_json(path) for path in given.records], params.seed, params.resamples)
    write_formats(table, Path(snakemake.output.table[0]).with_suffix(""), "visible")
    save_figure(visible_figure(table), Path(snakemake.output.figure[0]).with_suffix(""))
