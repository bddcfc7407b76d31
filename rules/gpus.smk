# No rules here: how trainings on this machine share its GPUs.
from gliobench.training.gpus import gpu_memory


def gpus_are_shared():
    """Whether jobs run here, and the memory of the GPUs decides how many at once: --resources gpu=N is a number instead."""
    here = workflow.is_main_process and workflow.local_exec
    return here and GPUS and "gpu" not in workflow.global_resources


def gpus_of(wildcards):
    """A resource: the GPUs that a training requests, none if its framework cannot use one."""
    return GPUS if STUDY.toolchain(wildcards.approach) == backends.TORCH else 0


def memory_on_gpu(trainings=lambda wildcards: 1):
    """A resource: what so many trainings of a cell take of a GPU's memory, MiB, at most all of it."""

    def amount(wildcards, input):
        if not (gpus_are_shared() and gpus_of(wildcards)):
            return 0
        one = step_memory(cell_of(wildcards))
        one += share_of_inputs(wildcards) * input.size_mb
        most = max(gpu_memory().values(), default=0)
        return round(min(trainings(wildcards) * one, most))

    return amount


def whole_gpu(wildcards):
    """A resource: the memory of a GPU, MiB, where trainings share it, because a network is timed alone."""
    shared = gpus_are_shared() and gpus_of(wildcards)
    return max(gpu_memory().values(), default=0) if shared else 0


def share_gpus():
    """Let no more trainings run here at once than the memory of the GPUs holds, unless the user said how many."""
    memory = sum(gpu_memory().values()) if gpus_are_shared() else 0
    if memory:
        share_here("gpu_mb", memory)
