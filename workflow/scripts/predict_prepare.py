"""Make the input of a run from the images of one new patient."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path
    from tempfile import TemporaryDirectory

    import numpy as np

    from gliobench.files import read_json, whole, write_table
    from gliobench.inputs.store import write_shard
    from gliobench.predict.patient import audit_patient, check_made, make_patient_inputs

    patient, record = Path(snakemake.params.patient), read_json(snakemake.input.record)
    with TemporaryDirectory(dir=Path(snakemake.output.array).parent) as decoded:
        series, thumbnails = audit_patient(patient, record, Path(decoded))
        arrays, index = make_patient_inputs(patient, series, record, Path(decoded))
    if not snakemake.params.listed:  # in a list, a patient without an input is a row with the reason
        check_made(index)
    write_shard(arrays, index, snakemake.output.array)
    write_table(series, snakemake.output.series, "series")
    with whole(snakemake.output.thumbnails) as temporary:
        np.save(temporary, thumbnails)
