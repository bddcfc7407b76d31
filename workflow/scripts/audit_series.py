"""Read each series of a shard of patients for its facts."""

from gliobench.recipe import recipe

with recipe(snakemake):
    import numpy as np

    from gliobench.cohorts.audit import audit_patients
    from gliobench.files import read_table, shard_of, whole, write_table

    patients = shard_of(read_table(snakemake.input.patients, "patients"), snakemake.wildcards.scatteritem)
    series, thumbnails = audit_patients(
        patients["patient_id"],
        snakemake.params.names,
        snakemake.params.folder,
        snakemake.params.exclude,
        snakemake.params.kind,
    )
    write_table(series, snakemake.output.series, "series")
    with whole(snakemake.output.thumbnails) as temporary:
        np.save(temporary, thumbnails)
