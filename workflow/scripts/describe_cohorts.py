"""Describe the cohorts and list the unused series."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.cohort_tables import cohort_summary, exclusions
    from gliobench.files import join_tables, read_json, read_table
    from gliobench.reporting.tables import write_formats

    folder = Path(snakemake.output[0]).parent
    patients = [read_table(path, "patients") for path in snakemake.input.patients]
    series = [read_table(path, "series") for path in snakemake.input.series]
    cohorts = snakemake.params.cohorts
    summaries = [cohort_summary(*each) for each in zip(cohorts, patients, series, strict=True)]
    indexes: dict[str, dict[str, list]] = {cohort: {} for cohort in cohorts}
    for (cohort, name), path in zip(snakemake.params.inputs, snakemake.input.indexes, strict=True):
        indexes[cohort].setdefault(name, []).append(read_table(path, "index"))
    fields = {name: read_json(path) for name, path in zip(snakemake.params.fields, snakemake.input.fields, strict=True)}
    patients_out = [read_table(path, "left_out") for path in snakemake.input.left_out]
    left_out = [
        exclusions(cohort, of_cohort, indexes[cohort], fields, people)
        for cohort, of_cohort, people in zip(cohorts, series, patients_out, strict=True)
    ]
    write_formats(join_tables(summaries, "cohorts"), folder / "cohorts", "cohorts")
    write_formats(join_tables(left_out, "exclusions"), folder / "exclusions", "exclusions")
