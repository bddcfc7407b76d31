"""Draw accuracy and loss before and after fine-tuning, for all modalities."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    from gliobench.figures.style import save_figure
    from gliobench.figures.trainings import phase_curves_figure
    from gliobench.files import read_json, read_table

    cells: dict[str, tuple[dict, list, list]] = {}
    for record_path, history_path in zip(snakemake.input.records, snakemake.input.histories, strict=True):
        record = read_json(record_path)
        _, histories, records = cells.setdefault(record["modality"], (record, [], []))
        histories.append(read_table(history_path, "history"))
        records.append(record)
    figure = phase_curves_figure(list(cells.values()), snakemake.params.phases)
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
