"""Read who the patients of a cohort are."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.cohorts.rsna import check_excluded, read_patients
    from gliobench.files import write_table

    patients = read_patients(snakemake.params.folder, snakemake.params.sites)
    check_excluded(patients, snakemake.params.exclude)
    write_table(patients, snakemake.output.patients, "patients")
