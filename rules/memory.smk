# No rules here: what jobs take of a machine's memory, and how they share it where they run here.
import math

from snakemake.logging import logger

from gliobench.machine_memory import memory_for_jobs
from gliobench.training.needed_memory import HELD, MIB, memory_of_training
from gliobench.training.gpus import gpu_memory

BESIDE_GPU = 6000  # MB of a training on a GPU, or whose network has no estimate
WITHOUT_NETWORK = 1000  # MB of a training of scikit-learn
WARNED_OF = set()  # approaches with a job that needs more than there is


def memory(first, per_input=0, share=lambda wildcards: 1):
    """The resource mem_mb, `growing`; Snakemake lowers what a job needs to all there is, so that it runs alone."""
    needed = growing(first, per_input, share)

    def amount(wildcards, input, attempt):
        megabytes = needed(wildcards, input, attempt)
        if megabytes > memory_shared_here():
            warn_of_large_job(wildcards, megabytes)
        return megabytes

    return amount


def memory_shared_here():
    """What the jobs of this run share, MB, once they start; without limit on a cluster, and in a dry run."""
    starts = workflow.is_main_process and workflow.scheduler and not workflow.dryrun
    shared = workflow.global_resources.get("mem_mb").value
    return shared if starts and workflow.local_exec and shared else math.inf


def warn_of_large_job(wildcards, megabytes):
    """Say, once for an approach, that a job may not fit."""
    approach = getattr(wildcards, "approach", "a job")
    if approach not in WARNED_OF:
        WARNED_OF.add(approach)
        logger.warning(
            f"GlioBench: {approach} is estimated to need {megabytes / 1000:.1f} GB of memory, and jobs here share "
            f"{memory_shared_here() / 1000:.1f} GB (`--resources mem_mb=N` is another amount), so it runs alone. If "
            "the system kills it, lower the `batch_size` of a training, or use a machine with more memory."
        )


def memory_of(cell):
    """What a training of a cell takes of the machine's memory, MB, without its inputs; of a tuning, its largest trial."""
    if STUDY.toolchain(cell.approach) == "sklearn":
        return WITHOUT_NETWORK
    step = step_memory(cell) * MIB / 1e6
    return BESIDE_GPU if computes_on_gpu(cell) or math.isinf(step) else step


def step_memory(cell):
    """What a training of a cell takes where it computes, MiB, without its inputs."""
    approach = STUDY.approaches[cell.approach]
    space = approach.tuning["space"] if approach.tuned(cell.variant) else {}
    return memory_of_training(STUDY.job(cell), space)


def workers_of_tuning(wildcards):
    """The trainings of a tuning that run at once."""
    return STUDY.approaches[wildcards.approach].tuning["workers"]


def computes_on_gpu(cell):
    """Whether a training uses a GPU: if it requests one, and there is one if it runs here."""
    return gpus_of(cell) and not (workflow.local_exec and not gpu_memory())


def share_here(name, amount):
    """Let no more jobs run here at once than need so much of a resource together."""
    workflow.register_resource(name, amount)
    workflow.scheduler.global_resources[name] = amount


def memory_to_share():
    """What jobs that run here share, MB: as much as the user said, or this machine has; without limit on a cluster."""
    if not workflow.local_exec:
        return math.inf
    return workflow.global_resources.get("mem_mb").value or memory_for_jobs()


def share_memory():
    """Let no more jobs run here at once than this machine's memory holds, unless the user said how much it is."""
    here = workflow.is_main_process and workflow.local_exec
    if here and "mem_mb" not in workflow.global_resources:
        share_here("mem_mb", memory_to_share())
