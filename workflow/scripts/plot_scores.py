"""Draw the figures that are made from the scores of an approach's cells on a cohort."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.columns import CELL
    from gliobench.evaluation.runs import patient_rows, runs_of
    from gliobench.figures.cell import CellScores, cell_figure
    from gliobench.figures.style import save_figure
    from gliobench.files import read_json, read_table

    given, params = snakemake.input, snakemake.params
    metrics = read_table(given.metrics, "metrics")
    patients = read_table(given.patients, "patients")
    names = dict(zip(patients["label"], patients["label_name"], strict=True))
    records = [read_json(path) for path in given.records]
    files = iter(snakemake.output[::2])
    for cell in params.cells:  # one after the other: predictions of slices are large
        runs = runs_of(cell, records)
        mine = [records[run] for run in runs]
        predictions = [read_table(given.predictions[run], "predictions") for run in runs]
        scores = CellScores(
            rows=patient_rows(predictions, mine),
            metrics=metrics[(metrics[CELL] == [cell[name] for name in CELL]).all(axis=1)],
            histories=[read_table(given.histories[run], "history") for run in runs],
            records=mine,
            phases=params.phases,
            label_names=(names[0], names[1]),
        )
        for name, phase in params.figures:
            save_figure(cell_figure(name, phase, scores), Path(next(files)).with_suffix(""))
