"""Put every cell of the study beside the published figures."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import pandas as pd

    from gliobench.files import read_table, write_text
    from gliobench.reporting.comparison import comparison_table
    from gliobench.reporting.tables import print_table, write_formats

    metrics = pd.concat([read_table(path, "metrics") for path in snakemake.input.metrics], ignore_index=True)
    published = read_table(snakemake.input.published, "published")
    table = comparison_table(metrics, snakemake.params.cells, published, snakemake.params.kinds)
    stem = Path(snakemake.output[0]).with_suffix("")
    write_formats(table, stem)
    write_text(print_table(table), stem.with_suffix(".txt"))
