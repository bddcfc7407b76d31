"""Explain the predictions of a trained network for some of its test patients."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.training.gpus import claim_gpu

    claim_gpu(snakemake.resources.get("gpu", 0), snakemake.resources.get("gpu_mb", 0))  # before PyTorch looks for one

    import numpy as np

    from gliobench.files import read_table, whole, write_table
    from gliobench.training import Machine, import_approach
    from gliobench.training.gradcam import explain

    approach = import_approach(snakemake.wildcards.approach, "torch")
    approach.prepare(Machine(snakemake.threads, **snakemake.params.machine))
    predictions, models = snakemake.input.run
    cams, maps, images = explain(
        approach,
        snakemake.params.kind,
        read_table(predictions, "predictions"),
        models,
        read_table(snakemake.input.patients, "patients"),
        snakemake.input.arrays,
        snakemake.params.series,
        snakemake.params.seed,
    )
    for array, path in [(maps, snakemake.output.maps), (images, snakemake.output.images)]:
        with whole(path) as temporary:
            np.save(temporary, array)
    write_table(cams.reset_index(drop=True).rename_axis("row").reset_index(), snakemake.output.cams, "cams")
