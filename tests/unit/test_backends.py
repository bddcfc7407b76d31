"""What Keras runs on is decided once per study, and a GPU that is left unused is said."""

import json
import logging
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gliobench import backends
from gliobench.belonging import digest, everything
from gliobench.errors import GlioBenchError
from gliobench.files import write_text
from gliobench.origin import computed_on, machines
from gliobench.predict import apply
from gliobench.study import Study
from gliobench.training import Machine

ROOT = Path(__file__).parents[2]
CONFIG = {
    "study": "one",
    "seed": 1,
    "cohorts": {"made": {"kind": "synthetic"}},
    "runs": [{"approach": name} for name in ("baseline", "cnn3d", "resnet18")],
}


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A folder without results, and no GPU."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    show_gpus(monkeypatch, "")


def show_gpus(monkeypatch, names):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)


def study(**changes):
    made = Study(CONFIG | changes, ROOT)
    made.backend = backends.resolve(made)
    return made


@pytest.mark.parametrize(
    ("device", "gpus", "backend"),
    [
        ("auto", "", "tensorflow"),
        ("auto", "0", "torch"),
        ("cpu", "0", "tensorflow"),
        ("cuda", "", "torch"),
        ("cuda", "0", "torch"),
    ],
)
def test_a_study_begins_on_what_can_use_the_device(monkeypatch, device, gpus, backend):
    show_gpus(monkeypatch, gpus)
    assert study(device=device).backend == backend


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
@pytest.mark.parametrize("gpus", ["", "0"])
def test_a_named_backend_is_taken_whatever_the_machine_shows_and_the_study_began_with(monkeypatch, backend, gpus):
    show_gpus(monkeypatch, gpus)
    assert study(backend=backend).backend == backend
    for begun in ("tensorflow", "torch"):
        backends.begin(study(backend=begun))
        assert study(backend=backend).backend == backend


@pytest.mark.parametrize("gpus", ["", "0"])
@pytest.mark.parametrize("begun", ["tensorflow", "torch"])
def test_a_study_goes_on_as_it_began_on_a_machine_with_other_gpus_until_it_is_made_anew(monkeypatch, gpus, begun):
    backends.begin(study(backend=begun))
    show_gpus(monkeypatch, gpus)
    assert study().backend == begun
    assert backends.resolve(study(), from_scratch=True) == ("torch" if gpus else "tensorflow")


def test_trainings_of_keras_from_before_backends_were_noted_are_those_of_tensorflow(monkeypatch):
    show_gpus(monkeypatch, "0")
    write_text('"2-0123456789abcdef"', "results/one/.settings/made/runs/resnet18/main/FLAIR/harmonised.json")
    assert study().backend == "torch", "no training of Keras"
    write_text('"2-0123456789abcdef"', "results/one/.settings/made/runs/cnn3d/main/FLAIR/harmonised.json")
    assert study().backend == "tensorflow"


def test_a_study_without_keras_asks_for_no_gpu(monkeypatch):
    monkeypatch.setattr(backends, "visible_gpus", lambda: pytest.fail("asked"))
    assert study(runs=[{"approach": "resnet18"}]).backend == "auto"


def test_another_backend_trains_the_approaches_of_keras_again_and_no_others():
    before, after = (
        {made.key: made.digest for made in everything(study(backend=backend))} for backend in ("tensorflow", "torch")
    )
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {key for key in before if key.startswith("made/runs/cnn3d/")}
    assert changed


def test_trainings_on_tensorflow_have_the_settings_that_they_had_before_there_was_a_choice():
    (cell,) = (cell for cell in study().cells if cell.approach == "cnn3d")
    job = study().job(cell)
    assert job["toolchain"] == "tensorflow"
    assert "backend" not in job
    assert study().machine == {"device": "auto", "deterministic": False}
    assert digest(job) == digest(study(backend="tensorflow").job(cell))


def test_an_environment_that_names_another_backend_is_refused_in_a_sentence(monkeypatch):
    backends.check_variable(study())
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(GlioBenchError) as refused:
        backends.check_variable(study())
    assert str(refused.value) == (
        "KERAS_BACKEND=torch is set in this terminal, but Keras runs on tensorflow in this study, by its key "
        "`backend: auto`: unset KERAS_BACKEND, or set `backend` in the config."
    )
    backends.check_variable(study(backend="torch"))
    backends.check_variable(study(runs=[{"approach": "resnet18"}]))


def test_a_study_that_leaves_gpus_unused_though_nobody_decided_so_says_it(monkeypatch):
    assert backends.unused_gpus(study(), here=True) is None
    assert "will not use the GPUs of the nodes" in backends.unused_gpus(study(), here=False)
    backends.begin(study())
    show_gpus(monkeypatch, "0")
    assert "leaves the GPU of this machine unused: set `backend: torch`" in backends.unused_gpus(study(), here=True)
    for decided in ({"backend": "tensorflow"}, {"backend": "torch"}, {"device": "cpu"}):
        for here in (True, False):
            assert backends.unused_gpus(study(**decided), here) is None


@pytest.mark.parametrize(
    ("framework", "remedy"), [("tensorflow", "set `backend: torch`"), ("torch", "update the driver")]
)
def test_a_visible_gpu_that_the_framework_cannot_use_is_named_with_the_framework_and_what_to_do(
    monkeypatch, caplog, framework, remedy
):
    show_gpus(monkeypatch, "GPU-7,GPU-8")
    name = {"tensorflow": "TensorFlow", "torch": "PyTorch"}[framework]
    said = Machine(device="auto").unused_gpu(framework)
    assert said.startswith(f"{name} cannot use the visible GPU (GPU-7)")
    assert remedy in said
    with pytest.raises(GlioBenchError) as refused:
        Machine(device="cuda").check_gpu(False, framework)
    assert str(refused.value) == f"`device: cuda` was requested, but {said}"
    with caplog.at_level(logging.WARNING, logger="gliobench"):
        Machine(device="auto").check_gpu(False, framework)
    assert caplog.messages == [said]


def test_nothing_is_said_where_a_gpu_is_used_not_wanted_not_there_or_not_for_the_method(monkeypatch, caplog):
    with pytest.raises(GlioBenchError, match="this machine has no CUDA GPU; set `device: auto` or `device: cpu`"):
        Machine(device="cuda").check_gpu(False, "tensorflow")
    Machine(device="auto").check_gpu(False, "torch")
    show_gpus(monkeypatch, "0")
    Machine(device="cuda").check_gpu(True, "torch")
    Machine(device="auto").check_gpu(True, "torch")
    Machine(device="cpu").check_gpu(False, "tensorflow")
    assert Machine(device="auto").unused_gpu("sklearn") is None
    assert not caplog.messages


@pytest.mark.parametrize("toolchain", ["tensorflow", "torch"])
def test_models_are_loaded_on_what_keras_ran_on_in_training(monkeypatch, tmp_path, toolchain):
    monkeypatch.setenv("KERAS_BACKEND", "another")
    approach = SimpleNamespace(prepare=lambda machine: os.environ["KERAS_BACKEND"])
    monkeypatch.setitem(sys.modules, "gliobench.approaches.toy", approach)
    monkeypatch.setattr(apply, "find_models", lambda run, fold: [])
    assert apply.load_models(tmp_path, {"approach": "toy", "toolchain": toolchain}, Machine()).device == toolchain


def test_what_a_run_was_computed_on_is_said_in_full():
    assert computed_on({"device": "cpu"}) == "cpu"
    assert computed_on({"device": "H100", "backend": "torch", "unused_gpu": None}) == "H100, Keras on torch"
    beside = {"device": "cpu", "backend": "tensorflow", "unused_gpu": "TensorFlow cannot"}
    assert computed_on(beside) == "cpu beside an unused GPU, Keras on tensorflow"
    counted = machines([beside | {"threads": 1, "processor": {"portable": True, "instructions": None}}])
    assert counted == {"cpu beside an unused GPU, Keras on tensorflow, 1 thread": 1}


def test_the_note_is_the_backends_name():
    backends.begin(study(backend="torch"))
    assert json.loads(Path("results/one/.settings/backend.json").read_text()) == "torch"
