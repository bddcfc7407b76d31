"""Read who the patients of a cohort are."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.cohorts.rsna import read_patients
    from gliobench.files import write_table

    patients = read_patients(snakemake.params.folder, snakemake.params.sites)
    write_table(patients, snakemake.output.patients, "patients")
