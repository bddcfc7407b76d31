"""
Training on a real GPU: `make test-gpu`. Keras runs on PyTorch, whose CUDA libraries the lock file holds.

Each approach has its published settings, a quarter of its published sides, and a process of its own. Models are trained
in bfloat16, and predict in it, in float32 on the GPU, and in float32 on the CPU.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.gpu
ROOT = Path(__file__).parents[2]
APPROACHES = ("cnn3d", "efficientnet", "resnet18", "stacked_cnn3d", "densenet121", "resnet10_3d")
BF16, FLOAT32 = 1e-2, 1e-4  # of a probability, between either on the GPU and float32 on the CPU
SPREAD = 0.09  # of the probabilities at least: like answers would agree anywhere
TRAINING = """
import json, sys
import numpy as np
from scipy.special import expit
from perf.training import random_part, read_task
from gliobench.training import Machine, import_approach
from gliobench.training.meter import Meter

name, device, mode, model_file, trains = sys.argv[1:]
exact = mode == "exact"
if mode == "float32":
    import torch

    from gliobench.training import torch_session

    torch_session.SOUND_CUDNN = sys.maxsize  # every cuDNN counts as too old for bfloat16
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
task = read_task(name, scale=0.25, steps=6, repeats=1, device=device, backend="torch")
approach = import_approach(name, task.backend)
found = {"device": approach.prepare(Machine(1, device, exact))}
if name == "efficientnet":  # of random weights, EfficientNet-B0 turns the last digits of its input into other answers
    task.parameters.update(backbone="resnet10", batch_norm_momentum=0.9)
phases = [name for name in ("transfer", "finetuned") if name in task.parameters] or [task.phase]
for phase in phases[:-1]:
    task.parameters[phase] |= {"epochs": 2, "batch_size": task.batch_size}
task.parameters.get(task.phase, task.parameters).update(epochs=8, learning_rate=1e-3)
train, validation = random_part(task, 6 * task.batch_size), random_part(task, 8)
for part in (train, validation):  # patients with label 0 are darker, so that answers differ
    part.inputs[part.labels == 0] = (part.inputs[part.labels == 0] * 0.3).astype(part.inputs.dtype)
if trains == "fit":
    runs = []
    model = approach.build(task.shape, task.parameters, "none")
    meter = Meter(found["device"])
    for seed in (1, 2, 1) if exact else (1,):
        history = []
        for phase in phases:
            approach.fit(model, phase, train, validation, task.parameters, seed, history.append)
        runs.append(expit(approach.predict(model, validation.inputs)).tolist())
    found |= {"runs": runs, "losses": [record["loss"] for record in history]} | meter.read(len(history) * len(train))
    approach.save(model, model_file + approach.SUFFIX)
else:
    answers = approach.predict(approach.load(model_file + approach.SUFFIX), validation.inputs)
    found["runs"] = [expit(answers).tolist()]
print(json.dumps(found))
"""


def run(approach, device, mode, model, trains="fit"):
    """Train or predict in a process of its own, fast, exact or in float32, and return what it found."""
    return json.loads(output_of(TRAINING, approach, device, mode, str(model), trains))


def output_of(script, *arguments):
    """Run a script in a process of its own, and return the last line that it prints."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "workflow" / "scripts"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def trained(models):
    """Train an approach once, as a study does on a GPU."""
    return lambda approach: _trained(approach, models / approach)


@pytest.fixture
def on_cpu(models):
    """Return the probabilities of a trained approach on a CPU, computed once."""
    return lambda approach: _on_cpu(approach, models / approach)


@cache
def _trained(approach, model):
    return run(approach, "cuda", "fast", model)


@cache
def _on_cpu(approach, model):
    found = run(approach, "cpu", "fast", model, "predict")
    assert found["device"] == "cpu"
    return found["runs"][-1]


def each_of(*approaches):
    """Parametrise by approach; with xdist, one worker has all tests of an approach, and trains it once."""
    return pytest.mark.parametrize(
        "approach", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in approaches]
    )


@each_of(*APPROACHES)
def test_it_trains_on_the_gpu_and_its_energy_is_counted(trained, approach):
    found = trained(approach)
    assert found["device"] != "cpu"
    assert np.isfinite(found["losses"]).all()
    assert found["energy_kwh"] > 0


@each_of(*APPROACHES)
def test_a_model_trained_on_the_gpu_answers_the_same_on_a_cpu(trained, on_cpu, approach):
    there = trained(approach)["runs"][-1]
    assert on_cpu(approach) == pytest.approx(there, abs=BF16)
    assert np.ptp(there) > SPREAD


@each_of(*APPROACHES)
def test_in_float32_its_answers_on_the_gpu_and_on_a_cpu_are_closer(trained, on_cpu, models, approach):
    in_bfloat16 = trained(approach)["runs"][-1]
    there = run(approach, "cuda", "float32", models / approach, "predict")
    assert there["device"] != "cpu"
    assert there["runs"][-1] != in_bfloat16, "as if trainings were not in bfloat16"
    assert on_cpu(approach) == pytest.approx(there["runs"][-1], abs=FLOAT32)


@each_of("cnn3d", "efficientnet", "resnet18", "stacked_cnn3d")  # the pooling of MONAI's has no exact form on a GPU
def test_a_deterministic_training_repeats(tmp_path, approach):
    first, other, again = run(approach, "cuda", "exact", tmp_path / "model")["runs"]
    assert first == again
    assert first != other


AUGMENTING = """
import torch
from perf.contenders import Training, asked_of_loop
from perf.training import random_part, read_task
from gliobench.training import Machine, import_approach
from gliobench.training.torch_augment import Draws

for name in ("resnet18", "stacked_cnn3d", "densenet121", "resnet10_3d"):
    task = read_task(name, scale=0.25, steps=1, repeats=1, device="cuda")
    approach = import_approach(name, task.backend)
    approach.prepare(Machine(1, "cuda"))
    part = random_part(task, task.batch_size)
    model, loop, _ = asked_of_loop(
        Training(task, approach, approach.build(task.shape, task.parameters, "none"), part, part)
    )
    rows, draws = torch.from_numpy(part.inputs).cuda(), Draws(0, torch.device("cuda"))
    for mode in ("default", "error"):  # the first sends constants to the device
        torch.cuda.set_sync_debug_mode(mode)
        for _ in range(20):
            loop.augment(model.read(rows), draws)
    torch.cuda.set_sync_debug_mode("default")
print("never waited")
"""


@pytest.mark.xdist_group("augmenting")
def test_augmentation_never_waits_for_the_gpu():
    assert output_of(AUGMENTING) == "never waited"
