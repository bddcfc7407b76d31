"""Draw class-activation maps over the inputs."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from pathlib import Path

    import numpy as np

    from gliobench.evaluation.columns import CELL
    from gliobench.figures.explanations import gradcam_figure
    from gliobench.figures.style import save_figure
    from gliobench.files import read_table

    figure = gradcam_figure(
        read_table(snakemake.input.cams, "cams"),
        np.load(snakemake.input.maps),
        np.load(snakemake.input.images),
        snakemake.params.channels,
        [snakemake.wildcards[name] for name in CELL],
    )
    save_figure(figure, Path(snakemake.output[0]).with_suffix(""))
