"""On a GPU, an operation that reads from it or sends to it waits until all that was asked before is done."""

from importlib import import_module

import pytest
from perf.contenders import Training
from perf.training import random_part, read_task

from gliobench.training import Machine, import_approach

pytestmark = pytest.mark.torch
WAITING = {
    "lift_fresh",
    "nonzero",
    "_local_scalar_dense",
    "is_nonzero",
    "equal",
}  # torch.tensor(...), .item() and others


@pytest.mark.parametrize("name", ["resnet18", "stacked_cnn3d", "densenet121", "resnet10_3d"])
def test_after_the_first_epoch_no_step_and_no_validation_waits_for_the_device(name, monkeypatch):
    torch_loop = import_module("gliobench.training.torch_loop")
    seen = watch_second_calls(monkeypatch, torch_loop, "_one_epoch", "_validated")
    task = read_task(name, scale=0.1, steps=3, repeats=1, device="cpu")
    augmentation = task.parameters.get("augmentation", {})
    certain = {step: 1.0 for step in ("affine", "noise", "gamma", "motion", "bias_field") if step in augmentation}
    task.parameters["augmentation"] = augmentation | certain
    approach = import_approach(name, task.backend)
    approach.prepare(Machine(1, "cpu"))
    model = approach.build(task.shape, task.parameters, "none")
    part = random_part(task, task.steps * task.batch_size)
    Training(task, approach, model, part, part).fit()
    assert {"native_batch_norm", "convolution", "convolution_backward"} <= seen["_one_epoch"]
    assert "cat" in seen["_validated"]
    assert not WAITING & (seen["_one_epoch"] | seen["_validated"])


def watch_second_calls(monkeypatch, module, *names):
    """Return the names of the operations of each function's second call, by function; to be filled by a training."""
    from torch.utils._python_dispatch import TorchDispatchMode

    seen, calls = {name: set() for name in names}, dict.fromkeys(names, 0)

    class Recorder(TorchDispatchMode):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            seen[self.name].add(operation.__name__.partition(".")[0])
            return operation(*args, **(kwargs or {}))

    def watched(name, function):
        def call(*arguments):
            calls[name] += 1
            if calls[name] != 2:
                return function(*arguments)
            with Recorder(name):
                return function(*arguments)

        return call

    for name in names:
        monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    return seen
