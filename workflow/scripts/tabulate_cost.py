"""Sum the cost of every job of the study, and draw the AUC of every cell against the cost of its trainings."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.cost import cost_table, job_cost, training_cost
    from gliobench.figures.overview import cost_figure, points_of
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table
    from gliobench.reporting.tables import write_formats

    replicates_of = snakemake.params.replicates_of
    jobs = [job_cost(*each) for each in zip(snakemake.input.jobs, snakemake.params.jobs, strict=True)]
    jobs += [training_cost(*each) for each in zip(snakemake.input.trainings, snakemake.input.records, strict=True)]
    stem = Path(snakemake.output.table[0]).with_suffix("")
    estimate = stem.with_name("estimate.tsv")  # no input: a finished study stays so when it is asked for afterwards
    table = cost_table(jobs, replicates_of, read_table(estimate, "estimate") if estimate.is_file() else None)
    write_formats(table, stem, "cost")

    comparison = read_table(snakemake.input.comparison, "comparison")
    replicates = read_table(snakemake.input.replicates, "replicates") if replicates_of else None
    figure = cost_figure(points_of(comparison, replicates, replicates_of), table)
    save_figure(figure, Path(snakemake.output.figure[0]).with_suffix(""))
