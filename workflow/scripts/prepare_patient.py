"""Make the input of a run from one new patient's images."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.files import read_json, whole, write_table
    from gliobench.inputs.store import write_shard
    from gliobench.predict.patient import audit_patient, make_patient_inputs

    patient, record = Path(snakemake.params.patient), read_json(snakemake.input.record)
    series, thumbnails = audit_patient(patient, record)
    inputs = make_patient_inputs(patient, series, record)
    for (arrays, index), path in zip(inputs, snakemake.output.arrays, strict=True):
        write_shard(arrays, index, path)
    write_table(series, snakemake.output.series, "series")
    with whole(snakemake.output.thumbnails) as temporary:
        np.save(temporary, thumbnails)
