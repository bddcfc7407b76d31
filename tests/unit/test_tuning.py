import json
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import optuna
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliobench.arithmetic import PINNED
from gliobench.files import check_table, read_table, write_table
from gliobench.inputs.store import write_shard
from gliobench.processes import SHOWN
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Diverged, Job, Machine, Part, tuning
from gliobench.training.job import load_inputs
from gliobench.training.tuning import search as run_search
from gliobench.training.tuning import tune

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[2]
SMALL = {"epochs": 1, "batch_size": 2, "depth": 1, "filters": 2}
CELL = {"cohort": "clinic", "approach": "toy", "variant": "tuned", "modality": "all", "protocol": "published"}
SPACE = {"rate": {"low": 1.0e-3, "high": 1.0, "log": True}, "depth": {"low": 1, "high": 4}, "kind": {"choices": [1, 2]}}
TOY = """
import time
from gliobench.training import Diverged

def prepare(machine):
    return "cpu"

def build(shape, parameters, weights):
    return {}

def fit(model, phase, train, validation, parameters, seed, on_epoch):
    for epoch in range(1, 4):
        time.sleep(parameters["sleep"])
        loss = abs(parameters["rate"] - 0.1) + parameters["depth"] / 10 + 1 / epoch + seed % 7 / 1e6
        on_epoch({"epoch": epoch, "validation_loss": loss})
    if parameters["depth"] == parameters["fails_at"]:
        raise Diverged("the loss was NaN or infinite in epoch 3")
    return 3
"""


def load():
    part = Part(np.zeros((8, 2), np.float32), np.arange(8) % 2, np.array(list("abcdefgh")))
    return part, part


def job(**parameters):
    return Job(
        cell=CELL,
        scheme="holdout",
        repeat=0,
        seed_index=0,
        batch=0,
        batches=1,
        seed=3,
        phases=["final"],
        parameters={"rate": 0.0, "depth": 0, "kind": 0, "sleep": 0.0, "fails_at": 0} | parameters,
        library="0123456789abcdef",
        input={"kind": "grid"},
        series=["T1w"],
        toolchain="torch",
        cohort_kind="rsna",
    )


@pytest.fixture
def toy(tmp_path, monkeypatch):
    import gliobench.approaches

    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setattr(gliobench.approaches, "__path__", [*gliobench.approaches.__path__, str(tmp_path)])
    yield tmp_path
    sys.modules.pop("gliobench.approaches.toy", None)


def search(folder, trials=8, **parameters):
    settings = {"trials": trials, "workers": 1, "space": SPACE}
    return tune(job(**parameters), settings, Machine(device="cpu"), load, folder / "journal.log")


def without_times(trials):
    return trials.drop(columns="seconds")


def test_every_trial_is_a_row_and_the_best_is_the_lowest_validation_loss(toy):
    trials, best = search(toy)
    check_table(trials, "trials", "the trials")
    assert len(trials) == 8
    assert set(trials["state"]) <= {"complete", "pruned"}
    complete = trials[trials["state"] == "complete"]
    row = complete.loc[complete["value"].astype(float).idxmin()]
    assert best["number"] == row["number"]
    assert best["parameters"] == json.loads(row["parameters"])
    assert set(best["parameters"]) == set(SPACE)
    assert sum(best["importances"].values()) == pytest.approx(1)


def study_of_trials(per_side):
    """A finished search over a grid of two settings: of the loss, x explains 9 times the variance that y explains."""
    study = optuna.create_study()
    sides = {name: optuna.distributions.FloatDistribution(0, 1) for name in "xy"}
    for x, y in product(np.linspace(0, 1, per_side), repeat=2):
        study.add_trial(optuna.create_trial(params={"x": x, "y": y}, distributions=sides, value=3 * x + y))
    return study


def test_the_importance_of_a_setting_is_the_share_of_the_variance_that_it_explains():
    best = tuning._best(study_of_trials(12))
    assert best["importances"] == pytest.approx({"x": 0.9, "y": 0.1}, abs=0.03)
    assert best == tuning._best(study_of_trials(12))


def test_too_few_trials_give_no_importances():
    assert tuning._best(study_of_trials(2))["importances"] == {}


@pytest.mark.parametrize(("settings", "losses"), [("alike", np.arange(6)), ("different", 0.6931 + 1e-9 * np.arange(6))])
def test_trials_alike_in_their_settings_or_losses_give_the_best_one_and_no_importances(settings, losses):
    study = optuna.create_study()
    sides = {"x": optuna.distributions.FloatDistribution(0, 1)}
    for place, loss in enumerate(losses):
        x = 0.5 if settings == "alike" else place / 10
        study.add_trial(optuna.create_trial(params={"x": x}, distributions=sides, value=loss))
    best = tuning._best(study)
    assert (best["number"], best["importances"]) == (0, {})


def test_the_same_seed_and_one_worker_give_the_same_trials(toy):
    first, best = search(toy / "a")
    second, again = search(toy / "b")
    pd.testing.assert_frame_equal(without_times(first), without_times(second))
    assert best == again


def test_a_finished_search_is_not_searched_again(toy):
    first, _ = search(toy)
    again, _ = search(toy)
    pd.testing.assert_frame_equal(first, again)


def test_a_trial_that_diverges_is_a_failed_row_and_the_search_goes_on(toy):
    trials, _ = search(toy, trials=10, fails_at=2)
    failed = trials[trials["state"] == "failed"]
    assert len(failed)
    assert set(failed["reason"]) == {"the loss was NaN or infinite in epoch 3"}
    assert len(trials) == 10


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Diverged("the loss was NaN or infinite in epoch 1"), "the loss was NaN or infinite in epoch 1"),
        (RuntimeError("shapes do not fit\nand so on"), "RuntimeError: shapes do not fit"),
        (
            RuntimeError("CUDA error: out of memory\nand so on"),
            "the memory of the GPU is full (RuntimeError: CUDA error: out of memory): lower `batch_size` of toy in the "
            "config under `settings`, or run fewer trainings at once (--resources gpu=N, with N the number of GPUs)",
        ),
    ],
)
def test_a_search_without_a_single_good_trial_has_rows_and_a_reason(toy, monkeypatch, error, reason):
    import gliobench.approaches.toy as module

    def fit(*_):
        raise error

    monkeypatch.setattr(module, "fit", fit)
    trials, best = search(toy, trials=2, batch_size=2)
    assert set(trials["reason"]) == {reason}
    assert set(trials["state"]) == {"failed"}
    assert (best["number"], best["parameters"]) == (None, {})
    assert best["reason"].startswith("no trial of the tuning was completed")


def test_a_trial_that_fills_the_gpu_is_tried_once_more_in_two_parts_as_a_fold_is(toy, monkeypatch):
    import gliobench.approaches.toy as module

    fit, tried = module.fit, []

    def in_little_memory(model, *rest):
        tried.append(model.accumulate)
        best = fit(model, *rest)
        if model.accumulate == 1:
            raise RuntimeError("CUDA error: out of memory")
        return best

    monkeypatch.setattr(module, "build", lambda *_: SimpleNamespace(accumulate=1))
    monkeypatch.setattr(module, "fit", in_little_memory)
    trials, _ = search(toy, trials=2)
    assert tried == [1, 2, 1, 2]
    assert set(trials["state"]) == {"complete"}


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
import gliobench.approaches
gliobench.approaches.__path__.append({toy!r})
import test_tuning
test_tuning.search(Path({toy!r}) / "killed", sleep=0.15)
"""


def n_finished(journal: Path) -> int:
    return journal.read_text().count('"state": 1') + journal.read_text().count('"state":1') if journal.is_file() else 0


def test_a_search_killed_in_mid_trial_loses_none_and_replaces_the_stale_one(toy):
    code = KILLED.format(path=sys.path, toy=str(toy))
    process = subprocess.Popen([sys.executable, "-c", code])
    journal = toy / "killed" / "journal.log"
    deadline = time.monotonic() + 60
    while n_finished(journal) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)
    process.kill()
    process.wait()
    trials, best = search(toy / "killed")
    whole, best_of_whole = search(toy / "whole")
    stale = trials[trials["reason"] == "cut off"]
    assert len(stale) == 1
    kept = trials.drop(index=stale.index)
    same = ["state", "value", "parameters"]  # the stale trial's hyperparameters came again
    pd.testing.assert_frame_equal(kept[same].reset_index(drop=True), whole[same])
    assert stale["parameters"].iloc[0] in set(kept["parameters"])
    assert best["parameters"] == best_of_whole["parameters"]
    assert best["value"] == best_of_whole["value"]


def write_inputs(folder):
    """Ten patients, a shard each, with the split that tests the last two."""
    patients = pd.DataFrame({"patient_id": [f"{number:05}" for number in range(10)], "label": np.arange(10) % 2})
    patients = patients.assign(label_name="unknown", site=None, oracle_probability=None)
    write_table(patients, folder / "patients.tsv", "patients")
    roles = patients[["patient_id"]].assign(repeat=0, fold=0, modality=None, slice_index=None)
    parts = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    write_table(roles.assign(role=parts, reason=None), folder / "split.tsv", "split")
    paths = [folder / f"{number}-of-10.npy" for number in range(10)]
    for number, path in enumerate(paths):
        index = pd.DataFrame({"patient_id": [f"{number:05}"], "modality": "T1w", "slice_index": [None]})
        write_shard([np.full((2, 2, 2), number, np.float32)], index, path)
    return folder / "patients.tsv", folder / "split.tsv", [str(path) for path in paths]


def test_a_search_never_opens_the_files_of_the_test_patients(toy):
    patients, split, arrays = write_inputs(toy / "cohort")
    for path in arrays[8:]:
        Path(path).write_bytes(b"unreadable")
    settings = {"trials": 2, "workers": 1, "space": SPACE}
    files = {"patients": patients, "split": split, "arrays": arrays}
    trials, _ = run_search(job(), settings, Machine(device="cpu"), folder=toy / "tuning", **files)
    assert len(trials) == 2
    with pytest.raises(ValueError, match=r"pickle|magic"):
        load_inputs("grid", arrays, ["T1w"], read_table(patients, "patients"), read_table(split, "split")["patient_id"])


@pytest.mark.parametrize(
    "other", ["code", "device", "threads", "deterministic", "gpu", "compiler", "backend", "weights", "arithmetic"]
)
def test_a_search_by_other_code_from_other_weights_or_on_another_machine_starts_anew(toy, monkeypatch, other):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0" if other == "compiler" else "-1")
    monkeypatch.setattr(tuning, "finds_c_compiler", lambda: False)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # restored after a search has set it
    patients, split, arrays = write_inputs(toy / "cohort")
    files = {"patients": patients, "split": split, "arrays": arrays, "folder": toy / "tuning"}

    def journals(library="0123456789abcdef", toolchain="torch", **machine):
        settings = {"trials": 1, "workers": 1, "space": SPACE}
        asked = replace(job(), library=library, toolchain=toolchain, weights=str(toy / "weights"))
        run_search(asked, settings, Machine(**machine), **files)
        return len(list((toy / "tuning").glob("*.log")))

    (toy / "weights").write_text("one")
    assert (journals(), journals()) == (1, 1)
    asked = {"code": {"library": "another"}, "device": {"device": "cpu"}, "threads": {"threads": 2}}
    asked |= {"deterministic": {"deterministic": True}, "backend": {"toolchain": "tensorflow"}}
    if other == "gpu":
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    if other == "compiler":
        monkeypatch.setattr(tuning, "finds_c_compiler", lambda: True)
    if other == "arithmetic":
        for name, value in PINNED.items():
            monkeypatch.setenv(name, value)
    if other == "weights":
        (toy / "weights").write_text("other")
    assert journals(**asked.get(other, {})) == 2


def test_a_search_on_the_cpu_does_not_ask_for_gpus(toy, monkeypatch):
    patients, split, arrays = write_inputs(toy / "cohort")
    files = {"patients": patients, "split": split, "arrays": arrays, "folder": toy / "tuning"}
    for shown in ("-1", "0"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        run_search(job(), {"trials": 1, "workers": 1, "space": SPACE}, Machine(device="cpu"), **files)
    assert len(list((toy / "tuning").glob("*.log"))) == 1


def test_workers_that_start_together_try_different_hyperparameters(toy):
    for worker in (0, 1):
        tuning._work(job(), SPACE, Machine(device="cpu"), load, toy / f"{worker}.log", worker, 1)
    first, other = (tuning._open(toy / f"{worker}.log").trials[0] for worker in (0, 1))
    assert first.params["rate"] != other.params["rate"]
    assert first.value != other.value


def test_workers_share_one_journal_and_one_log_and_count_together(toy, monkeypatch, capfd):
    monkeypatch.delenv(SHOWN, raising=False)  # nothing else shows their lines
    patients, split, arrays = write_inputs(toy / "cohort")
    settings = {"trials": 3, "workers": 2, "space": {"learning_rate": {"low": 1.0e-4, "high": 1.0e-2, "log": True}}}
    fixed = StudyApproach(ROOT / "config/approaches/stacked_cnn3d.yaml").parameters
    cell = replace(job(), cell=CELL | {"approach": "stacked_cnn3d"}, parameters=fixed | SMALL)
    trials, _ = run_search(
        cell, settings, Machine(device="cpu"), patients=patients, split=split, arrays=arrays, folder=toy / "tuning"
    )
    assert trials["number"].tolist() == [0, 1, 2]
    log = capfd.readouterr().err
    complete = trials.loc[trials["state"] == "complete", "number"]
    assert [log.count(f"trial {number}: validation loss") for number in complete] == [1] * len(complete)
    assert set(trials["state"]) <= {"complete", "pruned"}


UNDER_SNAKEMAKE = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
rule = snakemake.rule
if __name__ == "__main__":
    import test_tuning
    settings = {{"trials": 2, "workers": 2, "space": test_tuning.SPACE}}
    journal = Path({folder!r}, "journal.log")
    try:
        test_tuning.tune(test_tuning.job(), settings, test_tuning.Machine(device="cpu"), test_tuning.none, journal)
    except ImportError as error:  # the worker has started, and has no approach of that name
        print(error)
    print(Path(__file__).name)
"""


def none():
    """Load nothing in a worker."""


def test_workers_of_a_script_of_snakemake_do_not_run_the_script_again(tmp_path):
    script = tmp_path / "tune.py"
    script.write_text(UNDER_SNAKEMAKE.format(path=sys.path, folder=str(tmp_path)))
    preamble = (
        f"from types import SimpleNamespace; snakemake = SimpleNamespace(rule='tune'); __file__ = {str(script)!r}"
    )
    with_preamble = tmp_path / "tmp.tune.py"
    with_preamble.write_text(f"{preamble}\n{script.read_text()}")
    done = subprocess.run([sys.executable, with_preamble], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["No module named 'gliobench.approaches.toy'", "tune.py"], done.stderr


@given(st.integers(-3, 100), st.integers(1, 9))
def test_every_trial_is_some_workers_and_no_worker_has_two_more_than_another(count, workers):
    shares = tuning.split_evenly(count, workers)
    assert len(shares) == workers
    assert sum(shares) == max(count, 0)
    assert max(shares) - min(shares) <= 1
