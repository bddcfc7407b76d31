"""Draw the figures of a cell that are made from its scores."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.columns import CELL
    from gliobench.evaluation.runs import patient_rows, read_runs
    from gliobench.figures.cell import CellScores, cell_figure
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table

    metrics = read_table(snakemake.input.metrics, "metrics")
    patients = read_table(snakemake.input.patients, "patients")
    names = dict(zip(patients["label"], patients["label_name"], strict=True))
    cell = CellScores(
        rows=patient_rows(*read_runs(snakemake.input.predictions, snakemake.input.records)),
        metrics=metrics[(metrics[CELL] == [snakemake.wildcards[name] for name in CELL]).all(axis=1)],
        histories=[read_table(path, "history") for path in snakemake.input.histories],
        phases=snakemake.params.phases,
        label_names=(names[0], names[1]),
    )
    for (name, phase), png in zip(snakemake.params.figures, snakemake.output[::2], strict=True):
        save_figure(cell_figure(name, phase, cell), Path(png).with_suffix(""))
