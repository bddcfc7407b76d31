"""Draw slices of some patients' inputs."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.figures.montages import choose_patients, input_images, inputs_montage
    from gliobench.figures.orientation import planes_of
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table
    from gliobench.inputs.store import read_shards

    wildcards = snakemake.wildcards
    name = wildcards.modality
    series = read_table(snakemake.input.series, "series")
    arrays, index = read_shards(snakemake.input.arrays, name, choose_patients(series, name))
    planes = planes_of(series)
    inputs = [
        input_images(f"Patient {patient}", arrays[rows["row"]], rows["slice_index"], planes[patient, name])
        for patient, rows in index.groupby("patient_id")
    ]
    figure = inputs_montage(inputs, [wildcards.cohort, wildcards.input_name, name])
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
