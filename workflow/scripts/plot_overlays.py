"""Lay the approaches of a cohort over each other: ROC, precision and recall, calibration."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.columns import CELL
    from gliobench.evaluation.runs import patient_rows
    from gliobench.figures.cell import shown_scores
    from gliobench.figures.overlays import OVERLAYS, Scored
    from gliobench.figures.style import save_figure
    from gliobench.files import read_json, read_table

    batches = [
        (read_table(predictions, "predictions"), read_json(record))
        for predictions, record in zip(snakemake.input.predictions, snakemake.input.records, strict=True)
    ]
    metrics = read_table(snakemake.input.metrics, "metrics")
    cells = []
    for cell in snakemake.params.cells:
        mine = [batch for batch in batches if all(batch[1][name] == cell[name] for name in CELL)]
        scores = metrics[(metrics[CELL] == [cell[name] for name in CELL]).all(axis=1)]
        rows = patient_rows(*map(list, zip(*mine, strict=True)))
        cells.append(Scored(*shown_scores(rows, scores, cell["phase"]), name=cell["approach"]))
    for name, png in zip(snakemake.params.figures, snakemake.output[::2], strict=True):
        save_figure(OVERLAYS[name](cells), Path(png).with_suffix(""))
