"""Write the patients of a cohort with labels that their images show, and the cohort's own splits of these patients."""

from gliobench.recipe import recipe, say

with recipe(snakemake):
    from gliobench.cohorts.visible import label_quantity, visible_labels
    from gliobench.files import join_tables, read_table, write_table

    given, params = snakemake.input, snakemake.params
    own = read_table(given.patients, "patients")
    regions = join_tables([read_table(path, "regions") for path in given.regions], "regions")
    quantity = label_quantity(params.visible, regions, params.features)
    patients = visible_labels(own, quantity, params.visible, snakemake.wildcards.label, params.seed)
    if len(patients) < len(own):
        say(f"{len(own) - len(patients)} of {len(own)} patients lack the quantity of {snakemake.wildcards.label}.")
    write_table(patients, snakemake.output.patients, "patients")
    for path, made in zip(given.splits, snakemake.output.splits, strict=True):
        split = read_table(path, "split")
        write_table(split[split["patient_id"].isin(patients["patient_id"])], made, "split")
