"""Time one scored cell, one pair of cells, and one figure."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from gliobench.estimate.score_times import time_scores
    from gliobench.estimate.starts import FOR_TABLES, start_seconds
    from gliobench.files import read_json, write_json
    from gliobench.processes import peak_memory

    patients = max(len(read_json(path)["patients"]["patient_id"]) for path in snakemake.input)
    with TemporaryDirectory(dir=Path(snakemake.log[0]).parent) as folder:
        timed = time_scores(patients, snakemake.params.repeats, snakemake.params.resamples, Path(folder))
    about = {"peak_bytes": peak_memory(), "start_seconds": start_seconds(*FOR_TABLES)}
    write_json(timed | about, snakemake.output[0])
