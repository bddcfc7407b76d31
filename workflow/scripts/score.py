"""Score every cell of a cohort and its repeats and subgroups, compare cells in pairs, and split their variance."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.cohorts.subgroups import read_subgroups
    from gliobench.evaluation.cohort import score_cohort
    from gliobench.evaluation.repeats import repeats_table
    from gliobench.evaluation.runs import read_runs
    from gliobench.files import read_table, write_table

    given, params = snakemake.input, snakemake.params
    runs = read_runs(given.predictions, given.records)
    copies = read_runs(given.permuted_predictions, given.permuted_records)
    subgroups, series = {}, None
    if given.patients:
        patients, series = read_table(given.patients, "patients"), read_table(given.series, "series")
        subgroups = {"site": patients.set_index("patient_id")["site"]}
        subgroups |= read_subgroups(params.subgroups, patients["patient_id"])
    tables = score_cohort(params.cells, runs, copies, params.seed, params.resamples, subgroups, series)
    for name, table in zip(("metrics", "pairwise", "variance", "subgroups"), tables, strict=True):
        write_table(table, snakemake.output[name], name)
    write_table(repeats_table(*runs), snakemake.output.repeats, "repeats")
