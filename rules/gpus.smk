# No rules here: how trainings on this machine share its GPUs.
from gliobench.training.gpus import gpu_memory


def gpus_are_shared():
    """Whether jobs run here, and the memory of the GPUs decides how many at once: --resources gpu=N is a number instead."""
    here = workflow.is_main_process and workflow.local_exec
    return here and GPUS and "gpu" not in workflow.global_resources


def memory_on_gpu(trainings=lambda wildcards: 1):
    """A resource: what so many trainings of a cell take of a GPU's memory, MiB, at most all of it."""

    def amount(wildcards, input):
        if not gpus_are_shared():
            return 0
        one = step_memory(cell_of(wildcards))
        one += share_of_inputs(wildcards) * input.size_mb
        most = max(gpu_memory().values(), default=0)
        return round(min(trainings(wildcards) * one, most))

    return amount


def whole_gpu():
    """The memory of a GPU, MiB, where trainings share it: a network is timed alone."""
    return max(gpu_memory().values(), default=0) if gpus_are_shared() else 0


def share_gpus():
    """Let no more trainings run here at once than the memory of the GPUs holds, unless the user said how many."""
    memory = sum(gpu_memory().values()) if gpus_are_shared() else 0
    if memory:
        share_here("gpu_mb", memory)
