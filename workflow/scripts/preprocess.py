"""Make the inputs of an approach from the series of each patient."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.files import read_table, shard_of
    from gliobench.inputs.field import with_chosen_spacing
    from gliobench.inputs.make import make_inputs, usable_series
    from gliobench.inputs.store import shard_writer

    settings = with_chosen_spacing(snakemake.params.input, snakemake.input.field)
    patients = shard_of(read_table(snakemake.input.patients, "patients"), snakemake.wildcards.shard)
    usable = usable_series(read_table(snakemake.input.series, "series"), snakemake.params.series, settings)
    with shard_writer(snakemake.output.array) as append:
        for patient_id in (each for each in patients["patient_id"] if each in usable):
            append(*make_inputs(patient_id, usable[patient_id], *snakemake.params.images, settings))
