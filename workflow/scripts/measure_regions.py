"""Measure the regions of the segmentations of a shard of patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.cohorts import read_patient_series
    from gliobench.cohorts.regions import measure_regions
    from gliobench.files import read_table, shard_of, write_table

    folder, kind = snakemake.params.images
    patients = shard_of(read_table(snakemake.input.patients, "patients"), snakemake.wildcards.shard)
    regions = measure_regions(
        patients["patient_id"],
        read_table(snakemake.input.series, "series"),
        [tuple(each) for each in snakemake.params.measures],
        lambda patient_id, name: read_patient_series(kind, folder, patient_id, name)[0],
    )
    write_table(regions, snakemake.output.regions, "regions")
