import shutil
from pathlib import Path

import pandas as pd
import pydicom
import pytest
import yaml
from studies import finish, planned_rules, sentence

from gliobench.files import read_table

pytestmark = pytest.mark.workflow
PATIENTS = ["--configfile", "study.yaml", "--", "results/mine/clinic/patients.tsv"]
STUDY = {
    "study": "mine",
    "seed": 1,
    "bootstrap": 100,
    "cohorts": {"clinic": {"kind": "rsna", "path": "clinic"}},
    "splits": {"kfold": {"folds": 2, "repeats": 1, "validation": 0.34}},
    "settings": {"cnn3d": {"input": {"shape": [8, 8, 8]}, "parameters": {"epochs": 1, "batch_size": 2}}},
    "runs": [{"approach": "cnn3d"}],
}
FLAIR_ALONE = {"clinic": {"kind": "rsna", "path": "clinic", "modalities": ["FLAIR"]}}

OF_SEX = {"clinic": STUDY["cohorts"]["clinic"] | {"subgroups": {"table": "people.csv", "columns": ["sex"]}}}


def write_study(project: Path, **changes: object) -> None:
    (project / "study.yaml").write_text(yaml.safe_dump(STUDY | changes), encoding="utf-8")


@pytest.fixture
def clinic(project: Path) -> Path:
    """A study of the user's own data: three labelled patients, as yet with empty folders."""
    write_study(project)
    folder = project / "clinic"
    for number in range(3):
        (folder / "train" / f"{number:05}").mkdir(parents=True)
    (folder / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n00000,0\n00001,1\n00002,1\n", encoding="utf-8")
    return folder


def test_a_missing_label_file_says_what_is_expected_where_and_names_the_demo(project, clinic):
    (clinic / "train_labels.csv").unlink()
    said = sentence(project, *PATIENTS)
    assert "GlioBench: clinic/train_labels.csv does not exist: put the RSNA-MICCAI 2021 data there" in said
    assert "train/<id>/<modality>/*.dcm" in said
    assert "rsna-miccai-brain-tumor-radiogenomic-classification" in said
    assert "or try the generated cohorts first with `make demo`." in said
    log = (project / "results/mine/clinic/logs/read_cohort.log").read_text(encoding="utf-8")
    assert "clinic/train_labels.csv does not exist" in log


def test_a_column_that_a_table_of_subgroups_lacks_is_said_before_anything_runs(project, clinic):
    write_study(project, cohorts=OF_SEX)
    assert "cohorts.clinic.subgroups.table: people.csv does not exist (yet)." in finish(project, "-n", *PATIENTS)
    assert "people.csv does not exist: `subgroups.table` in the config must name" in sentence(project, *PATIENTS)
    (project / "people.csv").write_text("patient_id,gender\n00000,f\n", encoding="utf-8")
    said = sentence(project, *PATIENTS)
    assert "GlioBench: people.csv has no column 'sex', which `subgroups` names" in said
    assert not (project / "results/mine/clinic").exists()


def test_more_folds_than_patients_of_a_label_are_the_reason_why_nothing_runs_on_them(project, audited_small):
    shutil.copytree(audited_small / "results/small/planted/images", project / "clinic")
    write_study(project, cohorts=FLAIR_ALONE, splits={"kfold": {"folds": 12}})
    counts = pd.read_csv(project / "clinic/train_labels.csv")["MGMT_value"].value_counts().sort_index()
    finish(project, "--configfile", "study.yaml", "--", "results/mine/clinic/splits/kfold.tsv")
    split = read_table(project / "results/mine/clinic/splits/kfold.tsv", "split")
    assert set(split["reason"]) == {
        f"12 folds need 12 patients of each label, but label {counts.idxmin()} has {counts.min()}: "
        "lower `splits.kfold.folds` in the config or add patients."
    }


def test_a_cohort_without_one_usable_series_is_an_error(project, clinic):
    said = sentence(project, "--configfile", "study.yaml", "--", "results/mine/clinic/series.tsv")
    assert "GlioBench: cohort clinic: none of its 12 series is usable; reason of the first: " in said
    assert "patient 00000 has no FLAIR series" in said


def spoil(clinic: Path) -> list[str]:
    """Take the FLAIR of one patient away, cut a slice of another's, turn a slice of a third's; return the three."""
    labels = pd.read_csv(clinic / "train_labels.csv", dtype="str")
    lacking, cut, turned = labels.loc[labels["MGMT_value"] == "0", "BraTS21ID"].iloc[:3]
    shutil.rmtree(clinic / "train" / lacking / "FLAIR")
    whole = clinic / "train" / cut / "FLAIR" / "Image-3.dcm"
    whole.write_bytes(whole.read_bytes()[:-100])
    path = clinic / "train" / turned / "FLAIR" / "Image-2.dcm"
    image = pydicom.dcmread(path)
    image.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    image.save_as(path)
    return [lacking, cut, turned]


def test_bad_series_are_rows_with_a_reason_and_the_study_goes_on(project, audited_small):
    shutil.copytree(audited_small / "results/small/planted/images", project / "clinic")
    write_study(project, cohorts=FLAIR_ALONE)
    lacking, cut, turned = spoil(project / "clinic")
    comparison = "results/mine/tables/comparison.tsv"
    finish(project, "--configfile", "study.yaml", "--set-scatter", "shards=1", "--", comparison)

    series = read_table(project / "results/mine/clinic/series.tsv", "series")
    assert len(series) == 12
    bad = series[series["status"] != "ok"].set_index("patient_id")
    assert bad.index.tolist() == [lacking, cut, turned]
    assert set(bad["modality"]) == {"FLAIR"}
    assert set(bad["status"]) == {"failed"}
    assert bad["reason"][lacking] == (
        f"patient {lacking} has no FLAIR series: there is no folder clinic/train/{lacking}/FLAIR."
    )
    assert f"clinic/train/{cut}/FLAIR/Image-3.dcm: it is truncated: " in bad["reason"][cut]
    assert f"clinic/train/{turned}/FLAIR: its slices have 2 orientations" in bad["reason"][turned]
    table = read_table(project / comparison, "comparison")
    assert table["status"].tolist() == ["ok", "ok"]
    assert table["n_patients"].iloc[0] == 9


def test_a_plan_needs_no_data(project):
    write_study(project)
    assert "read_cohort" in planned_rules(project, "--configfile", "study.yaml")
