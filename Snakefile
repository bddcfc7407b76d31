# GlioBench: five published deep-learning studies of glioblastoma MRI, re-run on one footing.
# One config file is one study: `--configfile` names it whole; without one it is config/config.yaml.
from snakemake.utils import min_version

min_version("9.27")

if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


scattergather:
    shards=4,  # of patients; a machine's choice: --set-scatter shards=32


include: "rules/common.smk"
include: "rules/cohort.smk"
include: "rules/preprocess.smk"
include: "rules/split.smk"
include: "rules/tune.smk"
include: "rules/train.smk"
include: "rules/explain.smk"
include: "rules/evaluate.smk"
include: "rules/report.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        f"{RESULTS}/tables/comparison.tsv",
        f"{RESULTS}/report/index.html",
    localrule: True


onstart:
    hold_study(RESULTS)


onsuccess:
    show_result(RESULTS)
