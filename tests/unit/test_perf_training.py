"""The measurement of training: what it measures, and what it prints."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import yaml

from gliobench.settings.approach_of_study import StudyApproach
from gliobench.sources import SCRIPTS

sys.path.insert(0, str(SCRIPTS.parents[1]))

from perf import contenders, training

ROOT = SCRIPTS.parents[1]
NAMES = {"approach", "device", "peer"}
SPEEDS = {f"samples_per_second_{name}" for name in ("pipeline", "resident", "plain", "peer")}
NUMBERS = SPEEDS | {"peak_memory_bytes"}


def settings_of(approach):
    return yaml.safe_load((ROOT / "config" / "approaches" / f"{approach}.yaml").read_text(encoding="utf-8"))


def run_tiny(approach, *options, **environment):
    command = [sys.executable, "perf/training.py", "--scale", "0.01", "--steps", "1", "--repeats", "1"]
    return subprocess.run(
        [*command, "--device", "cpu", "--approaches", approach, *options],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "approach",
    [pytest.param("stacked_cnn3d", marks=pytest.mark.torch), pytest.param("cnn3d", marks=pytest.mark.tensorflow)],
)
def test_an_approach_gives_one_object_of_positive_numbers(approach):
    done = run_tiny(approach, "--json", TORCH_COMPILE_DISABLE="1")  # compiling takes a minute and changes no key
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert set(row) == NAMES | NUMBERS
    assert (row["approach"], row["device"]) == (approach, "cpu")
    assert row["peer"] in ("uncompiled", "compiled", "a graph", "compiled by XLA")
    assert all(row[name] > 0 for name in NUMBERS)


def test_an_approach_without_its_package_is_a_sentence_and_no_row(tmp_path):
    missing = "raise ModuleNotFoundError(\"No module named 'keras'\", name='keras')"
    (tmp_path / "keras.py").write_text(missing, encoding="utf-8")
    done = run_tiny("cnn3d", "--json", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "cnn3d is not measured: the package keras is not installed." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.tensorflow
def test_keras_runs_on_what_is_asked_for_and_only_rivals_that_are_asked_for_are_measured():
    done = run_tiny("cnn3d", "--backend", "tensorflow", "--rivals", "resident", KERAS_BACKEND="torch")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^cnn3d: pipeline \S+, resident \S+ samples per second$", done.stderr, re.MULTILINE), "at once"
    assert "Keras on tensorflow" in done.stdout
    heads = "| approach | input | batch | pipeline | resident | pipeline/resident | peak memory |"
    assert done.stdout.splitlines()[-3] == heads


@pytest.mark.parametrize(("visible", "backend"), [("0", "torch"), ("", "tensorflow")])
def test_keras_runs_on_what_a_study_on_this_machine_would_choose(monkeypatch, visible, backend):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert training.read_task("cnn3d", 1, 10, 5, "auto").backend == backend
    assert training.read_task("cnn3d", 1, 10, 5, "auto", "torch").backend == "torch"


@pytest.mark.parametrize("option", ["--steps=0", "--repeats=0", "--scale=0", "--scale=2"])
def test_an_impossible_measurement_is_refused(option, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["training.py", option])
    with pytest.raises(SystemExit):
        training.main()
    assert "must be 1 or more, --scale above 0 and at most 1" in capsys.readouterr().err


@pytest.mark.parametrize("approach", contenders.CONTENDERS)
def test_full_size_is_that_of_the_config(approach):
    settings, task = settings_of(approach), training.read_task(approach, 1, 10, 5, "auto")
    channels = (4,) if settings["input"]["kind"] == "grid" else ()
    defaults = StudyApproach(ROOT / "config" / "approaches" / f"{approach}.yaml").parameters
    own = defaults.get(task.phase, defaults)
    assert task.shape == (*channels, *settings["input"]["shape"])
    assert task.batch_size == own["batch_size"]


@pytest.mark.parametrize("approach", contenders.CONTENDERS)
def test_main_is_the_approach_as_it_stands(approach):
    assert "parameters" not in settings_of(approach)["variants"]["main"]


def test_the_phase_that_trains_the_whole_network_is_measured_for_two_epochs():
    task = training.read_task("efficientnet", 0.5, 10, 5, "auto")
    assert task.phase == "finetuned"
    assert task.shape == (150, 150)
    assert task.parameters["finetuned"]["batch_size"] == task.batch_size == 32
    assert task.parameters["finetuned"]["epochs"] == 2


def test_scale_stops_where_the_network_could_no_longer_halve():
    assert training.read_task("densenet121", 0.01, 10, 5, "auto").shape == (4, 32, 32, 32)
    assert training.read_task("densenet121", 0.01, 10, 5, "auto").batch_size == 2


def test_random_patients_are_of_the_type_that_the_approach_reads():
    kinds = {"cnn3d": np.float32, "resnet18": np.uint8, "stacked_cnn3d": np.float16}
    for approach, dtype in kinds.items():
        part = training.random_part(training.read_task(approach, 0.01, 10, 5, "auto"), 4)
        assert part.inputs.dtype == dtype
        assert part.labels.tolist() == [0, 1, 0, 1]


def test_a_slice_that_nothing_changes_stays():
    nothing = {"rotation": 0, "zoom": [1, 1], "shift": 0, "brightness": [1, 1]}
    image = np.random.default_rng(0).random((6, 5), np.float32)
    seen = [contenders.augmented_slice(image, nothing, np.random.default_rng(seed)) for seed in range(8)]
    assert all(np.allclose(slice_, image) or np.allclose(slice_, image[:, ::-1]) for slice_ in seen)
    assert {bool(np.allclose(slice_, image)) for slice_ in seen} == {True, False}


def test_the_table_names_device_scale_and_ratios_of_medians():
    row = {
        "approach": "resnet18",
        "device": "cpu",
        "samples_per_second_pipeline": 30.0,
        "samples_per_second_resident": 40.0,
        "samples_per_second_plain": 20.0,
        "samples_per_second_peer": 32.0,
        "peak_memory_bytes": 1_500_000_000,
        "peer": "compiled",
    }
    text = training.table([row], {"resnet18": training.read_task("resnet18", 0.5, 10, 5, "auto", "torch")}, 0.5)
    assert text.startswith(f"**{contenders.CORES}-core CPU**; Python ")
    assert "Keras on torch" in text
    assert "0.5 of the full size" in text
    line = "| resnet18 | 112x112 | 16 | 30.0 | 40.0 | 20.0 | 32.0 | 0.75 | 1.50 | 0.94 | 1.50 GB | compiled |"
    assert text.splitlines()[-1] == line
