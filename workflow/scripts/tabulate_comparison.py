"""Compare every cell of the study with the published figures, judge these, and join the tables of the cohorts."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import pandas as pd

    from gliobench.evaluation.cohort_tables import label_names
    from gliobench.evaluation.comparison import DIGITS, comparison_table
    from gliobench.evaluation.repeats import history_repeats
    from gliobench.evaluation.verdicts import Scores, verdict_table
    from gliobench.files import join_tables, read_json, read_table, write_text
    from gliobench.reporting.own_study import question_and_answers
    from gliobench.reporting.tables import write_formats
    from gliobench.reporting.terminal import print_paragraphs, print_table, print_verdicts

    folder = Path(snakemake.output[0]).parent
    joined = {
        name: pd.concat([read_table(path, name) for path in snakemake.input[name]], ignore_index=True)
        for name in ("metrics", "pairwise", "variance", "repeats", "subgroups")
    }
    published = read_table(snakemake.input.published, "published")
    kinds = {name: about["kind"] for name, about in snakemake.params.cohorts.items()}
    table = comparison_table(joined["metrics"], snakemake.params.cells, published, kinds)
    write_formats(table, folder / "comparison")
    # In a partial report there may be cohorts that have not been read.
    patients = {Path(path).parent.name: read_table(path, "patients") for path in snakemake.input.patients}
    names = {cohort: label_names(rows) for cohort, rows in patients.items()}
    study, replicates_of = snakemake.params.study, snakemake.params.replicates_of
    paragraphs = [snakemake.params.about, *question_and_answers(study, table, joined["pairwise"], names, replicates_of)]
    write_text(print_table(table, study["own"]) + print_paragraphs(paragraphs), folder / "comparison.txt")

    histories = [read_table(path, "history") for path in snakemake.input.histories]
    of_history = history_repeats(histories, [read_json(path) for path in snakemake.input.records])
    scores = Scores(table, joined["variance"], join_tables([joined["repeats"], of_history], "repeats"))
    cohorts = {
        name: about | {"n_labelled": len(patients.get(name, []))} for name, about in snakemake.params.cohorts.items()
    }
    verdicts = verdict_table(published, scores, cohorts, replicates_of)
    write_formats(verdicts, folder / "published_vs_reproduced", "published_vs_reproduced")
    write_text(print_verdicts(verdicts), folder / "published_vs_reproduced.txt")

    for name in ("pairwise", "variance", "subgroups"):
        write_formats(joined[name].round(DIGITS), folder / name, name)
