"""Write a generated cohort as DICOM."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.cohorts.synthetic import write_cohort

    write_cohort(snakemake.params.generator, snakemake.params.seed, Path(snakemake.output.dicom), snakemake.threads)
