"""Draw all slices of two patients' inputs."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.files import read_table
    from gliobench.inputs.depth import padding
    from gliobench.inputs.store import read_shards
    from gliobench.reporting.montages import slice_montage
    from gliobench.reporting.style import save_figure

    modality = snakemake.wildcards.modality
    arrays, index = read_shards(snakemake.input.arrays, modality)
    series = read_table(snakemake.input.series, "series")
    n_slices = index.merge(series[series["modality"] == modality], on="patient_id")["n_slices"]
    for row, output in [(n_slices.idxmax(), snakemake.output.longest), (n_slices.idxmin(), snakemake.output.shortest)]:
        slices = np.moveaxis(arrays[row], -1, 0)
        front, behind = padding(n_slices[row], len(slices))
        number = np.arange(len(slices))
        padded = (number < front) | (number >= len(slices) - behind)
        figure = slice_montage(slices, padded, index["patient_id"][row], modality)
        save_figure(figure, Path(output[0]).with_suffix(""))
