"""Make the input of an approach from one series of each patient."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.files import read_table, shard_of
    from gliobench.inputs.chosen import with_field
    from gliobench.inputs.make import make_inputs, usable_patients
    from gliobench.inputs.store import shard_writer

    name = snakemake.wildcards.modality
    settings = with_field(snakemake.params.input, snakemake.input.field)
    patients = shard_of(read_table(snakemake.input.patients, "patients"), snakemake.wildcards.scatteritem)
    usable = usable_patients(read_table(snakemake.input.series, "series"), name, settings)
    chosen = patients.loc[patients["patient_id"].isin(usable), "patient_id"]
    with shard_writer(snakemake.output.array) as append:
        for patient_id in chosen:
            append(*make_inputs([patient_id], name, snakemake.params.folder, snakemake.params.kind, settings))
