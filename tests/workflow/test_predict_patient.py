"""A finished run scores one patient by one command, whatever study the config is of, and trains nothing anew."""

import re
import shutil
from pathlib import Path

import pytest
from studies import edit, finish, planned_rules, sentence

from gliobench.files import check_record, read_json, read_table

pytestmark = pytest.mark.workflow
RUN = "results/small/planted/runs/cnn3d/main/FLAIR/harmonised/repeat-0/seed-0/batch-0"
PATIENTS = "results/small/planted/images/train"
JOBS = {"predict_prepare", "predict_apply", "predict_show"}


@pytest.fixture
def run(finished_small: Path) -> Path:
    """The run of another project's study: nothing here trained it."""
    return finished_small / RUN


def asked(patient: Path | str, model: Path | str, *more: str) -> list[str]:
    return ["predict", "--config", f"patient={patient}", f"model={model}", *more]


def test_a_patient_of_the_cohort_gets_the_probability_of_the_fold_that_tested_it(project, finished_small, run):
    printed = finish(project, *asked(finished_small / PATIENTS / "00003", run))
    (answer,) = project.glob("results/predictions/00003/*/prediction.json")
    prediction = read_json(answer)
    check_record(prediction, "prediction", str(answer))
    table = read_table(run / "predictions.tsv", "predictions")
    tested = table[(table["patient_id"] == "00003") & (table["part"] == "test")].iloc[0]
    by_fold = {fold["fold"]: fold for fold in prediction["folds"]}
    assert by_fold[tested["fold"]]["part"] == "test"
    assert by_fold[tested["fold"]]["probability"] == pytest.approx(tested["probability"], abs=1e-6)
    assert prediction["probability"] == pytest.approx(tested["probability"], abs=1e-6), "out of fold"
    assert prediction["score"]["n_patients"] == 12
    for sentence_of_it in prediction["sentences"]:
        assert sentence_of_it in " ".join(printed.split())
    assert f"Prediction: {answer.with_name('index.html')}" in printed
    assert "cnn3d  " not in printed, "it shows no study's table"
    folder = answer.parent
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == {
        *("prediction.json", "index.html", "cohort.png", "cohort.pdf", "input.png", "input.pdf", "logs")
    }
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert re.search(r"<main>\s*<p class=\"status\"><strong>For research only", page)
    assert "an AUC of" in page, "the study's table lies beside the run"
    assert str(finished_small) not in page + answer.read_text(encoding="utf-8")
    made = [path.name for path in (project / "results").iterdir() if not path.name.startswith(".")]
    assert made == ["predictions"]
    assert planned_rules(project, *asked(finished_small / PATIENTS / "00003", run)) <= {"predict"}


def test_the_study_that_trained_the_run_trains_nothing_for_a_prediction(small_copy):
    # An edited library file would train the run anew, were it this study's own to make.
    edit(small_copy / "workflow/scripts/gliobench/training/parts.py")
    planned = planned_rules(small_copy, *asked(f"{PATIENTS}/00003", RUN, "--configfile", "small.yaml"))
    assert planned - {"predict"} == JOBS


def test_a_list_of_patients_is_predicted_in_one_call_and_one_without_an_input_stops_no_other(
    project, finished_small, run
):
    clinic = project / "clinic"
    (clinic / "empty").mkdir(parents=True)
    for name, patient in (("p-1", "00003"), ("p-2", "00004")):
        (clinic / name).symlink_to(finished_small / PATIENTS / patient)
    question = ["predict", "--config", "patients=clinic", f"model={run}"]
    printed = finish(project, *question)
    (path,) = project.glob("results/predictions/clinic/*.tsv")
    table = read_table(path, "patient_predictions").set_index("patient_id")
    assert table["status"].to_dict() == {"empty": "failed", "p-1": "ok", "p-2": "ok"}
    assert table.loc["empty", "reason"].startswith("patient empty has no FLAIR series")
    assert table.loc["p-1":, "same_as"].tolist() == ["00003", "00004"]
    tested = read_table(run / "predictions.tsv", "predictions").query("part == 'test'").set_index("patient_id")
    expected = tested.loc[["00003", "00004"], "probability"].tolist()
    assert table.loc["p-1":, "probability"].tolist() == pytest.approx(expected, abs=1e-6)
    assert all((path.parent / page).is_file() for page in table["page"])
    assert "2 of 3 patients have a prediction." in printed
    assert f"Predictions: {path}" in printed
    assert planned_rules(project, *question) <= {"predict"}


def test_other_images_and_another_fold_are_predicted_anew(project, finished_small, run):
    patient = Path(shutil.copytree(finished_small / PATIENTS / "00001", project / "someone"))
    one_fold = asked("someone", run, "fold=1")
    finish(project, *one_fold)
    (answer,) = project.glob("results/predictions/someone/*/prediction.json")
    assert [fold["fold"] for fold in read_json(answer)["folds"]] == [1]
    assert planned_rules(project, *asked("someone", run)) - {"predict"} == JOBS
    next((patient / "FLAIR").iterdir()).touch()
    assert planned_rules(project, *one_fold) - {"predict"} == JOBS


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ([], "name a patient and a run: snakemake predict --config patient=<folder of one patient> model="),
        (["patient=00012", "model=config"], "`patient` must be the path of a folder, not 12"),
        (["pateint=config"], "unknown key 'pateint'"),
    ],
)
def test_a_mistake_in_what_is_asked_is_a_sentence(project, config, expected):
    assert expected in sentence(project, "predict", *(["--config", *config] if config else []))


def test_a_patient_without_the_series_is_a_sentence(project, run):
    (project / "nobody").mkdir()
    said = sentence(project, *asked("nobody", run))
    assert "GlioBench: patient nobody has no FLAIR series: there is no folder" in said
    assert not list(project.glob("results/predictions/nobody/*/prediction.json"))


def test_a_models_file_with_code_is_a_sentence_and_nothing_is_run(project, finished_small, run):
    import pickle

    class Attack:
        def __reduce__(self):
            return (Path.touch, (project / "made by the attack",))

    stranger = Path(shutil.copytree(run, project / "stranger"))
    (stranger / "models" / "fold-1.keras").write_bytes(pickle.dumps(Attack()))
    said = sentence(project, *asked(finished_small / PATIENTS / "00003", "stranger"))
    assert "fold-1.keras cannot be read as a model of cnn3d" in said
    assert not (project / "made by the attack").exists()
