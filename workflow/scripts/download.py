"""Fetch the competition's data with the user's Kaggle credentials."""

from gliobench.recipe import recipe

with recipe(snakemake):
    from gliobench.cohorts.download import download_rsna
    from gliobench.files import write_json

    write_json(download_rsna(snakemake.params.folder), snakemake.output.record)
