"""Tabulate the predictions of a list of patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.files import read_json, write_table
    from gliobench.predict.describe import tabulate

    home = Path(snakemake.output.table).parent
    predictions = {
        Path(path).with_name("index.html").relative_to(home).as_posix(): read_json(path)
        for path in snakemake.input.predictions
    }
    write_table(tabulate(predictions), snakemake.output.table, "patient_predictions")
