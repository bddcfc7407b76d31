"""Tabulate and draw how much of a score is slice leakage."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.leakage import leakage_table
    from gliobench.files import read_json, read_table
    from gliobench.reporting.controls import leakage_figure
    from gliobench.reporting.style import save_figure
    from gliobench.reporting.tables import write_formats

    predictions = [read_table(path, "predictions") for path in snakemake.input.predictions]
    records = [read_json(path) for path in snakemake.input.records]
    table = leakage_table(predictions, records, snakemake.params.groups)
    write_formats(table, Path(snakemake.output.table[0]).with_suffix(""), "leakage")
    save_figure(leakage_figure(table), Path(snakemake.output.figure[0]).with_suffix(""))
