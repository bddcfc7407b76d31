"""Choose the field of view of an approach's grid from the brains of a study."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.files import read_table, write_json
    from gliobench.inputs.field import choose_field

    inputs = snakemake.params.inputs
    tables = {cohort: read_table(path, "series") for cohort, path in zip(inputs, snakemake.input, strict=True)}
    write_json(choose_field(inputs, tables), snakemake.output.field)
