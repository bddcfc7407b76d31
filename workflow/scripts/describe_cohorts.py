"""Describe the cohorts and list the series that are left out."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import pandas as pd

    from gliobench.files import read_table
    from gliobench.reporting.cohorts import cohort_summary, exclusions
    from gliobench.reporting.tables import write_formats

    folder = Path(snakemake.output[0]).parent
    patients = [read_table(path, "patients") for path in snakemake.input.patients]
    series = [read_table(path, "series") for path in snakemake.input.series]
    cohorts = snakemake.params.cohorts
    summaries = [cohort_summary(*each) for each in zip(cohorts, patients, series, strict=True)]
    left_out = [exclusions(*each) for each in zip(cohorts, series, strict=True)]
    write_formats(pd.concat(summaries, ignore_index=True), folder / "cohorts", "cohorts")
    write_formats(pd.concat(left_out, ignore_index=True), folder / "exclusions", "exclusions")
