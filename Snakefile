# GlioBench: five published deep-learning studies of glioblastoma MRI, re-run under the same conditions.
# One config file is one study, named by `--configfile`; the default is config/config.yaml.
import gc

from snakemake.utils import min_version

min_version("9.27")
gc.freeze()  # what Snakemake imported is no garbage: a plan takes about a fifth less time if Python does not search it

if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


scattergather:
    shards=4,  # of patients; depends on the machine: --set-scatter shards=16


include: "rules/command_line.smk"
include: "rules/common.smk"
include: "rules/memory.smk"
include: "rules/gpus.smk"
include: "rules/audited.smk"
include: "rules/labels.smk"
include: "rules/aggregate.smk"
include: "rules/hooks.smk"
include: "rules/evaluate.smk"
include: "rules/figures.smk"
include: "rules/overview.smk"
include: "rules/report.smk"


if not PARTIAL:  # otherwise nothing can be made or trained: there is no rule for it

    include: "rules/download.smk"
    include: "rules/cohort.smk"
    include: "rules/preprocess.smk"
    include: "rules/split.smk"
    include: "rules/visible.smk"
    include: "rules/weights.smk"
    include: "rules/tune.smk"
    include: "rules/train.smk"
    include: "rules/explain.smk"
    include: "rules/image_figures.smk"
    include: "rules/patients.smk"


if ESTIMATED or PLANNED in os.environ:  # the options of an estimate may name its rules

    include: "rules/estimate.smk"


if REQUEST:

    include: "rules/predict.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        first_tables(),
        f"{RESULTS}/tables/comparison.tsv",
        f"{RESULTS}/report/index.html",
    localrule: True


rule predict:
    """New patients scored by a finished run: --config patient=<folder> (or patients=<folder>) model=<run folder>."""
    input:
        REQUEST.results if REQUEST else [],
    localrule: True


rule partial:
    """Tables and report of the existing runs, even while a study is running: snakemake partial."""
    input:
        rules.all.input if PARTIAL else [],
    localrule: True


onstart:
    hold_study(REQUEST.home if REQUEST else RESULTS)
    lift_rate_limit()
    share_memory()
    share_gpus()
    if not (REQUEST or PARTIAL or ESTIMATED):
        begin_on_backend()


onsuccess:
    check_kept()
    print_end()


onerror:
    say_how_it_goes_on(log)
