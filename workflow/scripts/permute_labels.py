"""Write the patients of a cohort once more for each permutation of their labels."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.cohorts.permute import permute_labels
    from gliobench.files import read_table, write_table

    patients = read_table(snakemake.input.patients, "patients")
    for seed, path in zip(snakemake.params.seeds, snakemake.output.patients, strict=True):
        write_table(permute_labels(patients, seed), path, "patients")
