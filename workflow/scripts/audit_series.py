"""Read each series of a shard of patients: its facts, a thumbnail, and the voxels that inputs are made of."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from functools import partial
    from pathlib import Path

    import numpy as np

    from gliobench.cohorts import read_patient_series
    from gliobench.cohorts.audit import audit_patients
    from gliobench.cohorts.decoded import keep_series
    from gliobench.cohorts.features import audit_features
    from gliobench.files import join_tables, read_table, shard_of, whole, write_table

    folder, kind, kept = snakemake.params.folder, snakemake.params.kind, snakemake.output.get("decoded")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)  # a shard may have no series to keep
    keep = partial(keep_series, kept) if kept else None
    patients = shard_of(read_table(snakemake.input.patients, "patients"), snakemake.wildcards.shard)
    series, thumbnails = audit_patients(
        patients["patient_id"],
        snakemake.params.names,
        folder,
        snakemake.params.exclude,
        kind,
        keep,
    )
    for name in snakemake.params.masks if keep else []:
        for patient_id in patients["patient_id"]:
            keep(patient_id, name, *read_patient_series(kind, folder, patient_id, name))
    tabular = audit_features(patients["patient_id"], snakemake.params.features)
    write_table(join_tables([series, tabular], "series"), snakemake.output.series, "series")
    with whole(snakemake.output.thumbnails) as temporary:
        np.save(temporary, thumbnails)
