"""Write the pages of a cohort's patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.cohorts.owners import whose
    from gliobench.evaluation.columns import CELL
    from gliobench.evaluation.patient_scores import join_probabilities, patient_probabilities
    from gliobench.evaluation.runs import patient_rows, runs_of
    from gliobench.files import read_json, read_table
    from gliobench.reporting.patient_pages import CohortPatients, write_patient_pages
    from gliobench.reporting.patient_pictures import save_maps, save_thumbnails
    from gliobench.wording import method_name

    cohort, tables = snakemake.wildcards.cohort, snakemake.input
    records = [read_json(path) for path in tables.records]
    patients, probabilities = read_table(tables.patients, "patients"), []
    person = whose(patients).set_axis(patients["patient_id"])
    for method in snakemake.params.methods:  # one after the other: predictions of slices are large
        runs = runs_of(method, records)
        predictions = [read_table(tables.predictions[run], "predictions") for run in runs]
        rows = patient_rows(predictions, [records[run] for run in runs])
        names = {name: method[name] for name in CELL}
        probabilities.append(patient_probabilities(rows, method["phase"], person).assign(**names))
    folder = Path(snakemake.output[0])
    thumbnails = save_thumbnails(
        folder, [read_table(path, "series") for path in tables.audited], [np.load(path) for path in tables.thumbnails]
    )
    maps = {}
    explained = zip(snakemake.params.explained, tables.cams, tables.maps, tables.images, strict=True)
    for number, (method, *paths) in enumerate(explained):
        cams, arrays = read_table(paths[0], "cams"), [np.load(path) for path in paths[1:]]
        name = f"{method_name(method)}, {method['protocol']}"
        for patient, picture in save_maps(folder, cams, *arrays, method["channels"], name, number).items():
            maps.setdefault(patient, []).append(picture)
    exclusions = read_table(tables.exclusions, "exclusions")
    shown = CohortPatients(
        cohort,
        snakemake.params.methods,
        patients,
        read_table(tables.series, "series"),
        exclusions[exclusions["cohort"] == cohort],
        join_probabilities(probabilities),
        snakemake.params.show_images,
        thumbnails,
        maps,
    )
    write_patient_pages(folder.parents[1], snakemake.params.study, shown)
