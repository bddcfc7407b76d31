"""Score every cell of a cohort, compare them in pairs, and split the variance of their runs."""

from gliobench.recipe import recipe

with recipe(snakemake):
    import pandas as pd

    from gliobench.evaluation.cells import CELL, score_cell
    from gliobench.evaluation.pairwise import pairwise_table
    from gliobench.evaluation.permutations import permuted_runs
    from gliobench.evaluation.variance import variance_table
    from gliobench.files import read_json, read_table, write_table

    predictions = [read_table(path, "predictions") for path in snakemake.input.predictions]
    records = [read_json(path) for path in snakemake.input.records]
    permuted = [read_table(path, "predictions") for path in snakemake.input.permuted_predictions]
    permuted_records = [read_json(path) for path in snakemake.input.permuted_records]
    cells = []
    for cell in snakemake.params.cells:
        mine = [number for number, record in enumerate(records) if all(record[name] == cell[name] for name in CELL)]
        cells.append(([predictions[number] for number in mine], [records[number] for number in mine]))
    chance = {"base_seed": snakemake.params.seed, "resamples": snakemake.params.resamples}
    metrics = [
        score_cell(*files, **chance, caveat=cell["caveat"], permuted=permuted_runs(cell, permuted, permuted_records))
        for cell, files in zip(snakemake.params.cells, cells, strict=True)
    ]
    write_table(pd.concat(metrics, ignore_index=True), snakemake.output.metrics, "metrics")
    write_table(pairwise_table(cells, **chance), snakemake.output.pairwise, "pairwise")
    write_table(variance_table(cells), snakemake.output.variance, "variance")
