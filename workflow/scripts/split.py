"""Draw a split scheme over a cohort."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.files import read_table, write_table
    from gliobench.splits import split_or_reason

    patients, series = (read_table(snakemake.input[name], name) for name in ("patients", "series"))
    split = split_or_reason(patients, series, snakemake.params.scheme, snakemake.params.seed)
    write_table(split, snakemake.output.split, "split")
