"""Draw the audit of a cohort."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from gliobench.figures.montages import audit_montage, audit_patients
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table
    from gliobench.terms import ALL_SERIES

    tables = [read_table(path, "series") for path in snakemake.input.series]
    series = pd.concat([table[table["modality"].isin(ALL_SERIES)] for table in tables], ignore_index=True)
    images = np.concatenate([np.load(path) for path in snakemake.input.thumbnails]) / 255
    shown = series["patient_id"].isin(audit_patients(series))
    seen = series[shown & series["n_slices"].notna()]
    thumbnails = {(row.patient_id, row.modality): images[row.Index] for row in seen.itertuples()}
    figure = audit_montage(thumbnails, series[shown], snakemake.wildcards.cohort)
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
