"""Tabulate and report what exists of a study."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import pandas as pd

    from gliobench.evaluation.verdicts import last_training_scores, verdict_table
    from gliobench.files import read_json, read_table, write_text
    from gliobench.reporting.cohorts import cohort_summary, exclusions
    from gliobench.reporting.comparison import comparison_table
    from gliobench.reporting.cost import cost_table, job_cost
    from gliobench.reporting.names import DRAWN_FROM_TABLES
    from gliobench.reporting.page import write_report
    from gliobench.reporting.partial import about, partial_controls, partial_figures, partial_metrics, partial_pairs
    from gliobench.reporting.style import save_figure
    from gliobench.reporting.tables import write_formats
    from gliobench.reporting.terminal import print_table, print_verdicts

    folder, given = Path(snakemake.output[0]), snakemake.params
    runs = {
        run: (read_table(f"{run}/predictions.tsv", "predictions"), read_json(f"{run}/run.json")) for run in given.runs
    }
    published = read_table(snakemake.input.published, "published")
    metrics = partial_metrics(given.cells, runs, given.seed, given.resamples)
    comparison = comparison_table(metrics, given.cells, published, given.kinds)
    claimed = [run for run in given.claimed if run in runs]
    histories = [read_table(f"{run}/history.tsv", "history") for run in claimed]
    training = last_training_scores(histories, [runs[run][1] for run in claimed])
    pairwise, variance = partial_pairs(given.cells, runs, given.seed, given.resamples)
    jobs = [job_cost(path, folder.parent, record) for path, record in given.jobs.items()]
    tables = {
        "comparison": comparison,
        "published_vs_reproduced": verdict_table(published, comparison, given.facts, given.groups, training),
        "pairwise": pairwise,
        "variance": variance,
        "cost": cost_table(jobs, given.groups),
    }
    if given.cohorts:
        read = {
            Path(cohort).name: [read_table(f"{cohort}/{name}.tsv", name) for name in ("patients", "series")]
            for cohort in given.cohorts
        }
        summaries = [cohort_summary(name, *both) for name, both in read.items()]
        left_out = [exclusions(name, series) for name, (_, series) in read.items()]
        tables["cohorts"] = pd.concat(summaries, ignore_index=True)
        tables["exclusions"] = pd.concat(left_out, ignore_index=True)
    pairs = [runs[run] for run in given.pairs if run in runs]
    tables |= partial_controls(comparison, tables.get("cohorts"), given.groups, given.levels, pairs)
    for name, table in tables.items():
        write_formats(table, folder / "tables" / name, name)

    study = given.study | {"config": given.config, "about": about(given.cells, runs)}
    drawn = {kind: folder / "figures" / kind for kind in DRAWN_FROM_TABLES}
    for kind, figure in partial_figures(tables, given.groups, given.levels).items():
        save_figure(figure, drawn[kind])
    placed = [
        shown | {"path": f"{drawn[shown['kind']]}.png" if shown["kind"] in drawn else shown["path"]}
        for shown in given.figures
    ]
    figures = [shown for shown in placed if Path(shown["path"]).is_file()]
    fidelity = Path(snakemake.input.fidelity).read_text(encoding="utf-8")
    records = [record for _, record in runs.values()]
    write_report(folder / "report", study, tables | {"published": published}, figures, records, fidelity)
    write_text(f"{print_table(comparison)}\n{study['about']}\n", folder / "tables" / "comparison.txt")
    write_text(print_verdicts(tables["published_vs_reproduced"]), folder / "tables" / "published_vs_reproduced.txt")
