"""Time each network of an approach that differs in speed: a few steps, and predictions."""

from gliobench.recipe import recipe

with recipe(snakemake):
    import pandas as pd

    from gliobench.estimate.rows import random_inputs, rows_of_training, shape_of
    from gliobench.estimate.starts import TRAINING, start_seconds
    from gliobench.files import read_json, write_table
    from gliobench.training import Machine, import_approach
    from gliobench.training.gpus import claim_gpu
    from gliobench.training.timing import time_network

    params = snakemake.params
    claim_gpu(snakemake.resources.get("gpu", 0), snakemake.resources.get("gpu_mb", 0))
    approach = import_approach(snakemake.wildcards.approach, params.toolchain)
    machine = Machine(snakemake.threads, **params.machine)
    device = approach.prepare(machine)
    samples = dict(zip(params.samples, map(read_json, snakemake.input.samples), strict=True))
    rows = []
    for network in params.networks:
        sample = samples[network["sample"]]
        made = sample["inputs"][network["input_name"]]
        timed = time_network(
            approach,
            shape_of(made, network),
            made["dtype"],
            network["parameters"],
            network["phases"],
            rows_of_training(sample, made, network),
            random_inputs(made),
        )
        rows += [{"key": network["key"], "device": device} | each for each in timed]
    prepared = f"from gliobench.training import Machine; {approach.__name__}.prepare({machine!r})"
    started = start_seconds(*TRAINING, approach.__name__, then=prepared)
    write_table(pd.DataFrame(rows).assign(start_seconds=started), snakemake.output[0], "speed")
