"""Fetch the ImageNet weights of an approach's networks, as its trainings load them."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.files import write_json
    from gliobench.training import Machine, import_approach
    from gliobench.training.fetching import fetch_imagenet

    approach = import_approach(snakemake.wildcards.approach, snakemake.params.toolchain)
    approach.prepare(Machine(snakemake.threads, "cpu"))
    fetch_imagenet(approach, snakemake.params.networks)
    write_json({"weights": "imagenet", "networks": snakemake.params.networks}, snakemake.output[0])
