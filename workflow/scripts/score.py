"""Score every cell of a cohort."""

from gliobench.recipe import recipe

with recipe(snakemake):
    import pandas as pd

    from gliobench.evaluation.cells import CELL, score_cell
    from gliobench.files import read_json, read_table, write_table

    predictions = [read_table(path, "predictions") for path in snakemake.input.predictions]
    records = [read_json(path) for path in snakemake.input.records]
    tables = []
    for cell in snakemake.params.cells:
        mine = [number for number, record in enumerate(records) if all(record[name] == cell[name] for name in CELL)]
        tables.append(
            score_cell(
                [predictions[number] for number in mine],
                [records[number] for number in mine],
                base_seed=snakemake.params.seed,
                resamples=snakemake.params.resamples,
                caveat=cell["caveat"],
            )
        )
    write_table(pd.concat(tables, ignore_index=True), snakemake.output.metrics, "metrics")
