"""Tabulate and draw how much of a score is slice leakage."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.leakage import leakage_table
    from gliobench.evaluation.runs import read_runs
    from gliobench.figures.controls import leakage_figure
    from gliobench.figures.style import save_figure
    from gliobench.reporting.tables import write_formats

    runs = read_runs(snakemake.input.predictions, snakemake.input.records)
    table = leakage_table(*runs, snakemake.params.replicates_of)
    write_formats(table, Path(snakemake.output.table[0]).with_suffix(""), "leakage")
    save_figure(leakage_figure(table), Path(snakemake.output.figure[0]).with_suffix(""))
