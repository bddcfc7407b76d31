"""Draw some predicted slices with their labels."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from gliobench.evaluation.columns import CELL, shown_part
    from gliobench.figures.montages import draw_examples, examples_figure
    from gliobench.figures.orientation import planes_of
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table
    from gliobench.inputs.store import join_shards
    from gliobench.seeds import derive_seed

    names = [snakemake.wildcards[name] for name in CELL]
    rows = pd.concat([read_table(path, "predictions") for path in snakemake.input.predictions], ignore_index=True)
    part = shown_part(rows["part"])
    examples = draw_examples(rows[rows["part"] == part], derive_seed(snakemake.params.seed, "examples", *names))
    images = np.empty(0)
    if len(examples):  # a cell whose trainings all failed has none
        wanted = set(examples["patient_id"])
        arrays, index = join_shards("slices", snakemake.input.arrays, examples["modality"].unique(), wanted)
        place = examples.merge(index, on=["patient_id", "modality", "slice_index"], how="left", validate="one_to_one")
        images = arrays[place["row"].to_numpy(int)] / 255
    planes = planes_of(read_table(snakemake.input.series, "series"))
    figure = examples_figure(examples, images, planes, names, part)
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
