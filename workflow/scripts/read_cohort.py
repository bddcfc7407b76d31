"""Read the patients of a cohort and their labels."""

from gliobench.recipe import recipe, say

with recipe(snakemake):
    from gliobench.cohorts import layout
    from gliobench.cohorts.features import check_known_patients
    from gliobench.cohorts.patients import check_excluded
    from gliobench.cohorts.selection import divide, flow_sentence
    from gliobench.files import write_table

    settings = snakemake.params.settings
    reader = layout(settings["kind"])
    found = reader.read_patients(snakemake.params.folder, snakemake.params.sites, settings)
    patients, left_out = divide(found, snakemake.wildcards.cohort)
    if len(left_out):
        say(flow_sentence(snakemake.wildcards.cohort, patients, left_out))
    check_excluded(patients, snakemake.params.exclude)
    check_known_patients(patients["patient_id"], snakemake.params.features)
    write_table(patients, snakemake.output.patients, "patients")
    write_table(left_out, snakemake.output.left_out, "left_out")
