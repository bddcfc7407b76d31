"""Draw a split scheme."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.files import read_table, write_table
    from gliobench.splits import draw_split

    patients = read_table(snakemake.input.patients, "patients")
    write_table(draw_split(patients, snakemake.params.scheme, snakemake.params.seed), snakemake.output.split, "split")
