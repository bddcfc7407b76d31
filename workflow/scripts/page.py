"""Write the study's report."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.files import read_json, read_table
    from gliobench.reporting.page import write_report

    tables = {Path(path).stem: read_table(path, Path(path).stem) for path in snakemake.input.tables}
    tables["published"] = read_table(snakemake.input.published, "published")
    records = [read_json(path) for path in snakemake.input.records]
    fidelity = Path(snakemake.input.fidelity).read_text(encoding="utf-8")
    folder = Path(snakemake.output.figures).parent
    study = snakemake.params.study | {"config": snakemake.params.config}
    write_report(folder, study, tables, snakemake.params.figures, records, fidelity)
