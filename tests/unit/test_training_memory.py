"""The estimate of a training's memory on a GPU, beside what was measured on one and what a step keeps on a CPU."""

import math
import re
from importlib import import_module
from pathlib import Path

import pytest

from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Machine
from gliobench.training.needed_memory import FIXED, KEPT, MIB, PEAK, memory_of_training

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"\| (\w+) \| ([\dx]+) \| (\d+) \|.*\| ([\d.]+) GB \|")
MEASURED = {row[0]: row[1:] for row in ROW.findall((ROOT / "perf/results/h100.md").read_text(encoding="utf-8"))}


def job(approach, **parameters):
    settings = StudyApproach(ROOT / "config" / "approaches" / f"{approach}.yaml")
    return {
        "cell": {"approach": approach},
        "phases": settings.file.phases,
        "input": settings.input(segmented=False),
        "parameters": settings.parameters | parameters,
    }


@pytest.mark.parametrize("approach", MEASURED)
def test_what_was_measured_on_a_gpu_is_within_the_estimate_and_not_far_below(approach):
    sides, batch_size, peak = MEASURED[approach]
    settings = job(approach)
    last = settings["parameters"].get(settings["phases"][-1], settings["parameters"])
    assert (sides.split("x")[-len(settings["input"]["shape"]) :], int(batch_size)) == (
        [str(side) for side in settings["input"]["shape"]],
        last["batch_size"],
    ), "the paper's size is what was measured"
    measured = float(peak) * 1e9 / MIB
    assert measured < memory_of_training(settings) < 2 * measured + 2 * FIXED


def test_every_network_of_the_project_has_an_estimate():
    files = ROOT.glob("config/approaches/*.yaml")
    networks = {path.stem for path in files if StudyApproach(path).file.toolchain != "sklearn"}
    assert set(KEPT) == networks


def test_more_of_what_takes_memory_is_estimated_as_more():
    least = memory_of_training(job("cnn3d"))
    assert memory_of_training(job("cnn3d", batch_size=16)) - FIXED == pytest.approx(2 * (least - FIXED))
    assert memory_of_training(job("cnn3d", filters=[64, 128, 128])) > least
    deeper = job("cnn3d")
    deeper["input"]["shape"] = [128, 128, 64]
    assert memory_of_training(deeper) - FIXED == pytest.approx(2 * (least - FIXED))


def test_a_tuning_takes_what_its_largest_trial_takes():
    space = {
        "batch_size": {"choices": [4, 16, 8]},
        "filters": {"low": 8, "high": 32},
        "dropout": {"low": 0.0, "high": 0.5},
    }
    largest = memory_of_training(job("stacked_cnn3d", batch_size=16, filters=32))
    assert memory_of_training(job("stacked_cnn3d"), space) == largest


def test_a_network_without_an_estimate_takes_a_whole_gpu():
    assert memory_of_training(job("cnn3d") | {"cell": {"approach": "mine"}}) == math.inf


@pytest.mark.torch
@pytest.mark.parametrize(
    ("approach", "shape"),
    [
        ("resnet18", (224, 224)),
        ("stacked_cnn3d", (4, 64, 64, 64)),
        ("densenet121", (4, 64, 64, 64)),
        ("resnet10_3d", (64, 64, 32)),
    ],
)
def test_a_step_keeps_what_the_estimate_says(approach, shape):
    import torch

    module = import_module(f"gliobench.approaches.{approach}")
    module.prepare(Machine(1, "cpu"))
    parameters = job(approach)["parameters"]
    model = module.build(shape, parameters, "none")
    weights = {values.untyped_storage().data_ptr() for values in model.network.parameters()}
    kept = {}

    def keep(values):
        storage = values.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = (storage.nbytes(), values)  # held, so that no other takes its place
        return values

    rows = torch.rand(2, *shape)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda values: values):
        model.network.train()(model.read(rows))
    per_voxel = sum(size for size, _ in kept.values()) / (2 * math.prod(shape[-3:] if len(shape) > 2 else shape))
    assert 0.9 * KEPT[approach](parameters) < per_voxel < PEAK * KEPT[approach](parameters)
