"""A prediction for a patient of the cohort repeats what the run that tested the patient wrote."""

import copy
import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import yaml

from gliobench.cohorts import DECODED_KIND, layout, read_patient_series, synthetic, synthetic_brainstem
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.decoded import keep_series
from gliobench.errors import GlioBenchError
from gliobench.evaluation.one_patient import NEW, OTHER_IMAGES, PIXELS, SAME_ID, UNCHECKED
from gliobench.files import check_record, read_json, read_table, write_json, write_table
from gliobench.inputs.make import make_inputs, usable_series
from gliobench.inputs.store import shard_writer, write_shard
from gliobench.predict.apply import Answer, predict_patient
from gliobench.predict.describe import describe, evidence, read_input, read_study
from gliobench.predict.patient import audit_patient, check_made, make_patient_inputs, series_of_run
from gliobench.predict.request import Request, check_target, find_models, read_record, take_request
from gliobench.splits import draw_split
from gliobench.study import Study
from gliobench.training import Job, Machine
from gliobench.training.job import run_job
from gliobench.training.labels.own import labelled

ROOT = Path(__file__).parents[2]
SMOKE = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
PLANTED = {"patients": 12, "signal": 6.0, "matrix": 32, "slices": [6, 8], "modalities": ["FLAIR", "T2w"]}
STEMS = {"patients": {"none": 2, "microscopic": 4, "extensive": 6, "incomplete": 0}, "matrix": 32, "slices": [8, 10]}
COHORTS = {
    "planted": {"kind": "synthetic", "generator": PLANTED},
    "stems": {"kind": "synthetic-brainstem", "generator": STEMS},
}
FAMILIES = [
    pytest.param("baseline", "planted"),
    pytest.param("cnn3d", "planted", marks=pytest.mark.tensorflow),
    pytest.param("resnet18", "planted", marks=pytest.mark.torch),
    pytest.param("stacked_cnn3d", "planted", marks=pytest.mark.torch),
    pytest.param("densenet121", "stems", marks=pytest.mark.torch),
    pytest.param("resnet10_3d", "planted", marks=pytest.mark.torch),
]
CPU = Machine(1, "cpu")


@dataclass
class Trained:
    """A finished run, and where the images of its patients lie."""

    run: Path
    patients: Path

    @property
    def record(self) -> dict:
        return read_json(self.run / "run.json")

    @property
    def tested(self) -> pd.DataFrame:
        table = read_table(self.run / "predictions.tsv", "predictions")
        last = table["phase"] == self.record["phases"][-1]
        return table[(table["part"] == "test") & table["slice_index"].isna() & last]


@dataclass
class Predicted:
    """The description of an answer, all maps, and the one that is shown."""

    prediction: dict
    cams: np.ndarray | None
    cam: np.ndarray | None


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    made = {}

    def write(cohort):
        if cohort not in made:
            made[cohort] = tmp_path_factory.mktemp(cohort) / "images"
            module = synthetic_brainstem if cohort == "stems" else synthetic
            study = Study({"study": "one", "seed": 1, "cohorts": COHORTS, "runs": [{"approach": "baseline"}]}, ROOT)
            module.write_cohort(study.cohorts[cohort]["generator"], 1, made[cohort], 1)
        return made[cohort]

    return write


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    """Train an approach with the smoke study's settings, as the workflow would."""
    made = {}

    def train(approach, cohort):
        if approach not in made:
            made[approach] = run_through(approach, cohort, images(cohort), tmp_path_factory.mktemp(approach))
        return made[approach]

    return train


def run_through(approach, cohort, folder, results):
    modalities = ["FLAIR"] if approach in ("cnn3d", "resnet10_3d") else None
    run = {"approach": approach} | ({"modalities": modalities} if modalities else {})
    settings = {name: copy.deepcopy(own) for name, own in SMOKE["settings"].items() if name == approach}
    config = {
        "study": "one",
        "seed": 1,
        "backend": "tensorflow",
        "cohorts": {cohort: COHORTS[cohort]},
        "splits": {"kfold": SMOKE["splits"]["kfold"]},
    }
    study = Study(config | {"settings": settings, "runs": [run]}, ROOT)
    cell = study.cells[0]
    kind, made = COHORTS[cohort]["kind"], study.input(approach, cohort)
    patients = layout(kind).read_patients(folder, None)
    names = series_of_run(study.job(cell))
    keep = partial(keep_series, results / "decoded")
    series, _ = audit_patients(patients["patient_id"], names, folder, {}, kind, keep)
    write_table(patients, results / "patients.tsv", "patients")
    write_table(series, results / "series.tsv", "series")
    write_table(draw_split(patients, series, study.splits["kfold"], 1), results / "split.tsv", "split")
    usable, path = usable_series(series, study.series(cell), made), results / "all.npy"
    with shard_writer(path) as append:
        for patient_id, names in usable.items():
            append(*make_inputs(patient_id, names, results / "decoded", DECODED_KIND, made))
    outputs = SimpleNamespace(
        predictions=results / "run" / "predictions.tsv",
        history=results / "run" / "history.tsv",
        record=results / "run" / "run.json",
        models=results / "run" / "models",
    )
    job = Job(**study.job(cell), repeat=0, seed_index=0, batch=0, library="0123456789abcdef")
    given = SimpleNamespace(patients=results / "patients.tsv", split=results / "split.tsv")
    labels = labelled(given, {"seeds": {job.cell["cohort"]: job.seed}})
    run_job(job, CPU, labels, [path], outputs)
    return Trained(results / "run", folder / "train" if kind == "synthetic" else folder)


def predict(trained, patient, folder, fold=None):
    """Predict as the workflow does, by files."""
    record = read_record(trained.run)
    series, _ = audit_patient(patient, record, folder / "decoded")
    arrays, index = make_patient_inputs(patient, series, record, folder / "decoded")
    check_made(index)
    write_shard(arrays, index, folder / "patient.npy")
    reason = read_input(record, folder / "patient.npy")[-1]
    answer = predict_patient(trained.run, record, [folder / "patient.npy"], CPU, fold)
    study = read_study(Request({}, trained.run, record).tables)
    prediction = describe(record, answer.plain, series, reason, study)
    check_record(prediction, "prediction", "this prediction")
    return Predicted(prediction, answer.cams, None if answer.cams is None else evidence(answer.cams, prediction))


@pytest.mark.parametrize(("approach", "cohort"), FAMILIES)
def test_the_fold_that_tested_a_patient_says_the_same_again(trained, tmp_path, approach, cohort):
    run = trained(approach, cohort)
    for row in run.tested.iloc[[0, -1]].to_dict("records"):
        answer = predict(run, run.patients / row["patient_id"], tmp_path / row["patient_id"])
        by_fold = {each["fold"]: each for each in answer.prediction["folds"]}
        assert set(by_fold) == {0, 1}
        assert by_fold[row["fold"]]["part"] == "test"
        assert by_fold[1 - row["fold"]]["part"] in ("train", "validation")
        assert by_fold[row["fold"]]["probability"] == pytest.approx(row["probability"], abs=1e-6)
        both = [each["probability"] for each in by_fold.values()]
        assert answer.prediction["identity"] == PIXELS
        assert answer.prediction["probability"] == by_fold[row["fold"]]["probability"], "out of fold"
        assert answer.prediction["mean"] == pytest.approx(np.mean(both))
        assert answer.prediction["sd"] == pytest.approx(abs(both[0] - both[1]) / np.sqrt(2))
        assert (answer.cam is not None) == (approach == "stacked_cnn3d")
        assert any("generated images" in note for note in answer.prediction["notes"])
        assert f"out of fold, from the model of fold {row['fold']}" in answer.prediction["sentences"][0]
        assert not any("In the study" in note for note in answer.prediction["notes"]), "it is the study's own answer"


@pytest.mark.torch
def test_a_map_lies_over_the_input_from_0_to_1(trained, tmp_path):
    run = trained("stacked_cnn3d", "planted")
    cam = predict(run, run.patients / "00000", tmp_path).cam
    assert list(cam.shape) == run.record["shape"][1:]
    assert cam.min() >= 0
    assert cam.max() <= 1


@pytest.mark.torch
def test_the_map_is_that_of_the_models_and_the_label_of_the_reported_probability(trained, tmp_path):
    run = trained("stacked_cnn3d", "planted")
    for row in run.tested.iloc[[0, -1]].to_dict("records"):
        answer = predict(run, run.patients / row["patient_id"], tmp_path / row["patient_id"])
        place = [fold["part"] for fold in answer.prediction["folds"]].index("test")
        label = int(answer.prediction["probability"] >= 0.5)
        np.testing.assert_array_equal(answer.cam, answer.cams[place, label])
    strangers = answer.prediction | {"folds": [{"part": None}, {"part": None}], "probability": 0.5}
    np.testing.assert_allclose(evidence(answer.cams, strangers), answer.cams[:, 1].mean(axis=0))


@pytest.mark.torch
def test_slices_are_scored_without_a_series_that_is_missing_and_the_answer_says_so(trained, tmp_path):
    run = trained("resnet18", "planted")
    patient = Path(shutil.copytree(run.patients / "00001", tmp_path / "00001"))
    shutil.rmtree(patient / "T2w")
    prediction = predict(run, patient, tmp_path / "input").prediction
    assert any(note.startswith("Scored without T2w: patient 00001 has no T2w series") for note in prediction["notes"])
    whole = predict(run, run.patients / "00001", tmp_path / "whole").prediction
    assert prediction["n_rows"] < whole["n_rows"]
    shutil.rmtree(patient / "FLAIR")
    with pytest.raises(GlioBenchError, match="patient 00001 has no FLAIR series"):
        predict(run, patient, tmp_path / "nothing")


def test_channels_are_not_made_without_a_series_that_is_missing(trained, tmp_path):
    run = trained("baseline", "planted")
    patient = Path(shutil.copytree(run.patients / "00001", tmp_path / "00001"))
    shutil.rmtree(patient / "T2w")
    with pytest.raises(GlioBenchError, match="patient 00001 has no T2w series: there is no folder"):
        predict(run, patient, tmp_path / "input")


def test_a_segmentation_may_lie_on_the_grid_of_a_series_that_the_run_does_not_read(tmp_path):
    home = tmp_path / "p-1"
    home.mkdir()
    images = {"FLAIR": (3, 4, 5), "T2w": (6, 7, 8), "segmentation": (6, 7, 8)}
    for name, shape in images.items():
        stored = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
        nib.save(nib.Nifti1Image(stored, np.diag([30.0, 30.0, 30.0, 1.0])), home / f"{name}.nii")
    made = {"kind": "grid", "around": "segmentation", "reference": "FLAIR", "registration": "none"}
    record = {"series": ["FLAIR", "segmentation"], "input": made}
    series, thumbnails = audit_patient(home, record, tmp_path / "decoded")
    assert series[["modality", "status"]].to_numpy().tolist() == [["FLAIR", "ok"], ["segmentation", "ok"]]
    assert len(thumbnails) == 2
    (home / "T2w.nii").unlink()
    series, _ = audit_patient(home, record, tmp_path / "decoded")
    arrays, index = make_patient_inputs(home, series, record, tmp_path / "decoded")
    assert not arrays
    with pytest.raises(GlioBenchError, match="the segmentation is not on the grid of any of its images"):
        check_made(index)


@pytest.mark.parametrize("name", ["FLAIR.nii.gz", "FLAIR.nii"])
def test_a_series_may_be_one_nifti_file_but_not_two_things_at_once(tmp_path, name):
    home = tmp_path / "p-1"
    home.mkdir()
    stored = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    nib.save(nib.Nifti1Image(stored, np.diag([1.0, 2.0, 3.0, 1.0])), home / name)
    volume, facts = read_patient_series("single", tmp_path, "p-1", "FLAIR")
    assert volume.voxels.shape == (5, 4, 3)
    assert (facts.spacing, facts.slice_spacing) == (2.0, 3.0)
    (home / "FLAIR").mkdir()
    with pytest.raises(GlioBenchError, match="holds both FLAIR and FLAIR"):
        read_patient_series("single", tmp_path, "p-1", "FLAIR")


def test_one_fold_may_be_asked_alone(trained, tmp_path):
    run = trained("baseline", "planted")
    prediction = predict(run, run.patients / "00002", tmp_path, fold=1).prediction
    assert [each["fold"] for each in prediction["folds"]] == [1]
    assert prediction["sd"] is None
    assert prediction["probability"] == prediction["folds"][0]["probability"]


def test_a_patient_under_another_name_is_recognised_by_pixels(trained, tmp_path):
    run = trained("baseline", "planted")
    stranger = Path(shutil.copytree(run.patients / "00002", tmp_path / "stranger"))
    prediction = predict(run, stranger, tmp_path / "input").prediction
    itself = predict(run, run.patients / "00002", tmp_path / "again").prediction
    assert (prediction["patient_id"], prediction["same_as"]) == ("stranger", ["00002"])
    for name in ("identity", "probability", "mean", "folds", "placement", "verdict", "sentences"):
        assert prediction[name] == itself[name]


def test_a_patient_with_other_images_is_new_and_a_known_id_is_warned_of(trained, tmp_path):
    run = trained("baseline", "planted")
    for name, identity, known in (("stranger", NEW, False), ("00002", OTHER_IMAGES, True)):
        folder = tmp_path / name
        folder.mkdir()
        for modality in ("FLAIR", "T2w"):
            voxels = np.random.default_rng(3).integers(0, 900, (32, 32, 7)).astype(np.int16)
            nib.save(nib.Nifti1Image(voxels, np.diag([6.0, 6.0, 20.0, 1.0])), folder / f"{modality}.nii")
        prediction = predict(run, folder, tmp_path / "input" / name).prediction
        assert prediction["identity"] == identity
        assert [each["part"] for each in prediction["folds"]] == [None, None]
        assert prediction["probability"] == prediction["mean"]
        placed = prediction["placement"]
        assert sum(label["n"] for label in placed["labels"]) == len(run.tested)
        assert any("the patient with this id" in note for note in prediction["notes"]) == known
        field = "FLAIR, T2w: the field of view along the rows is 192 mm; in the cohort 240 to 250 mm."
        assert field in prediction["notes"]


def test_a_run_without_the_table_of_series_goes_by_id_and_says_so(trained, tmp_path):
    run = trained("baseline", "planted")
    alone = Trained(Path(shutil.copytree(run.run, tmp_path / "alone")), run.patients)
    known = predict(alone, run.patients / "00002", tmp_path / "known").prediction
    assert (known["identity"], known["same_as"]) == (SAME_ID, ["00002"])
    assert known["folds"] == predict(run, run.patients / "00002", tmp_path / "checked").prediction["folds"]
    stranger = Path(shutil.copytree(run.patients / "00002", tmp_path / "stranger"))
    assert predict(alone, stranger, tmp_path / "unknown").prediction["identity"] == UNCHECKED
    shutil.copy(run.run.parent / "series.tsv", alone.run)
    assert predict(alone, stranger, tmp_path / "with").prediction["identity"] == PIXELS


def test_another_answer_than_the_studys_own_is_said(trained, tmp_path):
    run = trained("baseline", "planted")
    other = Trained(Path(shutil.copytree(run.run.parent, tmp_path / "other")) / "run", run.patients)
    table = read_table(run.run / "predictions.tsv", "predictions")
    write_table(table.assign(probability=0.123), other.run / "predictions.tsv", "predictions")
    notes = predict(other, run.patients / "00002", tmp_path / "input").prediction["notes"]
    assert any(note.startswith("In the study, the same models gave this patient 0.12:") for note in notes)


def test_a_record_and_an_input_of_two_trainings_are_a_sentence(trained, tmp_path):
    run = trained("baseline", "planted")
    shutil.copytree(run.run, tmp_path / "run")
    write_json(run.record | {"shape": [7, 7]}, tmp_path / "run" / "run.json")
    with pytest.raises(GlioBenchError, match="from different trainings"):
        predict(Trained(tmp_path / "run", run.patients), run.patients / "00002", tmp_path / "input")


def request(trained, tmp_path, **changes):
    patient = tmp_path / "00007"
    patient.mkdir(exist_ok=True)
    config = {"study": "one", "patient": str(patient), "model": str(trained.run)} | changes
    asked = take_request(config)
    assert config == {"study": "one"}, "what is left is the study's"
    return asked


def test_a_request_names_its_results_by_patient_cell_and_record(trained, tmp_path):
    run = trained("baseline", "planted")
    asked = request(run, tmp_path)
    assert asked.home.startswith("results/predictions/00007/baseline-")
    assert asked.folders == [asked.home]
    assert asked.table is None
    assert request(run, tmp_path, fold=1).home != asked.home
    assert [path.name for path in asked.models] == ["fold-0.json", "fold-1.json"]
    assert [path.name for path in request(run, tmp_path, fold=1).models] == ["fold-1.json"]
    assert asked.environment == "report"


def listed(trained, folder):
    return take_request({"patients": str(folder), "model": str(trained.run)})


def test_a_list_has_a_patient_for_each_folder_and_a_table(trained, tmp_path):
    run = trained("baseline", "planted")
    for name in ("p-2", "p-1", ".hidden"):
        (tmp_path / "clinic" / name).mkdir(parents=True)
    (tmp_path / "clinic" / "labels.csv").touch()
    asked = listed(run, tmp_path / "clinic")
    assert list(asked.patients) == ["p-1", "p-2"]
    assert asked.table == f"results/predictions/clinic/{asked.name}.tsv"
    assert asked.folders == [f"results/predictions/clinic/{asked.name}/{patient}" for patient in asked.patients]
    assert asked.results[0] == asked.table


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        ("", "has no folders"),
        ("two words", "cannot be a patient id"),
        ("FLAIR", "is one patient, because it holds FLAIR;"),
    ],
)
def test_a_folder_that_is_no_list_of_patients_is_a_sentence(trained, tmp_path, inside, sentence):
    (tmp_path / "clinic" / inside).mkdir(parents=True)
    with pytest.raises(GlioBenchError, match=sentence):
        listed(trained("baseline", "planted"), tmp_path / "clinic")


def test_one_patient_and_a_list_exclude_each_other(trained, tmp_path):
    with pytest.raises(GlioBenchError, match="`patient` and `patients` exclude each other"):
        request(trained("baseline", "planted"), tmp_path, patients=str(tmp_path))


def test_other_images_of_a_patient_are_another_request(trained, tmp_path):
    run = trained("baseline", "planted")
    before = request(run, tmp_path).images("00007")
    (tmp_path / "00007" / "FLAIR.nii").write_bytes(b"new")
    assert request(run, tmp_path).images("00007") != before


def test_a_patient_of_links_is_asked_for_by_the_links_name_and_anew_when_they_lead_elsewhere(trained, tmp_path):
    run = trained("baseline", "planted")
    for name in ("Doe_John", "Doe_Jane"):
        (tmp_path / "archive" / name / "FLAIR").mkdir(parents=True)
        (tmp_path / "archive" / name / "FLAIR" / "1.dcm").write_bytes(b"one")
    (tmp_path / "p-017").symlink_to(tmp_path / "archive" / "Doe_John")
    asked = request(run, tmp_path, patient=str(tmp_path / "p-017"))
    assert list(asked.patients) == ["p-017"]
    assert "Doe" not in asked.home
    (tmp_path / "p-018").mkdir()
    link = tmp_path / "p-018" / "FLAIR"
    link.symlink_to(tmp_path / "archive" / "Doe_John" / "FLAIR")
    images = [request(run, tmp_path, patient=str(tmp_path / "p-018")).images("p-018")]
    (tmp_path / "archive" / "Doe_John" / "FLAIR" / "1.dcm").write_bytes(b"other")
    images.append(request(run, tmp_path, patient=str(tmp_path / "p-018")).images("p-018"))
    link.unlink()
    link.symlink_to(tmp_path / "archive" / "Doe_Jane" / "FLAIR")
    images.append(request(run, tmp_path, patient=str(tmp_path / "p-018")).images("p-018"))
    assert len(set(images)) == 3


def test_links_that_lead_back_add_nothing_to_the_images_of_a_patient(trained, tmp_path):
    asked = request(trained("baseline", "planted"), tmp_path)
    before = asked.images("00007")
    for name, end in (("self", "00007"), ("up", ".")):
        (tmp_path / "00007" / name).symlink_to(tmp_path / end)
        assert asked.images("00007") == before


def test_a_run_in_a_folder_with_braces_is_a_sentence(trained, tmp_path):
    run = trained("baseline", "planted").run
    (tmp_path / "run{old}").symlink_to(run)
    shutil.copytree(run, tmp_path / "copy{1}")
    with pytest.raises(GlioBenchError, match="Snakemake cannot use a path with braces"):
        request(trained("baseline", "planted"), tmp_path, model=str(tmp_path / "copy{1}"))


def test_a_study_alone_asks_for_no_prediction():
    config = {"study": "one"}
    assert take_request(config) is None
    assert config == {"study": "one"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"patient": 12}, "`patient` must be the path of a folder, not 12"),
        ({"patient": "nowhere"}, "`patient`: there is no folder nowhere"),
        ({"model": "nowhere"}, "`model`: there is no folder nowhere"),
        ({"fold": "first"}, "`fold` must be an integer of 0 or more, not 'first'"),
        ({"fold": True}, "`fold` must be an integer"),
        ({"fold": 9}, "has no model of fold 9; it has 0, 1."),
    ],
)
def test_a_request_that_cannot_be_met_is_a_sentence(trained, tmp_path, changes, sentence):
    with pytest.raises(GlioBenchError) as caught:
        request(trained("baseline", "planted"), tmp_path, **changes)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("given", ["patient", "patients", "model", "fold"])
def test_a_part_of_a_request_is_a_sentence(tmp_path, given):
    with pytest.raises(GlioBenchError, match=f"`{given}` is not enough for a prediction"):
        take_request({given: str(tmp_path)})


@pytest.mark.parametrize("name", ["two words", ".hidden", "a{b}"])
def test_a_folder_that_is_no_patient_id_is_a_sentence(trained, tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(GlioBenchError, match="cannot be a patient id"):
        request(trained("baseline", "planted"), tmp_path, patient=str(tmp_path / name))


def test_a_folder_that_is_no_run_is_a_sentence(tmp_path):
    with pytest.raises(GlioBenchError, match=r"because it has no run\.json"):
        read_record(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(GlioBenchError, match="cannot be read as JSON"):
        read_record(tmp_path)
    write_json({"cohort": "old"}, tmp_path / "run.json")
    with pytest.raises(GlioBenchError, match=r"if an earlier version trained this run, train it again"):
        read_record(tmp_path)
    with pytest.raises(GlioBenchError, match="has no model"):
        find_models(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("approach", "../../evil", "a name of letters"),
        ("approach", "unheard_of", "has no unheard_of in its approaches"),
        ("input", {"kind": "os.path"}, "has no os.path in its inputs"),
        ("series", ["../../../secret"], "secret"),
        ("toolchain", "shell", "shell"),
    ],
)
def test_a_record_that_names_what_is_not_here_is_a_sentence(trained, tmp_path, key, value, sentence):
    record = trained("baseline", "planted").record | {key: value}
    (tmp_path / "run.json").write_text(json.dumps(record))
    with pytest.raises(GlioBenchError) as caught:
        read_record(tmp_path)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("targets", "request_made", "expected"),
    [(["predict"], False, "name a patient and a run"), ([], True, "are for the target `predict`, not for a study")],
)
def test_a_target_and_a_request_belong_together(trained, tmp_path, targets, request_made, expected):
    asked = request(trained("baseline", "planted"), tmp_path)
    with pytest.raises(GlioBenchError, match=expected):
        check_target(asked if request_made else None, targets)
    check_target(asked, ["predict"])
    check_target(None, [])


@pytest.mark.parametrize(
    ("kind", "make", "said"), [("rsna", "nifti", 1), ("rsna", "dicom", 0), ("brainstem", "nifti", 0)]
)
def test_nifti_for_models_of_dicom_is_said(trained, tmp_path, kind, make, said):
    notes = described(trained, tmp_path, make, cohort="clinic", cohort_kind=kind)
    assert len([note for note in notes if note.startswith("FLAIR, T2w: NIfTI")]) == len(notes) == said


def test_models_of_permuted_labels_know_nothing_and_say_so(trained, tmp_path):
    notes = described(trained, tmp_path, "dicom", cohort="clinic/permutations/003", cohort_kind="rsna")
    assert notes == ["The models were trained on permuted or drawn labels: their predictions mean nothing."]


def described(trained, tmp_path, make, **changes):
    """Return the notes on an answer for a patient whose series are read from such files."""
    run = trained("baseline", "planted")
    series, _ = audit_patient(run.patients / "00002", run.record, tmp_path)
    series = series.assign(ordered_by=None if make == "nifti" else "position")
    answer = Answer([{"fold": 0, "probability": 0.5, "log_odds": 0.0}], 1, "cpu", None)
    return describe(run.record | changes, answer.plain, series, None, read_study({}))["notes"]
