"""Time what becomes of a patient's images before any training, on a few patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from gliobench.estimate.sample import time_sample
    from gliobench.estimate.starts import IMAGES, start_seconds
    from gliobench.files import write_json
    from gliobench.processes import peak_memory

    with TemporaryDirectory(dir=Path(snakemake.log[0]).parent) as folder:
        params = snakemake.params
        sample = time_sample(snakemake.wildcards.cohort, params.cohort, params.inputs, Path(folder))
    about = {"peak_bytes": peak_memory(), "start_seconds": start_seconds(*IMAGES)}
    write_json(sample | about, snakemake.output[0])
