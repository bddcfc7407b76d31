"""A cohort of one's own, as docs/own-data.md has it, with headers full of names; and where a study writes."""

import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pydicom
import pytest
import yaml
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from studies import ROOT, SMOKE, copy_finished, copy_project, finish, planned_rules, sentence

from dicom_files import write_series
from gliobench.files import read_json, read_table
from kaggle import kaggle

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.own_study,
    pytest.mark.xdist_group("own data"),  # one worker makes the study
]
DOCUMENT = (ROOT / "docs/own-data.md").read_text(encoding="utf-8")
TABLE = re.search(r"```tsv\n(.*?)```", DOCUMENT, re.S)[1]
STUDY = re.search(r"`my-study.yaml`.*?```yaml\n(.*?)```", DOCUMENT, re.S)[1]
MINE = ["--configfile", "my-study.yaml", "quick.yaml", "--set-scatter", "shards=1"]
QUICK = {
    "bootstrap": 100,
    "splits": {
        "kfold": {"folds": 2, "repeats": 1, "validation": 0.34},
        "leave-one-site-out": {"validation": 0.34, "minimum_site": 2},
    },
    "runs": [
        {"approach": "baseline", "variants": ["header"], "protocols": ["harmonised", "leave-one-site-out"]},
        {"approach": "cnn3d"},
        {"approach": "resnet18", "modalities": ["FLAIR"]},
    ],
    "settings": {
        "cnn3d": {"input": {"shape": [8, 8, 8]}, "parameters": {"epochs": 1, "batch_size": 2}},
        "resnet18": {
            "weights": "none",
            "input": {"shape": [32, 32], "most": 2},
            "parameters": {"epochs": 1, "batch_size": 4},
        },
    },
}
N_PATIENTS = 16
PLANTED = {  # keyword of a DICOM header: a text that stands nowhere else
    "PatientName": "DOEPLANT^JANE",
    "PatientID": "MRN7731PLANT",
    "PatientBirthDate": "19310713",
    "PatientAddress": "12 PLANTED LANE",
    "InstitutionName": "PLANTED GENERAL HOSPITAL",
    "InstitutionAddress": "PLANTVILLE 7731",
    "ReferringPhysicianName": "HOUSEPLANT^GREGORY",
    "Manufacturer": "PLANTED MAKERS OF SCANNERS",
    "ManufacturerModelName": "PLANTMODEL",
    "StationName": "PLANTSTATION",
    "StudyDate": "19991224",
    "AcquisitionTime": "073113.731",
    "AccessionNumber": "ACC7731PLANT",
    "StudyInstanceUID": "1.2.826.0.1.7731.1",
    "SeriesInstanceUID": "1.2.826.0.1.7731.2",
    "FrameOfReferenceUID": "1.2.826.0.1.7731.3",
    "SeriesDescription": "FLAIR OF JANE PLANT",
    "ImageComments": "CALL HER AT 555 7731",
}
NIFTI = {
    "descrip": "NIFTIPLANT DESCRIPTION",
    "aux_file": "NIFTIPLANT AUX",
    "db_name": "NIFTIPLANT",
    "intent_name": "PLANTINTENT",
}
NESTED, PRIVATE = "PLANTED IN A SEQUENCE", "PLANTED IN A PRIVATE TAG"
SECRETS = [*PLANTED.values(), *NIFTI.values(), NESTED, PRIVATE, "PLANT", "7731", "19310713", "19991224"]


def write_patient(folder: Path, rng: np.random.Generator) -> None:
    """Write a FLAIR series as DICOM and T1wCE as NIfTI, each with a header that tells everything."""
    inner = Dataset()
    inner.PatientName = NESTED
    voxels = rng.integers(1, 999, (10, 16, 16)).astype(np.uint16)
    write_series(folder / "FLAIR", voxels, **PLANTED, ReferencedPatientSequence=Sequence([inner]))
    for path in (folder / "FLAIR").iterdir():
        add_private(path)
    image = nib.Nifti1Image(voxels.astype(np.int16), np.eye(4))
    for field, text in NIFTI.items():
        image.header[field] = text[:16].encode()
    nib.save(image, folder / "t1ce.nii.gz")


def add_private(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    dataset.private_block(0x0011, "PLANTED CREATOR", create=True).add_new(0x01, "LO", PRIVATE)
    dataset.save_as(path)


def write_clinic(folder: Path) -> None:
    """Write the document's table, continued to enough patients, and the files that it names."""
    lines = TABLE.rstrip("\n").split("\n")
    rng = np.random.default_rng(0)
    for number in range(len(lines), N_PATIENTS + 1):
        label, site = number % 2, "north" if number % 4 < 2 else "south"
        name = ("unmethylated", "methylated")[label]
        lines.append(f"p{number:02}\t{label}\t{name}\t{site}\tp{number:02}/FLAIR\tp{number:02}/t1ce.nii.gz")
    folder.mkdir()
    (folder / "patients.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for number in range(1, N_PATIENTS + 1):
        write_patient(folder / f"p{number:02}", rng)
    spoil(folder)


def spoil(folder: Path) -> None:
    """Make series that are refused, since sentences about them might quote their headers."""
    rng = np.random.default_rng(1)
    for patient, fields in {
        "p14": {"PhotometricInterpretation": "PLANTED"},
        "p15": {},
        "p16": {"ImageType": ["MOSAIC", "PLANTED"]},
    }.items():
        for path in (folder / patient / "FLAIR").iterdir():
            path.unlink()
        write_series(folder / patient / "FLAIR", rng.integers(1, 99, (4, 8, 8)).astype(np.uint16), **PLANTED, **fields)
    cut = folder / "p15" / "FLAIR" / "Image-2.dcm"
    cut.write_bytes(cut.read_bytes()[:-40])


def files_below(*folders: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The study of the document, finished, with a home and folders for caches and temporary files of its own."""
    base = tmp_path_factory.mktemp("own")
    project = copy_project(base / "project")
    write_clinic(project / "clinic")
    (project / "my-study.yaml").write_text(STUDY, encoding="utf-8")
    (project / "quick.yaml").write_text(yaml.safe_dump(QUICK), encoding="utf-8")
    folders = {name: base / name.lower() for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR")}
    for folder in folders.values():
        folder.mkdir()
    before = files_below(project)
    printed = finish(project, *MINE, **{name: str(path) for name, path in folders.items()}, PYTHONDONTWRITEBYTECODE="1")
    return {"project": project, "folders": folders, "before": before, "printed": printed}


@pytest.fixture
def own_copy(own: dict, tmp_path: Path) -> Path:
    """The finished study of the document, to be changed."""
    return copy_finished(own["project"], tmp_path / "own")


def test_the_documents_example_runs_to_the_table(own: dict) -> None:
    table = read_table(own["project"] / "results/my-study/tables/comparison.tsv", "comparison")
    assert set(table["protocol"]) == {"harmonised", "leave-one-site-out"}
    assert set(table["status"]) == {"ok"}
    assert set(table["published_source"]) == {"not comparable: another cohort"}
    assert table["published_auc"].isna().all()


def test_the_terminal_ends_with_the_documents_question_and_its_answer_and_no_word_of_the_papers(own: dict) -> None:
    printed, config = own["printed"], yaml.safe_load(STUDY)
    assert printed.index("First table: the baselines") < printed.index(config["title"])
    end = " ".join(printed[printed.index(config["title"]) :].split())
    assert f"{config['title']} {config['question']} clinic, methylated against unmethylated: under the harm" in end
    assert "the only baseline, header, has an AUC of" in end
    assert re.search(r"Paired over the \d+ patients that both scored, the difference is", end)
    assert not re.search("paper|publish", printed, re.IGNORECASE)


def test_the_report_leads_with_the_documents_title_and_question(own: dict) -> None:
    index = (own["project"] / "results/my-study/report/index.html").read_text(encoding="utf-8")
    config = yaml.safe_load(STUDY)
    assert f"<h1>{config['title']}</h1>" in index
    assert f'<p class="lead">{config["question"]}</p>' in index


def test_every_series_is_a_row_and_a_missing_one_has_its_reason(own: dict) -> None:
    series = read_table(own["project"] / "results/my-study/clinic/series.tsv", "series")
    assert len(series) == 2 * N_PATIENTS
    missing = series[(series["patient_id"] == "p03") & (series["modality"] == "T1wCE")].iloc[0]
    assert missing["status"] == "failed"
    assert missing["reason"] == "patient p03 has no T1wCE series: the cell in clinic/patients.tsv is empty."
    refused = series[series["status"] == "failed"].groupby("modality")["patient_id"].apply(list)
    assert refused["FLAIR"] == ["p14", "p15", "p16"]
    assert set(series["manufacturer"].dropna()) == {"other"}


def test_leave_one_site_out_tests_north_and_south_apart(own: dict) -> None:
    split = read_table(own["project"] / "results/my-study/clinic/splits/leave-one-site-out.tsv", "split")
    patients = read_table(own["project"] / "results/my-study/clinic/patients.tsv", "patients")
    sites = patients.set_index("patient_id")["site"]
    tested = split[split["role"] == "test"].groupby("fold")["patient_id"].apply(lambda ids: set(sites[ids]))
    assert tested.tolist() == [{"north"}, {"south"}]


def spellings(secret: str) -> Iterator[bytes]:
    yield secret.encode()
    yield secret.encode("utf-16-le")


def test_nothing_of_a_header_reaches_results_logs_or_the_terminal(own: dict) -> None:
    project = own["project"]
    written = [path for path in files_below(project / "results", project / ".snakemake") if path.suffix != ".pdf"]
    assert len(written) > 50
    planted = files_below(project / "clinic")
    assert any(b"DOEPLANT" in path.read_bytes() for path in planted)
    for path in written:
        content = path.read_bytes()
        if path.suffix in (".png", ".npy"):  # numbers at random hold short runs of digits
            secrets = [secret for secret in SECRETS if len(secret) > 6]
        else:
            secrets = [secret for secret in SECRETS if secret != "7731"]
        for secret in secrets:
            assert not any(spelt in content for spelt in spellings(secret)), f"{secret} in {path}"
    for secret in SECRETS:
        assert secret not in own["printed"], secret


def test_nothing_is_written_outside_the_results(own: dict) -> None:
    project, folders = own["project"], own["folders"]
    assert files_below(*folders.values()) == {}
    snakemakes = {path.relative_to(folders["XDG_CACHE_HOME"]).parts[0] for path in folders["XDG_CACHE_HOME"].rglob("*")}
    assert snakemakes <= {"snakemake"}, "empty folders of Snakemake's own"
    assert not list(folders["TMPDIR"].iterdir())
    assert not list(folders["HOME"].iterdir())
    after = files_below(project)
    changed = {path for path in after if after[path] != own["before"].get(path)} | set(own["before"]) - set(after)
    assert {path.relative_to(project).parts[0] for path in changed} == {"results", ".snakemake"}


def test_another_file_in_the_table_is_noticed_even_where_the_patients_stay_the_same(own_copy: Path) -> None:
    table = own_copy / "clinic/patients.tsv"
    text = table.read_text(encoding="utf-8")
    shutil.copytree(own_copy / "clinic/p05/FLAIR", own_copy / "clinic/p05/again")
    cut_one_slice(own_copy / "clinic/p05/again")
    table.write_text(text.replace("p05/FLAIR", "p05/again"), encoding="utf-8")
    finish(own_copy, *MINE, "--", "results/my-study/clinic/series.tsv")
    assert "preprocess" in planned_rules(own_copy, *MINE), "one step after the other"


def cut_one_slice(folder: Path) -> None:
    max(folder.iterdir(), key=lambda path: int(re.findall(r"\d+", path.stem)[-1])).unlink()


def trained_at(project: Path) -> dict[Path, int]:
    """Return when the inputs, splits and predictions of the study were written."""
    names = ("**/inputs/**/*.npy", "**/splits/*.tsv", "**/predictions.tsv")
    return {path: path.stat().st_mtime_ns for name in names for path in (project / "results/my-study").glob(name)}


def test_after_a_copy_to_another_disk_files_are_read_again_and_nothing_is_trained(
    own_copy: Path, tmp_path: Path
) -> None:
    before = trained_at(own_copy)
    shutil.copytree(own_copy / "clinic", tmp_path / "scratch")
    moved = [*MINE, "moved.yaml"]
    cohort = yaml.safe_load(STUDY)["cohorts"]["clinic"] | {"table": str(tmp_path / "scratch/patients.tsv")}
    (own_copy / "moved.yaml").write_text(yaml.safe_dump({"cohorts": {"clinic": cohort}}), encoding="utf-8")
    moved.insert(moved.index("quick.yaml") + 1, moved.pop())
    planned = planned_rules(own_copy, *moved)
    assert planned >= {"read_cohort", "audit_series", "gather_series"}
    assert not planned & {"preprocess", "split", "train_baselines", "train_tensorflow", "train_torch", "score"}
    assert "clinic  baseline" in finish(own_copy, *moved), "the tables are shown"
    assert planned_rules(own_copy, *moved) == set()
    assert trained_at(own_copy) == before
    cut_one_slice(tmp_path / "scratch/p05/FLAIR")
    (tmp_path / "scratch").rename(tmp_path / "again")
    cohort["table"] = str(tmp_path / "again/patients.tsv")
    (own_copy / "moved.yaml").write_text(yaml.safe_dump({"cohorts": {"clinic": cohort}}), encoding="utf-8")
    said = sentence(own_copy, *moved)
    assert "GlioBench: the files of cohort clinic differ from those used for its results" in said
    assert "clinic  baseline" not in said, "no score of the other files is shown"
    assert planned_rules(own_copy, *moved) >= {"preprocess", "split", "train_baselines", "train_torch"}


def test_an_edited_table_is_noticed(own_copy: Path) -> None:
    assert planned_rules(own_copy, *MINE) == set()
    table = own_copy / "clinic/patients.tsv"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("p05\t1\tmethylated", "p05\t0\tunmethylated"), encoding="utf-8")
    assert "read_cohort" in planned_rules(own_copy, *MINE)


def test_a_wrong_table_is_a_sentence(project: Path) -> None:
    write_study(project)
    table = project / "clinic/patients.tsv"
    table.write_text(table.read_text(encoding="utf-8").replace("FLAIR\tT1wCE", "FLAIR\tT1CE"), encoding="utf-8")
    said = "GlioBench: clinic/patients.tsv: no column is called 'T1CE'; did you mean 'T1wCE'?"
    assert said in sentence(project, *PATIENTS)


PATIENTS = [*MINE, "--", "results/my-study/clinic/patients.tsv"]


def write_study(project: Path) -> None:
    write_clinic(project / "clinic")
    (project / "my-study.yaml").write_text(STUDY, encoding="utf-8")
    (project / "quick.yaml").write_text(yaml.safe_dump(QUICK), encoding="utf-8")


def test_patients_of_unknown_site_are_tested_together(project: Path) -> None:
    write_study(project)
    table = project / "clinic/patients.tsv"
    rows = pd.read_csv(table, sep="\t", dtype="str", keep_default_na=False)
    unknown = rows["site"] == "south"
    rows.loc[unknown, "site"] = ""
    rows.to_csv(table, sep="\t", index=False)
    path = "results/my-study/clinic/splits/leave-one-site-out.tsv"
    finish(project, *MINE, "--", path)
    split = read_table(project / path, "split")
    tested = split[split["role"] == "test"].groupby("fold")["patient_id"].agg(set)
    assert set(rows.loc[unknown, "patient_id"]) in tested.tolist()


def write_competition(project: Path) -> None:
    """Write the same study of the competition, which names no site of its patients."""
    study = yaml.safe_load(STUDY) | {"cohorts": {"rsna": {"kind": "rsna", "path": "data/rsna"}}}
    quick = QUICK | {"runs": [{"approach": "cnn3d"}, {"approach": "resnet18"}]}
    (project / "my-study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    (project / "quick.yaml").write_text(yaml.safe_dump(quick), encoding="utf-8")


def test_a_protocol_that_the_cohort_does_not_allow_is_a_row_with_its_reason(project: Path) -> None:
    write_study(project)
    table = project / "clinic/patients.tsv"
    rows = pd.read_csv(table, sep="\t", dtype="str", keep_default_na=False)
    rows.assign(site="north").to_csv(table, sep="\t", index=False)
    small = {"cnn3d": QUICK["settings"]["cnn3d"]}
    quick = QUICK | {"runs": QUICK["runs"][:2], "settings": small}
    (project / "quick.yaml").write_text(yaml.safe_dump(quick), encoding="utf-8")
    comparison = "results/my-study/tables/comparison.tsv"
    finish(project, *MINE, "--", comparison)
    scored = read_table(project / comparison, "comparison").set_index("protocol")
    impossible = scored.loc["leave-one-site-out"]
    assert impossible["status"] == "failed"
    assert "needs at least two sites, but all patients are from north" in impossible["reason"]
    assert set(scored.loc[["harmonised"], "status"]) == {"ok"}


def archive() -> bytes:
    """Make an archive as small as one of the competition can be."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("train_labels.csv", "BraTS21ID,MGMT_value\n00000,1\n")
        file.writestr("train/00000/FLAIR/Image-1.dcm", b"DICM")
    return buffer.getvalue()


def test_the_download_is_made_only_when_asked_for_and_never_tells_the_key(project: Path) -> None:
    write_competition(project)
    assert not {"download", "fetch_rsna"} & planned_rules(project, *MINE)
    key = "a-key-that-nobody-may-see"
    with kaggle() as server:
        server.content = archive()
        server.cuts = [50]
        server.state_md5()
        variables = {"KAGGLE_API_ENDPOINT": server.url, "KAGGLE_USERNAME": "someone", "KAGGLE_KEY": key}
        printed = finish(project, *MINE, "--", "download", **variables)
        assert any(asked for _, _, asked in server.requests)
    assert (project / "data/rsna/train/00000/FLAIR/Image-1.dcm").read_bytes() == b"DICM"
    record = read_json(project / "results/my-study/rsna/download.json")
    assert record["checked_by"] == "size and MD5"
    assert not (project / "data/rsna.download").exists()
    assert key not in printed
    for path in files_below(project):
        assert key.encode() not in path.read_bytes(), path


def test_a_download_that_would_fetch_nothing_says_so(project: Path) -> None:
    assert "this study has none: name a study that has one" in sentence(project, *SMOKE, "--", "download")


def test_without_credentials_the_download_says_where_to_get_them(project: Path, tmp_path: Path) -> None:
    write_competition(project)
    unset = dict.fromkeys(("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"), "")
    said = sentence(project, *MINE, "--", "download", HOME=str(tmp_path), **unset)
    assert "GlioBench: there are no Kaggle credentials: create an API token" in said


def test_a_study_without_rsna_has_nothing_to_download(project: Path) -> None:
    write_study(project)
    assert "fetch_rsna" not in planned_rules(project, *MINE, "--", "download")
