"""Write the patients of a cohort with permuted labels, and draw the splits of this copy."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.cohorts.permute import permute_labels
    from gliobench.files import read_table, write_table
    from gliobench.splits import split_or_reason

    seed, series = snakemake.params.seed, read_table(snakemake.input.series, "series")
    own = read_table(snakemake.input.patients, "patients")
    patients = permute_labels(own, seed, snakemake.params.within_sites)
    write_table(patients, snakemake.output.patients, "patients")
    for scheme, path in zip(snakemake.params.schemes, snakemake.output.splits, strict=True):
        write_table(split_or_reason(patients, series, scheme, seed), path, "split")
