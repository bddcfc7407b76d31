"""Draw a split scheme over a cohort, or over each of its copies with permuted labels."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.files import read_table, write_table
    from gliobench.splits import draw_split

    series = read_table(snakemake.input.series, "series")
    files = zip(snakemake.input.patients, snakemake.output.split, snakemake.params.seeds, strict=True)
    for patients, path, seed in files:
        split = draw_split(read_table(patients, "patients"), series, snakemake.params.scheme, seed)
        write_table(split, path, "split")
