"""Draw class-activation maps over the inputs."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.evaluation.columns import CELL
    from gliobench.files import read_table
    from gliobench.reporting.explanations import gradcam_figure
    from gliobench.reporting.style import save_figure

    figure = gradcam_figure(
        read_table(snakemake.input.cams, "cams"),
        np.load(snakemake.input.maps),
        np.load(snakemake.input.images),
        snakemake.params.channels,
        [snakemake.wildcards[name] for name in CELL],
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
