"""Draw slices of some patients' inputs."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.files import read_table
    from gliobench.inputs.store import read_shards
    from gliobench.reporting.montages import choose_patients, image_stack, inputs_montage
    from gliobench.reporting.style import save_figure

    wildcards = snakemake.wildcards
    series = read_table(snakemake.input.series, "series")
    arrays, index = read_shards(snakemake.input.arrays, wildcards.modality, choose_patients(series, wildcards.modality))
    groups = index.groupby("patient_id")
    stacks = {patient: image_stack(arrays[rows["row"]]) for patient, rows in groups}
    numbers = {
        patient: rows["slice_index"].tolist() if len(rows) > 1 else range(len(stacks[patient]))
        for patient, rows in groups
    }
    figure = inputs_montage(stacks, numbers, [wildcards.cohort, wildcards.approach, wildcards.modality])
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
