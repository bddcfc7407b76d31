"""Score the baselines of a cohort and show them: the first table of a study."""

from gliobench.recipe import recipe, say

with recipe(snakemake):
    from gliobench.evaluation.cohort import score_cohort
    from gliobench.evaluation.comparison import comparison_table
    from gliobench.evaluation.runs import read_runs
    from gliobench.files import read_table, write_text
    from gliobench.reporting.terminal import print_table

    given, params = snakemake.input, snakemake.params
    runs = read_runs(given.predictions, given.records)
    sites = read_table(given.patients, "patients").set_index("patient_id")["site"]
    metrics, *_ = score_cohort(params.cells, runs, ([], []), params.seed, params.resamples, {"site": sites})
    kinds = {snakemake.wildcards.cohort: params.kind}
    table = comparison_table(metrics, params.cells, read_table(given.published, "published"), kinds)
    text = print_table(table[~table["part"].isin(["train", "validation"])])
    write_text(text, snakemake.output[0])
    say(f"First table: the baselines; all others follow.\n\n{text}")
