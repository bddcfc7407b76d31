"""Write the study's page."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import yaml

    from gliobench.files import read_json, read_table
    from gliobench.reporting.page import write_page

    tables = {Path(path).stem: read_table(path, Path(path).stem) for path in snakemake.input.tables}
    texts = [Path(path) for path in snakemake.input.template if path.endswith(".rst")]
    captions = {path.stem: " ".join(path.read_text(encoding="utf-8").split()) for path in texts}
    figures = [shown | {"caption": captions[shown["kind"]]} for shown in snakemake.params.figures]
    versions = {}
    for path in snakemake.input.records:
        versions |= read_json(path)["versions"]
    config = yaml.safe_dump(snakemake.params.config, sort_keys=False, allow_unicode=True)
    write_page(snakemake.output[0], snakemake.params.study | {"config": config}, tables, figures, versions)
