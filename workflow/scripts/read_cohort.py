"""Read the patients of a cohort and their labels."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.cohorts import layout
    from gliobench.cohorts.patients import check_excluded
    from gliobench.files import write_table

    patients = layout(snakemake.params.kind).read_patients(snakemake.params.folder, snakemake.params.sites)
    check_excluded(patients, snakemake.params.exclude)
    write_table(patients, snakemake.output.patients, "patients")
