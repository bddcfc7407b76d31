rule imagenet_tensorflow:
    """Fetch ImageNet weights into the library's cache: once, and here, so that trainings need no network."""
    output:
        IMAGENET,
    log:
        f"{RESULTS}/logs/weights/{{approach}}.log",
    wildcard_constraints:
        approach=approaches_of("tensorflow"),
    priority: LONG_ONES_EARLY
    retries: 0
    localrule: True
    conda:
        "../envs/tensorflow.yaml"
    threads: 1
    params:
        networks=lambda wildcards: networks.pretrained(STUDY, wildcards.approach),
        toolchain=lambda wildcards: STUDY.toolchain(wildcards.approach),
        library=lambda wildcards: library_digest(
            "fetch_weights.py", f"gliobench/approaches/{wildcards.approach}.py"
        ),
    script:
        "../workflow/scripts/fetch_weights.py"


use rule imagenet_tensorflow as imagenet_torch with:
    wildcard_constraints:
        approach=approaches_of("torch"),
    conda:
        "../envs/torch.yaml"
