"""Draw the ROC curve and the confusion matrix of a cell's test patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.cells import CELL, patient_rows
    from gliobench.files import read_json, read_table
    from gliobench.reporting.figures import confusion_figure, roc_figure
    from gliobench.reporting.style import save_figure

    wildcards = snakemake.wildcards
    rows = patient_rows(
        [read_table(path, "predictions") for path in snakemake.input.predictions],
        [read_json(path) for path in snakemake.input.records],
    )
    rows = rows[(rows["phase"] == wildcards.phase) & (rows["part"] == "test")]
    metrics = read_table(snakemake.input.metrics, "metrics")
    cell = (metrics[CELL] == [wildcards[name] for name in CELL]).all(axis=1)
    test = metrics["part"].ne("validation") & metrics["phase"].fillna(wildcards.phase).eq(wildcards.phase)
    scores = metrics[cell & test].iloc[0].to_dict()
    patients = read_table(snakemake.input.patients, "patients")
    names = dict(zip(patients["label"], patients["label_name"], strict=True))
    save_figure(roc_figure(rows, scores), Path(snakemake.output.roc[0]).with_suffix(""))
    save_figure(
        confusion_figure(rows, scores, (names[0], names[1])), Path(snakemake.output.confusion[0]).with_suffix("")
    )
