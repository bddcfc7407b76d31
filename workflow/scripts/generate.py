"""Write a generated cohort as DICOM, or as NIfTI if it is one of brainstems."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.cohorts import synthetic, synthetic_brainstem

    module = synthetic_brainstem if snakemake.params.kind == "synthetic-brainstem" else synthetic
    folder = Path(snakemake.output.images)
    module.write_cohort(snakemake.params.generator, snakemake.params.seed, folder, snakemake.threads)
