"""Join the audit of all shards of a cohort."""

from gliobench.recipe import recipe

with recipe(snakemake):
    import pandas as pd

    from gliobench.cohorts.audit import check_something_left
    from gliobench.cohorts.twins import exclude_twins
    from gliobench.files import read_table, write_table

    patients = read_table(snakemake.input.patients, "patients").set_index("patient_id")
    shards = [read_table(path, "series") for path in snakemake.input.shards]
    series = pd.concat(shards, ignore_index=True).sort_values("patient_id", kind="stable", ignore_index=True)
    series = exclude_twins(series, patients["label"].to_dict())
    check_something_left(series, snakemake.wildcards.cohort)
    write_table(series, snakemake.output.series, "series")
