import sys
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from gliobench.arithmetic import PINNED
from gliobench.errors import GlioBenchError
from gliobench.files import read_json, write_table
from gliobench.splits import draw_split
from gliobench.training import Diverged, Job, Machine, why_it_failed
from gliobench.training.folds import epoch_text, gather_folds, train_folds
from gliobench.training.parts import part_of

CELL = {"cohort": "clinic", "approach": "cnn3d", "variant": "main", "modality": "FLAIR", "protocol": "harmonised"}
JOB = Job(
    cell=CELL,
    input={"kind": "volume"},
    series=["FLAIR"],
    toolchain="tensorflow",
    cohort_kind="rsna",
    scheme="kfold",
    repeat=0,
    seed_index=0,
    batch=0,
    batches=1,
    seed=5,
    phases=["final"],
    parameters={"epochs": 2},
    library="0123456789abcdef",
)
MACHINE = Machine()
EPOCH = {"loss": 0.7, "accuracy": 0.5, "auc": 0.5, "seconds": 0.1}
EPOCH |= {"validation_loss": 0.7, "validation_accuracy": 0.5, "validation_auc": 0.5}


class Toy(SimpleNamespace):
    """An approach without a framework; `fail` maps a training's number, from 0, to what it raises."""

    SUFFIX = ".txt"

    def __init__(self, fail=None):
        super().__init__(seeds=[], parts=[], built=0, fail=fail or {})

    def build(self, shape, parameters, weights):
        self.built += 1
        return {"shape": shape}

    def fit(self, model, phase, train, validation, parameters, seed, on_epoch):
        self.seeds.append(seed)
        self.parts.append((train, validation))
        for epoch in range(1, parameters["epochs"] + 1):
            on_epoch(EPOCH | {"epoch": epoch})
        if len(self.seeds) - 1 in self.fail:
            raise self.fail[len(self.seeds) - 1]
        model["seed"] = seed
        return parameters["epochs"]

    def predict(self, model, inputs):
        return (inputs.reshape(len(inputs), -1).mean(axis=1) + model["seed"] % 97) / 200

    def save(self, model, path):
        path.write_text(str(model["seed"]))


@pytest.fixture
def data():
    patients = pd.DataFrame({"patient_id": [f"{number:05}" for number in range(24)], "label": np.arange(24) % 2})
    index = patients.assign(modality="FLAIR", slice_index=pd.array([None] * 24, dtype="Int64"))
    inputs = np.arange(24, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 2, 2), np.float32)
    scheme = {"method": "kfold", "folds": 3, "repeats": 2, "validation": 0.25, "batches": 1}
    return {"inputs": inputs, "index": index, "split": draw_split(patients, None, scheme, 1)}


def train(toy, data, folder, job=JOB, machine=MACHINE, device="cpu"):
    return train_folds(job, toy, folder=folder, machine=machine, device=device, **data)


def without_times(records):
    times = ("seconds", "samples_per_second", "peak_memory_bytes")
    return [{name: value for name, value in record.items() if name not in times} for record in records]


def test_every_patient_is_tested_once_and_has_a_role_in_every_fold(data, tmp_path):
    records = train(Toy(), data, tmp_path)
    predictions = gather_folds(tmp_path, records, "predictions")
    tested = predictions.loc[predictions["part"] == "test", "patient_id"]
    assert sorted(tested) == data["index"]["patient_id"].tolist()
    assert (predictions.groupby("fold")["patient_id"].nunique() == 24).all()
    label = data["index"].set_index("patient_id")["label"]
    assert (predictions["label"].to_numpy() == label[predictions["patient_id"]].to_numpy()).all()
    history = gather_folds(tmp_path, records, "history")
    assert history[["fold", "epoch"]].to_numpy().tolist() == [[fold, epoch] for fold in range(3) for epoch in (1, 2)]


def test_a_record_says_how_each_fold_went(data, tmp_path):
    record = train(Toy(), data, tmp_path)[1]
    assert record["fold"] == 1
    assert (record["status"], record["reason"]) == ("ok", None)
    assert record["seed"] == JOB.fold_seed(1)
    assert (record["n_train"], record["n_validation"], record["n_test"]) == (12, 4, 8)
    assert record["best_epoch"] == {"final": 2}
    assert record["seconds"] > 0
    assert record["peak_memory_bytes"] > 1_000_000


def test_training_and_validation_patients_are_apart_and_test_patients_unseen(data, tmp_path):
    toy = Toy()
    train(toy, data, tmp_path)
    rows = data["split"][data["split"]["repeat"] == 0]
    for fold, (training, validation) in enumerate(toy.parts):
        tested = set(rows.loc[(rows["fold"] == fold) & (rows["role"] == "test"), "patient_id"])
        seen = [*training.patient_ids, *validation.patient_ids]
        assert not tested & set(seen)
        assert len(seen) == len(set(seen)) == 16
        assert (training.inputs[:, 0, 0, 0] == training.patient_ids.astype(int)).all()
        assert (training.labels == training.patient_ids.astype(int) % 2).all()


def test_one_model_is_built_for_all_folds_of_a_job(data, tmp_path):
    toy = Toy()
    train(toy, data, tmp_path)
    assert toy.built == 1


def test_seeds_differ_by_run_and_do_not_change_from_one_day_to_the_next():
    jobs = [JOB, replace(JOB, repeat=1), replace(JOB, seed_index=1), replace(JOB, seed=6)]
    jobs += [replace(JOB, cell=CELL | {"variant": "deep"}), replace(JOB, cell=CELL | {"cohort": "no-signal"})]
    seeds = [job.fold_seed(fold) for job in jobs for fold in range(3)]
    assert len(set(seeds)) == len(seeds)
    assert JOB.fold_seed(0) == 274494731
    assert replace(JOB, batch=1, batches=3).fold_seed(0) == JOB.fold_seed(0), "how folds share jobs decides nothing"


def test_two_protocols_of_one_split_scheme_train_the_same_model():
    whole = replace(JOB, cell=CELL | {"protocol": "published-whole"}, part="whole")
    assert whole.fold_seed(0) == JOB.fold_seed(0)
    assert replace(JOB, scheme="loocv").fold_seed(0) != JOB.fold_seed(0)


def test_batches_share_the_folds_and_change_no_prediction(data, tmp_path):
    together = gather_folds(tmp_path / "one", train(Toy(), data, tmp_path / "one"), "predictions")
    apart = []
    for batch in range(2):
        folder = tmp_path / str(batch)
        records = train(Toy(), data, folder, replace(JOB, batch=batch, batches=2))
        apart.append(gather_folds(folder, records, "predictions"))
    assert [sorted(part["fold"].unique()) for part in apart] == [[0, 2], [1]]
    joined = pd.concat(apart).sort_values("fold", kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(joined, together)


def test_a_batch_without_a_fold_is_empty_tables(data, tmp_path):
    records = train(Toy(), data, tmp_path, replace(JOB, batches=5, batch=4))
    assert records == []
    for name in ("predictions", "history"):
        write_table(gather_folds(tmp_path, records, name), tmp_path / "joined.tsv", name)


def test_finished_folds_are_kept_and_the_rest_is_trained(data, tmp_path):
    whole = train(Toy(), data, tmp_path / "whole")
    killed = Toy(fail={1: KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        train(killed, data, tmp_path / "killed")
    again = Toy()
    records = train(again, data, tmp_path / "killed")
    assert again.seeds == [JOB.fold_seed(1), JOB.fold_seed(2)]
    assert without_times(records) == without_times(whole)
    pd.testing.assert_frame_equal(
        gather_folds(tmp_path / "killed", records, "predictions"),
        gather_folds(tmp_path / "whole", whole, "predictions"),
    )


def test_a_finished_job_trains_nothing_again(data, tmp_path):
    first = train(Toy(), data, tmp_path)
    idle = Toy()
    assert train(idle, data, tmp_path) == first
    assert (idle.seeds, idle.built) == ([], 0)


def test_a_half_written_fold_is_no_finished_one(data, tmp_path):
    (tmp_path / "fold-0").mkdir()
    (tmp_path / "fold-0" / "predictions.tsv").write_text("fold\n")
    toy = Toy()
    train(toy, data, tmp_path)
    assert toy.seeds[0] == JOB.fold_seed(0)


@pytest.mark.parametrize("changed", ["inputs", "parameters", "seed", "split"])
def test_a_fold_of_other_data_or_settings_is_trained_anew(data, tmp_path, changed):
    train(Toy(), data, tmp_path)
    job = JOB
    if changed == "inputs":
        data["inputs"] = data["inputs"] + np.float32(1e-6)
    elif changed == "parameters":
        job = replace(JOB, parameters={"epochs": 3})
    elif changed == "seed":
        job = replace(JOB, seed=6)
    else:
        scheme = {"method": "kfold", "folds": 3, "repeats": 1, "validation": 0.25, "batches": 1}
        data["split"] = draw_split(data["index"], None, scheme, 2)
    toy = Toy()
    train(toy, data, tmp_path, job)
    assert toy.seeds == [job.fold_seed(fold) for fold in range(3)]


@pytest.mark.parametrize(
    "other",
    [
        {"job": replace(JOB, library="another")},
        {"device": "NVIDIA H100"},
        {"machine": Machine(threads=2)},
        {"machine": Machine(deterministic=True)},
    ],
    ids=["code", "device", "threads", "deterministic"],
)
def test_a_fold_of_other_code_or_another_machine_is_trained_anew_there_and_back(data, tmp_path, monkeypatch, other):
    monkeypatch.setattr("gliobench.training.meter.gpu_energy", lambda: None)
    train(Toy(), data, tmp_path)
    for changed in (other, {}):
        toy, idle = Toy(), Toy()
        train(toy, data, tmp_path, **changed)
        assert len(toy.seeds) == 3
        train(idle, data, tmp_path, **changed)
        assert not idle.seeds


def test_a_fold_of_other_arithmetic_is_trained_anew(data, tmp_path, monkeypatch):
    trained = []
    for portable in (False, True, True, False):
        for name, value in PINNED.items():
            monkeypatch.setenv(name, value if portable else "other")
        toy = Toy()
        train(toy, data, tmp_path)
        trained.append(len(toy.seeds))
    assert trained == [3, 3, 0, 3]


def test_a_fold_of_a_network_compiled_for_the_gpu_or_not_any_more_is_trained_anew(data, tmp_path, monkeypatch):
    trained = []
    for compiles in (False, True, True, False):
        session = SimpleNamespace(compiles=lambda chosen=compiles: chosen)
        monkeypatch.setitem(sys.modules, "gliobench.training.torch_session", session)
        toy = Toy()
        train(toy, data, tmp_path)
        trained.append(len(toy.seeds))
    assert trained == [3, 3, 0, 3]


def test_a_fold_of_another_backend_of_keras_is_trained_anew(data, tmp_path, monkeypatch):
    trained = []
    for backend in (None, "tensorflow", "torch", "torch", "tensorflow"):
        loaded = backend and SimpleNamespace(backend=SimpleNamespace(backend=lambda name=backend: name))
        monkeypatch.setitem(sys.modules, "keras", loaded)
        toy = Toy()
        train(toy, data, tmp_path)
        trained.append(len(toy.seeds))
    assert trained == [3, 3, 3, 0, 3]


def test_what_is_asked_of_a_machine_decides_nothing_where_it_gives_the_same_device(data, tmp_path):
    train(Toy(), data, tmp_path, machine=Machine(device="auto"))
    idle = Toy()
    train(idle, data, tmp_path, machine=Machine(device="cpu"))
    assert not idle.seeds


def test_other_labels_train_anew(data, tmp_path):
    train(Toy(), data, tmp_path)
    data["index"] = data["index"].assign(label=1 - data["index"]["label"])
    toy = Toy()
    train(toy, data, tmp_path)
    assert len(toy.seeds) == 3, "predictions carry the label and training reads it"


def test_a_diverged_fold_is_a_record_and_the_others_go_on(data, tmp_path):
    records = train(Toy(fail={1: Diverged("the loss was NaN or infinite in epoch 2")}), data, tmp_path)
    assert [record["status"] for record in records] == ["ok", "diverged", "ok"]
    assert records[1]["reason"] == "the loss was NaN or infinite in epoch 2"
    assert sorted(gather_folds(tmp_path, records, "predictions")["fold"].unique()) == [0, 2]
    assert sorted(gather_folds(tmp_path, records, "history")["fold"].unique()) == [0, 1, 2]
    assert not (tmp_path / "fold-1" / "model.txt").exists()


def test_what_breaks_in_a_framework_is_a_failed_record_with_its_traceback_in_the_log(data, tmp_path, caplog):
    caplog.set_level("INFO", "gliobench")
    records = train(Toy(fail={1: RuntimeError("CUDA error: misaligned address\nsee the manual")}), data, tmp_path)
    assert [record["status"] for record in records] == ["ok", "failed", "ok"]
    assert records[1]["reason"] == "RuntimeError: CUDA error: misaligned address"
    assert "Traceback" in caplog.text
    assert sorted(gather_folds(tmp_path, records, "predictions")["fold"].unique()) == [0, 2]


def test_a_network_that_cannot_be_built_fails_every_fold_and_ends_nothing(data, tmp_path):
    toy = Toy()
    toy.build = lambda *_: {}["shape"]
    records = train(toy, data, tmp_path)
    assert {(record["status"], record["reason"]) for record in records} == {("failed", "KeyError: 'shape'")}


def test_a_full_disk_is_no_row(data, tmp_path, monkeypatch):
    monkeypatch.setattr("gliobench.training.folds.disk_is_full", lambda folder: True)
    with pytest.raises(OSError, match="No space left"):
        train(Toy(fail={0: OSError("No space left on device")}), data, tmp_path)


def test_a_job_that_cannot_be_trained_has_its_reason_in_every_fold(data, tmp_path):
    toy = Toy()
    records = train(toy, data, tmp_path, job=replace(JOB, reason="no trial reached its end"))
    assert {(record["status"], record["reason"]) for record in records} == {("failed", "no trial reached its end")}
    assert not toy.seeds


def test_a_prediction_that_is_no_number_is_divergence(data, tmp_path):
    toy = Toy()
    toy.predict = lambda model, inputs: np.full(len(inputs), np.nan)
    records = train(toy, data, tmp_path)
    assert {(record["status"], record["reason"]) for record in records} == {
        ("diverged", "a prediction is NaN or infinite")
    }
    assert len(gather_folds(tmp_path, records, "predictions")) == 0


def test_a_fold_that_lacks_a_label_fails_with_a_sentence(data, tmp_path):
    keep = (data["index"]["label"] == 0).to_numpy()
    data["inputs"], data["index"] = data["inputs"][keep], data["index"][keep].reset_index(drop=True)
    records = train(Toy(), data, tmp_path)
    assert {record["status"] for record in records} == {"failed"}
    assert records[0]["reason"] == "the train part has 6 patients and lacks one of the labels"


def test_a_patient_without_an_input_is_left_out(data, tmp_path):
    data["inputs"], data["index"] = data["inputs"][1:], data["index"].iloc[1:].reset_index(drop=True)
    predictions = gather_folds(tmp_path, train(Toy(), data, tmp_path), "predictions")
    assert "00000" not in set(predictions["patient_id"])


def test_a_cohort_without_an_input_is_an_error(data, tmp_path):
    data["inputs"], data["index"] = data["inputs"][:0], data["index"].iloc[:0]
    with pytest.raises(GlioBenchError, match=r"no patient has a usable series; see series\.tsv for the reasons"):
        train(Toy(), data, tmp_path)


def test_every_phase_is_scored(data, tmp_path):
    records = train(Toy(), data, tmp_path, replace(JOB, phases=["transfer", "finetuned"]))
    assert records[0]["best_epoch"] == {"transfer": 2, "finetuned": 2}
    predictions = gather_folds(tmp_path, records, "predictions")
    assert predictions["phase"].unique().tolist() == ["transfer", "finetuned"]


def test_the_record_of_a_fold_is_written_beside_its_tables(data, tmp_path):
    records = train(Toy(), data, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fold-0", "fold-1", "fold-2"]
    kept = [read_json(tmp_path / f"fold-{fold}" / "record.json")["record"] for fold in range(3)]
    assert kept == records


class Memoriser(Toy):
    """Answers the label of a patient whom it trained on or validated with, and nothing but 0.5 of the others."""

    def fit(self, model, phase, train, validation, parameters, seed, on_epoch):
        on_epoch(EPOCH | {"epoch": 1})
        model |= {"seed": seed, "known": {}}
        for part in (train, validation):
            model["known"] |= dict(zip(part.inputs[:, 0, 0, 0], part.labels, strict=True))
        return 1

    def predict(self, model, inputs):
        known = [model["known"].get(patient, 0.5) for patient in inputs[:, 0, 0, 0]]
        return 200.0 * (2 * np.array(known, float) - 1)


def leave_one_out(data, **changes):
    series = data["index"].assign(status="ok", n_slices=2)
    scheme = {"method": "loocv", "among": "complete", "validation": 0.2, "batches": 1} | changes
    return data | {"split": draw_split(data["index"], series, scheme, 1)}


def test_leave_one_out_predicts_each_patient_once_by_a_model_that_never_saw_it(data, tmp_path):
    records = train(Memoriser(), leave_one_out(data), tmp_path, replace(JOB, scheme="loocv"))
    predictions = gather_folds(tmp_path, records, "predictions")
    tested = predictions[predictions["part"] == "test"]
    assert len(records) == len(tested) == 24
    assert sorted(tested["patient_id"]) == data["index"]["patient_id"].tolist()
    assert (tested["probability"] == 0.5).all(), "a memorising model knows nothing of a patient it never saw"
    seen = predictions[predictions["part"] != "test"]
    assert (seen["probability"].round(12) == seen["label"]).all()


def test_stopping_on_the_left_out_patient_shows_it_to_the_training(data, tmp_path):
    peeking = leave_one_out(data, validation="left-out")
    records = train(Memoriser(), peeking, tmp_path, replace(JOB, scheme="loocv-stop-on-left-out"))
    tested = gather_folds(tmp_path, records, "predictions").query("part == 'test'")
    assert (tested["probability"].round(12) == tested["label"]).all()


def test_the_whole_data_set_is_one_part_with_the_training_patients_in_it(data, tmp_path):
    records = train(Toy(), data, tmp_path, replace(JOB, part="whole"))
    predictions = gather_folds(tmp_path, records, "predictions")
    assert set(predictions["part"]) == {"whole"}
    assert (predictions.groupby("fold")["patient_id"].nunique() == 24).all()


def test_a_batch_larger_than_the_training_part_is_a_sentence(data, tmp_path):
    records = train(Toy(), data, tmp_path, replace(JOB, parameters={"epochs": 2, "transfer": {"batch_size": 13}}))
    assert {record["status"] for record in records} == {"failed"}
    assert records[0]["reason"] == (
        "`batch_size` is 13, but the training part has 12 rows: lower it in the config under `settings` or add patients"
    )


def as_slices(data):
    """Three slices of each patient in each of two modalities; the third is ten brighter than the first."""
    index = data["index"].loc[data["index"].index.repeat(6)].reset_index(drop=True)
    index["modality"] = np.tile(["FLAIR"] * 3 + ["T2w"] * 3, 24)
    index["slice_index"] = pd.array(np.tile([0, 1, 2], 48), dtype="Int64")
    inputs = data["inputs"].repeat(6, axis=0) + 5 * np.tile([0, 1, 2], 48).astype(np.float32)[:, None, None, None]
    return data | {"inputs": inputs, "index": index}


def test_a_patients_probability_is_the_mean_of_its_slices(data, tmp_path):
    records = train(Toy(), as_slices(data), tmp_path)
    predictions = gather_folds(tmp_path, records, "predictions")
    tested = predictions[predictions["part"] == "test"]
    slices = tested[tested["slice_index"].notna()]
    patients = tested[tested["slice_index"].isna()].set_index("patient_id")["probability"]
    assert len(slices) == 24 * 6
    assert not slices.duplicated(["patient_id", "modality", "slice_index"]).any()
    pd.testing.assert_series_equal(slices.groupby("patient_id")["probability"].mean(), patients.sort_index())
    assert predictions.loc[predictions["part"] == "train", "slice_index"].isna().all()
    assert records[0]["n_train"] == 12 * 6


def test_a_split_by_slice_trains_and_tests_slices_of_the_same_patients(data, tmp_path):
    data = as_slices(data)
    series = data["index"].groupby(["patient_id", "modality"], as_index=False)["slice_index"].count()
    series = series.rename(columns={"slice_index": "n_slices"}).assign(status="ok")
    patients = data["index"][["patient_id", "label"]].drop_duplicates()
    scheme = {"method": "holdout", "unit": "slice", "repeats": 1, "validation": 0.2, "test": 0.2}
    toy = Toy()
    split = draw_split(patients, series, scheme, 1)
    records = train(toy, data | {"split": split}, tmp_path, replace(JOB, scheme="slices"))
    training, validation = toy.parts[0]
    assert set(training.patient_ids) & set(validation.patient_ids)
    assert records[0]["n_train"] + records[0]["n_validation"] + records[0]["n_test"] == 144
    assert records[0]["n_train"] == len(split[split["role"] == "train"])


def test_a_fold_on_a_gpu_records_the_energy_that_its_counter_rose_by(data, tmp_path, monkeypatch):
    monkeypatch.setattr("gliobench.training.meter.gpu_energy", count(start=10).__next__)
    records = train(Toy(), data, tmp_path / "gpu", device="NVIDIA H100")
    assert [record["energy_kwh"] for record in records] == [1, 1, 1]
    assert not any("energy_kwh" in record for record in train(Toy(), data, tmp_path / "cpu"))


def test_an_epoch_is_said_scores_first_and_seconds_last():
    record = {"epoch": 3, "seconds": 5.43, "loss": 0.612, "auc": 0.71, "validation_loss": 0.66, "validation_auc": 0.58}
    assert epoch_text(record) == "epoch 3: loss 0.612/0.66, auc 0.71/0.58 (training/validation, 5.4 s)"
    assert epoch_text({"epoch": 1, "seconds": 1.0, "loss": 2.0}) == "epoch 1: loss 2/- (training/validation, 1.0 s)"


class OutOfMemoryError(RuntimeError):
    """As PyTorch's."""


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


class Splitting(Toy):
    """An approach whose model adds gradients up over parts of a minibatch; `accumulated` are the parts of each try."""

    def build(self, shape, parameters, weights):
        self.accumulated = []
        return SimpleNamespace(accumulate=1, seed=None)

    def fit(self, model, phase, train, validation, parameters, seed, on_epoch):
        self.accumulated.append(model.accumulate)
        best = super().fit({}, phase, train, validation, parameters, seed, on_epoch)
        model.seed = seed
        return best

    def predict(self, model, inputs):
        return super().predict({"seed": model.seed}, inputs)

    def save(self, model, path):
        super().save({"seed": model.seed}, path)


FULL = "CUDA out of memory. Tried to allocate 20.00 MiB."
IN_BATCHES = replace(JOB, parameters={"epochs": 2, "batch_size": 4})


def gpu_is_full(error):
    return (
        f"the memory of the GPU is full ({type(error).__name__}: {error}): lower `batch_size` of cnn3d in the config "
        "under `settings`, or run fewer trainings at once (--resources gpu=N, with N the number of GPUs)"
    )


@pytest.mark.parametrize(
    "error",
    [
        ResourceExhaustedError("Graph execution error:\n\nOOM when allocating tensor with shape[9] by allocator cpu"),
        ResourceExhaustedError("OOM when allocating tensor on device:CPU:0 by allocator mklcpu [Op:Conv2D]"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory"),
        MemoryError("Unable to allocate 9 TiB"),
    ],
)
def test_a_fold_that_fills_the_memory_of_the_machine_does_not_blame_the_gpu(data, tmp_path, error):
    toy = Splitting(fail={0: error})
    record = train(toy, data, tmp_path, IN_BATCHES)[0]
    assert (record["status"], record["reason"]) == (
        "failed",
        f"the memory of the machine is full ({type(error).__name__}: {str(error).splitlines()[0]}): lower `batch_size` "
        "of cnn3d in the config under `settings`, or run fewer trainings at once (--resources mem_mb=N, with N the MB "
        "that all jobs together may take)",
    )
    assert toy.accumulated == [1, 1, 1], "minibatches in parts are for a full GPU"


@pytest.mark.parametrize(
    ("parameters", "advice"),
    [
        ({"trees": 500}, "run fewer trainings at once"),
        ({"batch_size": 8}, "lower `batch_size` of mine in the config under `settings`, or run fewer"),
        ({"transfer": {"batch_size": 8}}, "lower `batch_size` of mine in the config under `settings`, or run fewer"),
    ],
)
def test_full_memory_names_the_batch_size_of_approaches_that_have_one_and_what_asked_for_it(parameters, advice):
    words = "Unable to allocate 9 TiB for an array with shape (9, 9) and data type float64"
    why = why_it_failed(MemoryError(words), "mine", parameters)
    assert why.startswith(f"the memory of the machine is full (MemoryError: {words}): {advice}")


def test_a_fold_that_fills_the_gpu_is_trained_once_more_from_the_same_seed_with_minibatches_in_parts(data, tmp_path):
    toy = Splitting(fail={1: OutOfMemoryError(FULL)})
    records = train(toy, data, tmp_path / "full")
    assert toy.accumulated == [1, 1, 2, 1], "the next fold is tried with whole minibatches"
    assert toy.seeds[1] == toy.seeds[2] == JOB.fold_seed(1)
    assert [record.get("accumulate") for record in records] == [None, 2, None]
    assert [(record["status"], record["reason"]) for record in records] == [("ok", None)] * 3
    history = gather_folds(tmp_path / "full", records, "history")
    assert history.groupby("fold")["epoch"].apply(list).tolist() == [[1, 2]] * 3, "of the second try alone"
    without = train(Splitting(), data, tmp_path / "enough")
    predictions = [gather_folds(tmp_path / name, records, "predictions") for name in ("full", "enough")]
    pd.testing.assert_frame_equal(*predictions)
    assert not any("accumulate" in record for record in without)


def test_a_fold_that_fills_the_gpu_twice_says_what_to_lower(data, tmp_path):
    error = OutOfMemoryError(FULL)
    toy = Splitting(fail={0: error, 1: error})
    record = train(toy, data, tmp_path, IN_BATCHES)[0]
    assert (record["status"], record["reason"], record["accumulate"]) == ("failed", gpu_is_full(error), 2)
    assert toy.accumulated == [1, 2, 1, 1]


@pytest.mark.parametrize(
    "error",
    [
        OutOfMemoryError("HIP"),
        RuntimeError(FULL),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes."),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        ResourceExhaustedError("{{function_node}} OOM when allocating tensor with shape[64,150,150,96]"),
    ],
)
def test_a_model_that_cannot_take_parts_says_at_once_what_to_lower(data, tmp_path, error):
    toy = Toy(fail={0: error})
    record = train(toy, data, tmp_path, IN_BATCHES)[0]
    assert (record["status"], record["reason"]) == ("failed", gpu_is_full(error))
    assert len(toy.seeds) == 3, "one try of each fold"


@pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), ValueError("out of memory of a list")])
def test_another_error_is_tried_no_second_time(data, tmp_path, error):
    toy = Splitting(fail={0: error})
    record = train(toy, data, tmp_path)[0]
    assert record["reason"] == f"{type(error).__name__}: {error}"
    assert "accumulate" not in record
    assert len(toy.seeds) == 3


@pytest.mark.parametrize(
    ("settings", "spacing"),
    [({"spacing": 2.05}, (2.05,) * 3), ({"spacing": [1, 1.5, 2]}, (1, 1.5, 2)), ({"kind": "slices"}, (1,) * 3)],
)
def test_a_part_knows_the_distance_of_the_voxels_of_its_grid(settings, spacing):
    index = pd.DataFrame({"patient_id": ["a", "b"], "label": [0, 1]})
    assert part_of(np.zeros((2, 3)), index, np.array([True, False]), settings).spacing == spacing
