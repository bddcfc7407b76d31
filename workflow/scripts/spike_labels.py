"""Write the patients of a cohort with labels drawn from a measured quantity, and draw the splits of this copy."""

from gliobench.recipe import recipe

with recipe(snakemake):
    import pandas as pd

    from gliobench.cohorts.features import read_number
    from gliobench.cohorts.spike import spike_labels
    from gliobench.files import read_table, write_table
    from gliobench.inputs.facts import HEADER, INTENSITY
    from gliobench.inputs.store import read_shards
    from gliobench.splits import split_or_reason

    given, params = snakemake.input, snakemake.params
    wanted, series = params.spiked, read_table(given.series, "series")
    if "features" in wanted:
        quantity = read_number(wanted["features"], params.features[wanted["features"]], wanted["column"])
    else:
        facts, index = read_shards(given.facts, wanted["modality"])
        column = len(HEADER) + INTENSITY.index(wanted["column"])
        quantity = pd.Series(facts[:, column], index["patient_id"])
    own = read_table(given.patients, "patients")
    patients = spike_labels(own, quantity, params.oracle_auc, params.seed)
    write_table(patients, snakemake.output.patients, "patients")
    for scheme, path in zip(params.schemes, snakemake.output.splits, strict=True):
        write_table(split_or_reason(patients, series, scheme, params.seed), path, "split")
