"""Make the input of an approach from the series of one modality."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.files import read_table, shard_of
    from gliobench.inputs.make import make_inputs
    from gliobench.inputs.store import write_shard

    patients = shard_of(read_table(snakemake.input.patients, "patients"), snakemake.wildcards.scatteritem)
    series = read_table(snakemake.input.series, "series")
    usable = series[(series["modality"] == snakemake.wildcards.modality) & (series["status"] == "ok")]
    chosen = patients[patients["patient_id"].isin(usable["patient_id"])]
    arrays, index = make_inputs(
        chosen["patient_id"], snakemake.wildcards.modality, snakemake.params.folder, snakemake.params.input
    )
    write_shard(arrays, index, snakemake.output.array)
