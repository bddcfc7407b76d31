"""Draw the losses of a sweep of learning rates."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import pandas as pd

    from gliobench.figures.style import save_figure
    from gliobench.figures.trainings import sweep_figure
    from gliobench.files import read_json, read_table

    records = [read_json(path) for path in snakemake.input.records]
    histories = [read_table(path, "history") for path in snakemake.input.histories]
    predictions = pd.concat([read_table(path, "predictions") for path in snakemake.input.predictions])
    patients = predictions.drop_duplicates(["part", "patient_id"]).astype({"label": float})
    train, validation = (patients.loc[patients["part"] == part, "label"].mean() for part in ("train", "validation"))
    save_figure(sweep_figure(histories, records, (train, validation)), Path(snakemake.output[0]).with_suffix(""))
