"""Write a generated cohort as DICOM, or as NIfTI for brainstems."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from importlib import import_module
    from pathlib import Path

    module = import_module(f"gliobench.cohorts.{snakemake.params.kind.replace('-', '_')}")
    folder = Path(snakemake.output.images)
    module.write_cohort(snakemake.params.generator, snakemake.params.seed, folder, snakemake.threads)
