"""Draw all slices of the inputs of the longest and of the shortest series."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.figures.montages import Images, ends_of, slice_montage
    from gliobench.figures.orientation import planes_of
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table
    from gliobench.inputs.depth import padding
    from gliobench.inputs.store import read_shards

    wildcards = snakemake.wildcards
    arrays, index = read_shards(snakemake.input.arrays, wildcards.modality)
    series = read_table(snakemake.input.series, "series")
    planes = planes_of(series)
    n_slices = index.merge(series[series["modality"] == wildcards.modality], on="patient_id")["n_slices"].tolist()
    inputs, padded = [], []
    for row, words in ends_of(n_slices).items():
        patient = index["patient_id"][row]
        slices = np.moveaxis(arrays[row], -1, 0)
        front, behind = padding(n_slices[row], len(slices))
        number = np.arange(len(slices))
        padded.append((number < front) | (number >= len(slices) - behind))
        plane = planes[patient, wildcards.modality]
        inputs.append(Images(f"Patient {patient} ({words})", slices, number, [plane] * len(slices)))
    figure = slice_montage(inputs, padded, [wildcards.cohort, wildcards.input_name, wildcards.modality])
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
