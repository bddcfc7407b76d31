"""Score every cell of a cohort, compare them in pairs, split the variance of their runs, and score each repeat."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.evaluation.cohort import score_cohort
    from gliobench.evaluation.repeats import repeats_table
    from gliobench.files import read_json, read_table, write_table

    given, params = snakemake.input, snakemake.params
    runs = [read_table(path, "predictions") for path in given.predictions], [read_json(path) for path in given.records]
    permuted = (
        [read_table(path, "predictions") for path in given.permuted_predictions],
        [read_json(path) for path in given.permuted_records],
    )
    tables = score_cohort(params.cells, runs, permuted, params.seed, params.resamples)
    for name, table in zip(("metrics", "pairwise", "variance"), tables, strict=True):
        write_table(table, snakemake.output[name], name)
    write_table(repeats_table(*runs), snakemake.output.repeats, "repeats")
