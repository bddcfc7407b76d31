import re
from pathlib import Path

import numpy as np
import pytest

from dicom_files import write_series
from gliobench.cohorts import read_patient_series
from gliobench.cohorts.rsna import locate, read_patients
from gliobench.errors import GlioBenchError
from gliobench.files import write_table
from gliobench.imaging.facts import SeriesError


@pytest.fixture
def cohort(tmp_path) -> Path:
    make(tmp_path, "0,0\n00017,1\n123,1\n", ["00000", "00017", "00123"])
    return tmp_path


def make(folder, rows, patients):
    (folder / "train_labels.csv").write_text("BraTS21ID,MGMT_value\n" + rows, encoding="utf-8")
    for patient in patients:
        (folder / "train" / patient).mkdir(parents=True, exist_ok=True)


def refused(folder, sentence, **options):
    with pytest.raises(GlioBenchError, match=re.escape(sentence)):
        read_patients(folder, **options)


def test_patients_come_with_labels_in_words_and_five_digits(cohort, tmp_path):
    patients = read_patients(cohort)
    assert patients["patient_id"].tolist() == ["00000", "00017", "00123"]
    assert patients["label"].tolist() == [0, 1, 1]
    assert patients["label_name"].tolist() == ["unmethylated", "methylated", "methylated"]
    write_table(patients, tmp_path / "patients.tsv", "patients")


def test_sites_stand_beside_the_patients_that_they_name(cohort):
    (cohort / "sites.tsv").write_text("patient_id\tsite\n00017\tnorth\n00999\tsouth\n")
    patients = read_patients(cohort, cohort / "sites.tsv")
    assert patients["site"].fillna("").tolist() == ["", "north", ""]


def test_sites_that_lost_their_leading_zeros_are_known_and_those_of_another_cohort_refused(cohort):
    (cohort / "sites.tsv").write_text("patient_id\tsite\n17\tnorth\n")
    assert read_patients(cohort, cohort / "sites.tsv")["site"].fillna("").tolist() == ["", "north", ""]
    (cohort / "sites.tsv").write_text("patient_id\tsite\n00999\tnorth\n")
    refused(cohort, "sites.tsv names no patient of", sites=cohort / "sites.tsv")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "patient_id\tsite\n00017\tKöln\n".encode("latin-1"),
            "must be UTF-8 text with columns separated by tabs",
        ),
        (b"", "cannot be read as a table"),
        (b"patient_id\tsite\n00017\tnorth\tx\n", "its first row has more cells than its header"),
        (b"patient_id\tsite\n\t\n", "'' cannot be a patient id"),
    ],
)
def test_sites_that_are_no_table_are_a_sentence(cohort, content, sentence):
    (cohort / "sites.tsv").write_bytes(content)
    refused(cohort, sentence, sites=cohort / "sites.tsv")


@pytest.mark.parametrize(
    "content", ["BraTS21ID,MGMT_value\n0,0\n".encode("utf-16"), b"", b"BraTS21ID,MGMT_value\n0,0\n1,1,1\n"]
)
def test_labels_that_are_no_table_are_a_sentence(cohort, content):
    (cohort / "train_labels.csv").write_bytes(content)
    refused(cohort, "train_labels.csv cannot be read as a table")
    refused(cohort, "must be UTF-8 text with columns separated by commas.")


def test_hidden_folders_are_no_patients(cohort):
    (cohort / "train" / ".cache").mkdir()
    assert len(read_patients(cohort)) == 3


def test_a_series_lies_under_its_patient(tmp_path):
    (tmp_path / "train" / "00017" / "FLAIR").mkdir(parents=True)
    assert locate(tmp_path, "00017", "FLAIR") == tmp_path / "train" / "00017" / "FLAIR"


def test_data_that_are_not_there_are_asked_for(tmp_path):
    refused(tmp_path, f"{tmp_path}/train_labels.csv does not exist: put the RSNA-MICCAI 2021 data there")
    refused(tmp_path, "or try the generated cohorts first with `make demo`.")
    make(tmp_path, "0,0\n", [])
    refused(tmp_path, f"{tmp_path}/train does not exist: it must hold one folder per patient")


def test_other_columns_are_named(cohort):
    (cohort / "train_labels.csv").write_text("id,label\n0,1\n")
    refused(cohort, "has the columns ['id', 'label']; expected: BraTS21ID and MGMT_value.")


@pytest.mark.parametrize("label", ["2", "-1", "", "0.5", "methylated"])
def test_a_label_other_than_0_and_1_is_named(cohort, label):
    make(cohort, f"0,0\n17,{label}\n123,1\n", [])
    refused(
        cohort,
        f"{cohort}/train_labels.csv: patient 17 has the label {label!r}; MGMT_value must be 0 (unmethylated) or "
        "1 (methylated): correct or remove that row.",
    )


def test_a_patient_listed_twice_is_named_however_it_is_written(cohort):
    make(cohort, "0,0\n17,1\n00017,1\n123,1\n", [])
    refused(cohort, f"{cohort}/train_labels.csv lists patient 00017 more than once: keep one row per patient.")


@pytest.mark.parametrize("name", ["../../etc", "a b", "-x-x-x", ""])
def test_an_id_that_is_no_folder_name_is_refused(cohort, name):
    make(cohort, f"0,0\n{name},0\n17,1\n123,1\n", [])
    refused(cohort, f"{name!r} cannot be a patient id: use only letters, digits, - and _, at most 64.")


def test_a_label_without_a_folder_names_the_patient(cohort):
    make(cohort, "0,0\n17,1\n123,1\n5,1\n", [])
    refused(
        cohort,
        f"{cohort}/train_labels.csv labels patient 00005 but {cohort}/train has no such folder: "
        "complete the download or remove those rows.",
    )


def test_labels_without_folders_are_named_and_counted(cohort):
    make(cohort, "".join(f"{number},1\n" for number in range(8)) + "17,1\n123,1\n", [])
    refused(cohort, "labels patients 00001, 00002, 00003, 00004, 00005 and 2 more but")
    refused(cohort, "has no such folder: complete the download or remove those rows.")


def test_folders_without_labels_are_named(cohort):
    make(cohort, "0,0\n17,1\n", [])
    refused(
        cohort,
        f"{cohort}/train holds patient 00123 without a label in {cohort}/train_labels.csv: "
        "add the label or move the folder away.",
    )


def test_bad_sites_are_refused(cohort):
    sites = cohort / "sites.tsv"
    refused(cohort, f"{sites} does not exist: `sites` in the config must name a TSV", sites=sites)
    sites.write_text("patient\tsite\n00017\tnorth\n")
    refused(cohort, "expected: patient_id and site", sites=sites)
    sites.write_text("patient_id\tsite\n00017\tnorth\n00017\tsouth\n")
    refused(cohort, "lists patient 00017 more than once", sites=sites)


def test_one_series_is_read_by_its_patient_and_name(tmp_path):
    voxels = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    write_series(tmp_path / "train" / "00017" / "FLAIR", voxels)
    volume, facts = read_patient_series("rsna", tmp_path, "00017", "FLAIR")
    np.testing.assert_array_equal(volume.voxels, voxels)
    assert facts.n_slices == 3


def test_a_series_or_mask_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SeriesError, match="patient 00017 has no FLAIR series: there is no folder "):
        read_patient_series("rsna", tmp_path, "00017", "FLAIR")
    with pytest.raises(SeriesError, match="patient 00017 has no lesion mask: there is no file "):
        read_patient_series("rsna", tmp_path, "00017", "lesion")


def test_the_real_crosswalk_is_read_as_it_is(cohort):
    """577 of 585 patients at twelve sites, several small; one of the others is unknown, the rest absent."""
    sizes = (247, 207, 35, 28, 14, 13, 12, 6, 5, 4, 3, 3)
    labels = "".join(f"{number:05},{number % 2}\n" for number in range(585))
    (cohort / "train_labels.csv").write_text(f"BraTS21ID,MGMT_value\n{labels}")
    sites = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    rows = [f"{number}\t {site}\n" for number, site in enumerate(sites)] + ["577\tUnknown\n", "999\t18\n"]
    (cohort / "sites.tsv").write_text("patient_id\tsite\n" + "".join(rows))
    patients = read_patients(cohort, cohort / "sites.tsv", {"modalities": []})
    assert len(patients) == 585
    assert patients["site"].value_counts().tolist() == list(sizes)
    assert patients["site"].isna().sum() == 8


def test_one_patient_with_and_without_leading_zeros_is_said_to_be_there_twice(cohort):
    (cohort / "sites.tsv").write_text("patient_id\tsite\n17\tnorth\n00017\tsouth\n")
    refused(cohort, "lists patient 00017 more than once", sites=cohort / "sites.tsv")
