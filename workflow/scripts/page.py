"""Write the study's report."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.evaluation.runs import cell_rows, read_runs
    from gliobench.files import read_json, read_table, write_json
    from gliobench.origin import origin
    from gliobench.reporting.page import write_report
    from gliobench.study_record import study_record

    tables = {Path(path).stem: read_table(path, Path(path).stem) for path in snakemake.input.tables}
    tables["published"] = read_table(snakemake.input.published, "published")
    records = [read_json(path) for path in snakemake.input.records]
    fidelity = Path(snakemake.input.fidelity).read_text(encoding="utf-8")
    folder = Path(snakemake.output.figures).parent
    study = snakemake.params.study | {"config": snakemake.params.config, "origin": origin()}
    predictions = cell_rows(*read_runs(snakemake.input.predictions, snakemake.input.shown_records))
    write_report(folder, study, tables, snakemake.params.figures, records, fidelity, predictions)
    write_json(study_record(snakemake.params.config, study["origin"]), snakemake.output.study)
