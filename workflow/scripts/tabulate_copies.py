"""Tabulate the controls on copies of cohorts: permuted labels, and labels drawn from a measured quantity."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.copies import copies_table
    from gliobench.files import read_json, read_table
    from gliobench.reporting.tables import write_formats

    predictions = [read_table(path, "predictions") for path in snakemake.input.predictions]
    table = copies_table(predictions, [read_json(path) for path in snakemake.input.records])
    write_formats(table, Path(snakemake.output.table[0]).with_suffix(""), "copies")
