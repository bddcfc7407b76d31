"""The estimate: what was timed times what is planned; every job counts once, and sums add up."""

import shutil
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliobench.cohorts import synthetic
from gliobench.errors import GlioBenchError
from gliobench.estimate.adding import Capacity, Timed, estimate, stage_in_estimate
from gliobench.estimate.networks import counted_cells, first_of, network_key, networks, stand_in
from gliobench.estimate.rows import random_inputs, rows_of_patient, rows_of_training, shape_of
from gliobench.estimate.sample import time_sample
from gliobench.estimate.score_times import time_scores
from gliobench.progress import stage_of
from gliobench.reporting.terminal import SCREEN, print_estimate
from gliobench.settings.files import read_config
from gliobench.settings.generators import SyntheticGenerator
from gliobench.study import Study
from gliobench.training.timing import EPOCHS, STEPS, random_part, time_network, with_epochs

ROOT = Path(__file__).parents[2]
KFOLD = {"method": "kfold", "folds": 2, "repeats": 3, "validation": 0.25}
SAMPLE = {
    "patients": {"patient_id": [f"{number:05}" for number in range(20)], "label": [0, 1] * 10},
    "note": None,
    "generated": True,
    "generate_seconds": 0.5,
    "generate_once": 1.0,
    "audit_seconds": 0.25,
    "image_bytes": 2e6,
    "decoded_bytes": 1e6,
    "slices": 8.0,
    "peak_bytes": 3e8,
    "inputs": {
        "net": {
            "kind": "volume",
            "seconds": 0.1,
            "bytes": 1e5,
            "shape": [8, 8, 8],
            "dtype": "float32",
            "rows": {"FLAIR": 1.0},
            "peak_bytes": 2e8,
        }
    },
}
SPEED = {
    "approach": "net",
    "key": "one",
    "device": "cpu",
    "phase": "final",
    "row_seconds": 0.01,
    "fit_seconds": 0.5,
    "networks": 1,
    "predict_seconds": 0.001,
    "once_seconds": 2.0,
    "model_bytes": 1000,
    "peak_bytes": 5 * 10**8,
}
CELL = {
    "cohort": "planted",
    "approach": "net",
    "first": "planted",
    "key": "one",
    "scheme": KFOLD,
    "input_name": "net",
    "series": ["FLAIR"],
    "seeds": 1,
    "jobs": 3,
    "memory_mb": 2000,
    "copies": 0,
    "copy_jobs": 0,
    "epochs": {"final": [10, 4]},
    "trials": 0,
    "workers": 0,
}
TABLES = {"figure_seconds": 1.0, "cell_seconds": 2.0, "pair_seconds": 3.0, "peak_bytes": 1e8}
STARTS = {"images": 0.5, "tables": 1.5, "net": 4.0}


def study_of(name):
    return Study(read_config(ROOT / "config" / name, name), ROOT)


def planned(*rows):
    stages = [(stage_of(row[0]), *row) for row in rows]
    return pd.DataFrame(stages, columns=["stage", "rule", "cohort", "approach", "jobs"])


def added_up(jobs, cells=(CELL,), device="cpu", **machine):
    timed = Timed({"planted": SAMPLE}, pd.DataFrame([SPEED | {"device": device}]), STARTS, TABLES)
    given = Capacity(**{"cores": 1, "gpus": 1} | machine)
    inputs = [("planted", "net", "net")]
    return estimate(jobs, cells, {"planted": "planted"}, inputs, {"net": 2, "": 1}, timed, given, seed=1)


def of(table, stage, approach="net"):
    return table[(table["stage"] == stage) & (table["approach"] == approach)].iloc[0]


JOBS = st.lists(
    st.tuples(
        st.sampled_from(["generate", "audit_series", "preprocess", "train_torch", "plot_scores_of_net", "score"]),
        st.just("planted"),
        st.sampled_from(["net", None]),
        st.integers(1, 50),
    ).map(lambda row: (*row[:2], "net" if row[0].startswith("train") else row[2], row[3])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25)
@given(JOBS)
def test_stages_and_approaches_add_up_to_the_whole(rows):
    table = added_up(planned(*rows))
    stages, sums = table[table["stage"] != "study"], table[table["stage"] == "study"]
    *approaches, whole = sums.to_dict("records")
    shared = stages[stages["approach"].isna()]
    assert whole["n_jobs"] == sum(row[3] for row in rows)
    for name in ("n_jobs", "seconds", "seconds_least", "disk_mb", "read_mb"):
        assert stages[name].sum() == pytest.approx(whole[name], abs=1e-3)
        assert sum(row[name] for row in approaches) + shared[name].sum() == pytest.approx(whole[name], abs=1e-3)
    assert whole["seconds_least"] <= whole["seconds"] + 1e-6


def test_a_training_takes_its_folds_its_epochs_its_predictions_and_the_start_of_its_jobs():
    row = of(added_up(planned(("train_torch", "planted", "net", 3))), "train")
    # Each of the 3 x 2 folds: 7 patients to train on, 3 to validate, 10 to test.
    fold = 0.5 + 10 * (7 * 0.01 + 3 * 0.001) + 20 * 0.001
    assert row["seconds"] == pytest.approx(6 * fold + 3 * (2.0 + 4.0))
    least = 0.5 + 4 * (7 * 0.01 + 3 * 0.001) + 20 * 0.001
    assert row["seconds_least"] == pytest.approx(6 * least + 3 * (2.0 + 4.0))
    assert pd.isna(row["device_seconds"])


def test_copies_are_trainings_of_their_own_stage():
    jobs = planned(
        ("train_torch", "planted", "net", 3), ("train_sklearn_copies", "planted/permutations/001", "net", 12)
    )
    table = added_up(jobs, [CELL | {"copies": 4, "copy_jobs": 12}])
    started = 12 * 4.0
    own = of(table, "train")["seconds"] - 3 * 4.0
    assert of(table, "permute")["seconds"] == pytest.approx(4 * own + started)
    assert of(table, "permute")["n_jobs"] == 12


def test_copies_that_share_a_job_start_once():
    jobs = planned(("train_sklearn_copies", "planted/permutations/001-004", "net", 3))
    apart, together = (added_up(jobs, [CELL | {"copies": 4, "copy_jobs": count}]) for count in (12, 3))
    saved = of(apart, "permute")["seconds"] - of(together, "permute")["seconds"]
    assert saved == pytest.approx((12 - 3) * 2.0), "what each job does once"


def test_the_copies_of_a_study_are_counted_with_the_jobs_that_train_them():
    study = study_of("smoke.yaml")
    counted = {(cell["approach"], cell["variant"]): cell for cell in counted_cells(study) if cell["copies"]}
    permuted = counted["baseline", "intensity"]
    assert (permuted["copies"], permuted["copy_jobs"]) == (2, 1), "scikit-learn trains both in one job"


def test_a_tuning_trains_one_fold_in_every_trial():
    jobs = planned(("train_torch", "planted", "net", 3), ("tune", "planted", "net", 1))
    row = of(added_up(jobs, [CELL | {"trials": 5, "workers": 1}]), "tune")
    fold = 0.5 + 10 * (7 * 0.01 + 3 * 0.001) + 20 * 0.001
    assert row["seconds"] == pytest.approx(5 * (fold + 2.0) + 4.0)


def test_hours_are_shared_by_cores_but_not_shorter_than_the_longest_job_or_the_gpus_allow():
    jobs = planned(("train_torch", "planted", "net", 3), ("score", "planted", None, 100))
    alone, shared = (added_up(jobs, cores=cores).iloc[-1] for cores in (1, 2))
    assert alone["hours"] == pytest.approx(alone["seconds"] / 3600, abs=1e-5)
    assert shared["hours"] == pytest.approx(alone["hours"] / 2, abs=1e-5)
    assert added_up(jobs, cores=10**6).iloc[-1]["hours"] > 0
    many = CELL | {"seeds": 10, "jobs": 30}
    on_gpu = added_up(jobs, [many], device="NVIDIA H200", cores=10**6).iloc[-1]
    assert on_gpu["hours"] == pytest.approx(on_gpu["device_seconds"] / 3600, abs=1e-5)


@pytest.mark.parametrize(("memory", "at_once"), [(1000, 1), (2005, 1), (4000, 1), (4010, 2), (8020, 4)])
def test_hours_count_that_trainings_wait_for_memory_and_that_one_too_large_for_it_runs_alone(memory, at_once):
    jobs = planned(("train_torch", "planted", "net", 300))
    table = added_up(jobs, [CELL | {"seeds": 100, "jobs": 300}], cores=100, memory=memory)
    seconds = of(table, "train")["seconds"]
    assert table.iloc[-1]["hours"] == pytest.approx(seconds / at_once / 3600, rel=1e-3)


def test_workers_of_a_tuning_are_counted_together():
    jobs = planned(("tune", "planted", "net", 1))
    tuned = [CELL | {"jobs": 0, "seeds": 0, "trials": 400, "workers": workers} for workers in (1, 4)]
    one, four = (added_up(jobs, [cell], cores=100, memory=4000).iloc[-1]["hours"] for cell in tuned)
    assert one == pytest.approx(4 * four, rel=1e-3), "neither waits: a tuning is one job"


def test_generated_images_are_written_and_every_input_is_read():
    jobs = planned(
        ("generate", "planted", None, 1),
        ("audit_series", "planted", None, 4),
        ("preprocess", "planted", "net", 4),
        ("train_torch", "planted", "net", 3),
    )
    table = added_up(jobs)
    rows = table.set_index("stage")
    assert rows.loc["generate", ["seconds", "disk_mb"]].tolist() == [20 * 0.5 + 1.0 + 0.5, 40.0]
    assert rows.loc["audit", ["seconds", "disk_mb", "read_mb"]].tolist() == [20 * 0.25 + 4 * 0.5, 20.0, 40.0]
    assert rows.loc["preprocess", ["disk_mb", "read_mb"]].tolist() == [2.0, 20.0]
    assert rows.loc["train", "read_mb"] == pytest.approx(3 * 2.0)


@pytest.mark.parametrize(
    ("rule", "cohort", "stage"),
    [
        ("train_torch", "planted", "train"),
        ("train_sklearn_copies", "planted/permutations/001-019", "permute"),
        ("audit_series", "planted", "audit"),
        ("read_cohort", "planted", "other"),
        ("plot_scores_of_cnn3d", "planted", "figures"),
        ("tabulate_cost", None, "tables"),
        ("page", None, "report"),
    ],
)
def test_every_rule_has_its_stage(rule, cohort, stage):
    assert stage_in_estimate(rule, stage_of(rule), cohort) == stage


def test_the_estimate_fits_a_terminal_and_names_the_study_last():
    jobs = planned(("train_torch", "planted", "net", 3), ("score", "planted", None, 1))
    lines = print_estimate(added_up(jobs, device="NVIDIA H200"), ["what was assumed"]).splitlines()
    assert max(map(len, lines)) <= SCREEN
    assert "GPU-hours" in lines[0]
    assert [line.split("  ")[0] for line in lines[2:6] if line[0] != "─"] == ["net", "all of them", "the study"]
    assert lines[-1] == "what was assumed."


def test_networks_that_differ_only_in_what_they_learn_are_timed_once():
    study = study_of("demo.yaml")
    assert len(networks(study, "stacked_cnn3d")) == 1  # main and tuned
    shapes = [network["series"] for network in networks(study, "densenet121")]
    assert [len(series) for series in shapes] == [4, 5]  # that of the brainstems has the segmentation, too
    full = study_of("config.yaml")
    assert len(networks(full, "efficientnet")) == 6  # a backbone each
    keys = {network["key"] for name in study.approaches for network in networks(study, name)}
    assert {network_key(study, cell) for cell in study.cells} == keys


def test_replicates_stand_for_each_other_and_cells_are_counted_once():
    study = study_of("demo.yaml")
    assert first_of(study, "neighbours-03") == "neighbours-01"
    cells = counted_cells(study)
    assert len(cells) == len(study.cells)
    assert {cell["cohort"]: cell["first"] for cell in cells}["neighbours-04"] == "neighbours-01"
    tuned = [cell for cell in cells if cell["variant"] == "tuned"]
    assert [cell["trials"] for cell in tuned] == [study.approaches["stacked_cnn3d"].tuning["trials"]]
    counts = Counter(cell["approach"] for cell in cells if cell["copies"])
    assert counts == {"baseline": 2}


def test_the_least_epochs_are_those_that_patience_allows():
    cells = {cell["approach"]: cell["epochs"] for cell in counted_cells(study_of("config.yaml"))}
    assert cells["efficientnet"] == {"transfer": [20, 6], "finetuned": [10, 6]}
    assert cells["resnet18"]["final"][0] == cells["resnet18"]["final"][1]
    assert cells["baseline"] == {"final": [1, 1]}


def test_only_cohorts_of_the_papers_have_others_that_stand_for_them():
    assert stand_in(study_of("config.yaml"), "rsna")["generator"]["patients"] == 585
    assert stand_in(study_of("brainstem.yaml"), "brainstem")["kind"] == "synthetic-brainstem"
    assert stand_in(study_of("findings-ucsf.yaml"), "ucsf") is None


class Approach(SimpleNamespace):
    """An approach whose clock and losses are made up."""

    SUFFIX = ".txt"

    def build(self, shape, parameters, weights):
        self.seen.append(("build", shape, weights))

    def fit(self, model, phase, train, validation, parameters, seed, on_epoch):
        own = parameters.get(phase, parameters)
        self.seen.append((phase, len(train), own.get("epochs", 1)))
        for epoch in range(1, own.get("epochs", 1) + 1):
            on_epoch({"epoch": epoch, "seconds": 100.0 if epoch == 1 else 2.0})

    def predict(self, model, inputs):
        return np.zeros(len(inputs))

    def save(self, model, path):
        path.write_text("12345")


def test_a_network_is_timed_in_every_phase_by_its_last_epoch():
    approach = Approach(seen=[])
    parameters = {"first": {"epochs": 30, "batch_size": 4}, "second": {"epochs": 9, "batch_size": 8}}
    timed = time_network(approach, (2, 2), "uint8", parameters, ["first", "second"], 1000)
    assert approach.seen[0] == ("build", (2, 2), "none")
    assert approach.seen[1:5] == [("first", 8, 1), ("second", 8, 1)] * 2
    assert approach.seen[5:] == [("first", 8 * STEPS, EPOCHS), ("second", 8 * STEPS, EPOCHS)]
    assert [row["phase"] for row in timed] == ["first", "second"]
    assert timed[0]["row_seconds"] == pytest.approx(2.0 / (8 * STEPS), rel=0.01)
    assert {row["model_bytes"] for row in timed} == {5}


def test_a_small_study_is_timed_at_its_own_size():
    approach = Approach(seen=[])
    time_network(approach, (2, 2), "uint8", {"epochs": 3, "batch_size": 4}, ["final"], 10)
    assert [size for _, size, _ in approach.seen[1:]] == [4, 4, 10]
    approach.seen.clear()
    time_network(approach, (2, 2), "uint8", {"epochs": 3, "batch_size": 16}, ["final"], 10)
    assert [size for _, size, _ in approach.seen[1:]] == [16, 16, 16], "a minibatch is whole"


def test_a_network_that_cannot_be_timed_is_one_sentence():
    approach = Approach(seen=[], __name__="gliobench.approaches.net")
    approach.fit = mock.Mock(side_effect=RuntimeError("CUDA out of memory.\nTried to allocate"))
    with pytest.raises(GlioBenchError, match=r"^net cannot be timed: "):
        time_network(approach, (2, 2), "uint8", {"epochs": 3, "batch_size": 4}, ["final"], 10)


def test_only_the_epochs_of_a_phase_are_changed():
    parameters = {"rate": 1, "first": {"epochs": 30, "rate": 2}}
    assert with_epochs(parameters, "first", 2) == {"rate": 1, "first": {"epochs": 2, "rate": 2}}
    assert with_epochs({"C": 1.0}, "final", 2) == {"C": 1.0}


def test_random_patients_have_both_labels_and_the_type_asked_for():
    for dtype in ("uint8", "float16", "float64"):
        part = random_part((3, 2), dtype, 4)
        assert (part.inputs.shape, str(part.inputs.dtype)) == ((4, 3, 2), dtype)
        assert part.labels.tolist() == [0, 1, 0, 1]
    columns = random_inputs({"kind": "radiomics"})((1, 2, 5), "float64", 4).inputs
    assert (columns[:, :, 1] == 0).all()
    assert columns[:, :, 0].std() > 0


def test_rows_and_shapes_are_those_that_a_training_reads():
    slices = {"kind": "slices", "rows": {"FLAIR": 5.0, "T2w": 4.0}, "shape": [8, 8]}
    assert rows_of_patient(slices, "slices", ["FLAIR", "T2w"]) == 9
    assert rows_of_patient(slices, "grid", ["FLAIR", "T2w"]) == 5
    network = {"kind": "grid", "series": ["FLAIR", "T2w"]}
    assert shape_of({"shape": [4, 4, 4]}, network) == (2, 4, 4, 4)
    assert shape_of(slices, {"kind": "slices", "series": ["FLAIR"]}) == (8, 8)
    assert shape_of({"shape": [10]}, {"kind": "facts", "series": ["FLAIR"]}) == (1, 12)
    assert rows_of_training(SAMPLE, slices, {"kind": "slices", "series": ["FLAIR"]}) == 60


def generator():
    return SyntheticGenerator(patients=7, matrix=32, slices=[6, 6], modalities=["FLAIR"]).model_dump()


SAMPLED = {
    "kind": "synthetic",
    "seed": 1,
    "generator": generator(),
    "folder": None,
    "sites": None,
    "settings": {},
    "series": ["FLAIR"],
    "features": {},
    "masks": ["lesion"],
    "decoded": True,
    "stands_in": None,
}


def sampled(tmp_path, **more):
    slices = {"kind": "slices", "shape": [16, 16], "choose": "central", "share": 0.5, "voi_lut": False}
    inputs = {"net": {"settings": slices, "series": ["FLAIR"], "fitted": False, "features": False}}
    return time_sample("planted", SAMPLED | more, inputs, tmp_path)


def test_a_few_patients_of_a_generated_cohort_tell_what_each_takes(tmp_path):
    sample = sampled(tmp_path)
    assert len(sample["patients"]["patient_id"]) == 7
    assert (sample["note"], sample["generated"], sample["slices"]) == (None, True, 6.0)
    assert min(sample[name] for name in ("generate_seconds", "audit_seconds", "image_bytes", "decoded_bytes")) > 0
    made = sample["inputs"]["net"]
    assert (made["shape"], made["dtype"], made["rows"]) == ([16, 16], "uint8", {"FLAIR": 3.0})
    assert made["seconds"] > 0


def test_scores_and_figures_of_random_predictions_take_their_time(tmp_path):
    timed = time_scores(20, 2, 50, tmp_path)
    assert set(timed) == {"cell_seconds", "pair_seconds", "figure_seconds"}
    assert min(timed.values()) > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["roc.pdf", "roc.png"]


def test_a_published_cohort_without_its_files_is_counted_and_said_to_be_assumed(tmp_path):
    absent = {"kind": "rsna", "generator": None, "folder": str(tmp_path / "nowhere")}
    sample = sampled(tmp_path, **absent, stands_in={"kind": "synthetic", "generator": generator()})
    assert len(sample["patients"]["patient_id"]) == 7
    assert sample["note"].startswith("planted: its files are not here, so it is counted as 7 patients")
    assert sample["generated"] is False


@pytest.fixture
def own(tmp_path):
    """The settings of a cohort of seven patients whose files are the user's."""
    synthetic.write_cohort(generator(), 1, tmp_path / "own", 1)
    return {"kind": "rsna", "generator": None, "folder": str(tmp_path / "own")}


def test_patients_without_their_images_are_passed_over(own, tmp_path):
    first, second, *others = sorted(Path(own["folder"], "train").iterdir())
    for each in (first, second):
        shutil.rmtree(each / "FLAIR")
    sample = sampled(tmp_path, **own)
    assert sample["inputs"]["net"]["rows"] == {"FLAIR": 3.0}
    assert sample["slices"] == 6.0
    size = sum(path.stat().st_size for each in others[:2] for path in each.rglob("*.dcm"))
    assert sample["image_bytes"] * 4 == size, "of four patients, two of them without an image"


def test_a_baseline_that_needs_no_image_is_timed_on_a_cohort_without_images(own, tmp_path):
    facts = {"base": {"settings": {"kind": "facts"}, "series": [], "fitted": False, "features": False}}
    sample = time_sample("planted", SAMPLED | own | {"series": [], "masks": []}, facts, tmp_path)
    assert sample["inputs"]["base"]["rows"] == {}
    assert rows_of_patient(sample["inputs"]["base"], "facts", []) == 1


def test_a_cohort_of_which_an_input_cannot_be_made_is_one_sentence(own, tmp_path):
    for each in Path(own["folder"], "train").iterdir():
        shutil.rmtree(each / "FLAIR")
    with pytest.raises(
        GlioBenchError, match=r"^cohort planted: none of its first 7 patients has what the input `net` "
    ):
        sampled(tmp_path, **own)


def test_a_cohort_without_a_label_is_one_sentence(own, tmp_path):
    labels = Path(own["folder"], "train_labels.csv")
    labels.write_text(labels.read_text().splitlines()[0] + "\n")
    with pytest.raises(GlioBenchError, match="its patients cannot be counted, because "):
        sampled(tmp_path, **own)


def test_a_cohort_that_cannot_be_counted_is_one_sentence(tmp_path):
    nowhere = {"folder": str(tmp_path / "nowhere"), "settings": {"labels": "a.csv"}}
    with pytest.raises(GlioBenchError, match=r"its patients cannot be counted, because .*nowhere"):
        sampled(tmp_path, kind="ucsf-pdgm", generator=None, **nowhere)
