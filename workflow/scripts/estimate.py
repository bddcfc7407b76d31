"""Add up what the study will take."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import pandas as pd

    from gliobench.estimate.adding import Capacity, Timed, estimate
    from gliobench.files import read_json, read_table, write_table, write_text
    from gliobench.reporting.terminal import print_estimate

    given, params = snakemake.input, snakemake.params
    samples = {}
    for (cohort, _), path in zip(params.samples, given.samples, strict=True):
        sample = read_json(path)
        made = {name: one | {"peak_bytes": sample["peak_bytes"]} for name, one in sample["inputs"].items()}
        inputs = samples.get(cohort, sample)["inputs"] | made
        samples[cohort] = samples.get(cohort, sample) | {"inputs": inputs}
    tables = read_json(given.tables)
    speeds = {name: read_table(path, "speed") for name, path in zip(params.approaches, given.speeds, strict=True)}
    starts = {"images": read_json(given.samples[0])["start_seconds"], "tables": tables["start_seconds"]}
    starts |= {name: speed["start_seconds"].iloc[0] for name, speed in speeds.items()}
    table = estimate(
        read_table(given.jobs, "jobs"),
        params.cells,
        params.cohorts,
        params.inputs,
        params.figures,
        Timed(samples, pd.concat([each.assign(approach=name) for name, each in speeds.items()]), starts, tables),
        Capacity(**params.capacity),
        params.seed,
    )
    write_table(table, snakemake.output.table, "estimate")
    notes = [sample["note"] for sample in samples.values() if sample["note"]]
    write_text(print_estimate(table, notes), Path(snakemake.output.text))
