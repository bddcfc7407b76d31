DOWNLOADS = [
    f"{RESULTS}/{name}/download.json"
    for name, settings in STUDY.config["cohorts"].items()
    if settings["kind"] == "rsna"
]


rule fetch_rsna:
    """The RSNA-MICCAI 2021 data, with the user's Kaggle credentials, into the cohort's path: only on request."""

    # No digest of the library: editing the code must not contact Kaggle again.
    output:
        record=f"{COHORT}/download.json",
    log:
        f"{COHORT}/logs/download.log",
    conda:
        "../envs/imaging.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=growing(1440),
    params:
        folder=lambda wildcards: cohort_settings(wildcards)["path"],
    script:
        "../workflow/scripts/download.py"


rule download:
    """Fetch the competition's data of the study's rsna cohorts: snakemake download."""
    input:
        DOWNLOADS,
    localrule: True
