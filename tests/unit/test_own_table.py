"""A cohort of one's own: the table that names its patients and files."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_files import write_series
from gliobench.cohorts import layout, read_patient_series
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.owners import whose
from gliobench.cohorts.patients import check_ids
from gliobench.cohorts.series import read_path
from gliobench.cohorts.table import locate, read_patients
from gliobench.cohorts.writers import write_nifti
from gliobench.errors import GlioBenchError
from gliobench.files import write_table
from gliobench.imaging.dicom import read_series
from gliobench.imaging.facts import SeriesError
from gliobench.moved import paths_digest

VOXELS = np.random.default_rng(0).integers(1, 999, (4, 6, 8)).astype(np.int16)
GOOD = [
    {"patient_id": "007", "label": "1", "site": "north", "FLAIR": "scans/a/FLAIR", "T1w": "scans/a/t1.nii.gz"},
    {"patient_id": "p2", "label": "0", "site": "", "FLAIR": "scans/b.nii", "T1w": ""},
]


@pytest.fixture
def folder(tmp_path):
    write_series(tmp_path / "scans" / "a" / "FLAIR", VOXELS.astype(np.uint16))
    write_nifti(VOXELS, np.eye(4), tmp_path / "scans" / "a" / "t1.nii.gz")
    nib.save(nib.Nifti1Image(VOXELS, np.eye(4)), tmp_path / "scans" / "b.nii")
    return tmp_path


def write(folder, rows):
    path = folder / "mine.tsv"
    pd.DataFrame(rows).fillna("").to_csv(path, sep="\t", index=False)
    return path


def changed(**cells):
    return [GOOD[0] | cells, GOOD[1]]


class TestPatients:
    def test_labels_and_sites_come_from_the_table_and_ids_keep_their_zeros(self, folder):
        patients = read_patients(write(folder, GOOD))
        assert patients["patient_id"].tolist() == ["007", "p2"]
        assert patients["label"].tolist() == [1, 0]
        assert patients["label_name"].tolist() == ["positive", "negative"]
        assert patients["site"].tolist()[0] == "north"
        assert patients["site"].isna().tolist() == [False, True]
        write_table(patients, folder / "patients.tsv", "patients")

    def test_a_patient_may_have_several_scans(self, folder):
        scans = [
            GOOD[0] | {"patient_id": f"p1-{date}", "scan_of": "p1", "date": date, "FLAIR": f"{date}.nii", "T1w": ""}
            for date in ("2001-02-03", "2004-05-06")
        ]
        patients = read_patients(write(folder, [*scans, GOOD[1]]))
        assert patients["scan_of"].tolist()[:2] == ["p1", "p1"]
        assert patients["scan_of"].isna().tolist() == [False, False, True]
        write_table(patients, folder / "patients.tsv", "patients")
        for spoilt, sentence in (
            (scans[1] | {"label": "0"}, "the scans of patient p1 have different labels; give them one."),
            (scans[1] | {"date": "2001-02-03"}, "two scans of patient p1 have the same date; number them in `date`."),
        ):
            with pytest.raises(GlioBenchError, match=sentence):
                read_patients(write(folder, [scans[0], spoilt, GOOD[1]]))

    @pytest.mark.parametrize(
        ("first", "sentence"),
        [
            ({"label": "0"}, "the scans of patient p1 have different labels; give them one."),
            ({"date": "2"}, "two scans of patient p1 have the same date; number them in `date`."),
            (
                {"scan_of": "p0"},
                "scan_of of p1-2 is p1, which is itself a scan of p0; name the patient in each of them.",
            ),
        ],
    )
    def test_a_first_scan_that_bears_its_patients_id_is_checked_with_the_others(self, folder, first, sentence):
        scans = [
            {"patient_id": "p1", "label": "1", "scan_of": "", "date": "1", "FLAIR": "1.nii"},
            {"patient_id": "p1-2", "label": "1", "scan_of": "p1", "date": "2", "FLAIR": "2.nii"},
        ]
        assert whose(read_patients(write(folder, scans))).tolist() == ["p1", "p1"]
        with pytest.raises(GlioBenchError, match=sentence):
            read_patients(write(folder, [scans[0] | first, scans[1]]))

    def test_labels_can_have_names(self, folder):
        rows = [GOOD[0] | {"label_name": "methylated"}, GOOD[1] | {"label_name": "unmethylated"}]
        assert read_patients(write(folder, rows))["label_name"].tolist() == ["methylated", "unmethylated"]

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            (
                [{"patient_id": "a", "FLAIR": "x"}],
                r"mine\.tsv has the columns .* and lacks label; .* separated by tabs",
            ),
            ([{"patient_id": "a", "label": "1"}], r"mine\.tsv has no column for a series: add one or more of FLAIR, "),
            ([{"patient_id": "a", "label": "1", "T1": "x"}], r"no column is called 'T1'; did you mean 'T1w'\?"),
            (changed(label="2"), "patient 007 has the label '2'; label must be 0 or 1 .*: correct or remove that row"),
            (changed(label="yes"), "patient 007 has the label 'yes'; label must be 0 or 1"),
            (changed(label=""), "patient 007 has the label ''; label must be 0 or 1"),
            (changed(patient_id="p2"), "lists patient p2 more than once: keep one row per patient"),
            (changed(patient_id="../p1"), r"'\.\./p1' cannot be a patient id: use only letters, digits, - and _"),
            (changed(patient_id="p/5"), "'p/5' cannot be a patient id: use only letters, digits, - and _"),
            (changed(patient_id=""), "'' cannot be a patient id"),
            (changed(FLAIR="scans/b.nii"), "FLAIR of patient 007 and FLAIR of patient p2 are the same file"),
            (
                changed(FLAIR="./scans//b.nii"),
                "FLAIR of patient 007 and FLAIR of patient p2 are the same file or folder",
            ),
            ([row | {"label_name": "low"} for row in GOOD], "both labels are called 'low'; give them different names"),
            (
                [
                    *changed(label_name="low"),
                    GOOD[0] | {"patient_id": "p3", "label_name": "high", "FLAIR": "", "T1w": ""},
                ],
                "label 1 is called 'low' and 'high'; choose one name",
            ),
        ],
    )
    def test_a_wrong_table_is_a_sentence(self, folder, rows, said):
        with pytest.raises(GlioBenchError, match=said):
            read_patients(write(folder, rows))

    def test_a_table_that_is_not_there_names_the_example(self, tmp_path):
        with pytest.raises(GlioBenchError, match=r"no\.tsv does not exist: `table` in the config must .*own-data\.md"):
            read_patients(tmp_path / "no.tsv")

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"patient_id\tlabel\tFLAIR\na\t1\tx\ty\n", "first row has more cells than its header"),
            (b"patient_id\tlabel\tFLAIR\na\t1\tx\nb\t1\tx\ty\n", "cannot be read as a table"),
            (b"patient_id\tlabel\tFLAIR\n\xff\t1\tx\n", "cannot be read as a table .* must be UTF-8 text"),
            (b"", "cannot be read as a table"),
            (
                b'patient_id\tlabel\tsite\tFLAIR\na\t1\t"n\tx\nb\t0\ts"\ty\n',
                "a cell of line 2 holds a tab",
            ),
            (b"patient_id\tlabel\tFLAIR\na\t1\tx\nb\t0\ty\0z\n", "a cell of line 3 holds a NUL byte"),
        ],
    )
    def test_what_is_no_table_is_a_sentence(self, tmp_path, content, said):
        (tmp_path / "mine.tsv").write_bytes(content)
        with pytest.raises(GlioBenchError, match=said):
            read_patients(tmp_path / "mine.tsv")

    def test_a_folder_in_place_of_a_table_is_a_sentence(self, tmp_path):
        with pytest.raises(GlioBenchError, match="cannot be read as a table"):
            read_patients(tmp_path)


class TestSeries:
    def test_a_cell_names_a_dicom_folder_or_a_nifti_file(self, folder):
        table = write(folder, GOOD)
        for patient_id, name, path in [
            ("007", "FLAIR", "scans/a/FLAIR"),
            ("007", "T1w", "scans/a/t1.nii.gz"),
            ("p2", "FLAIR", "scans/b.nii"),
        ]:
            volume, facts = read_patient_series("table", table, patient_id, name)
            expected, expected_facts = read_path(folder / path)
            np.testing.assert_array_equal(volume.voxels, expected.voxels)
            assert facts == expected_facts

    def test_a_cell_may_be_an_absolute_path(self, folder, tmp_path_factory):
        elsewhere = write_series(tmp_path_factory.mktemp("archive") / "FLAIR", VOXELS.astype(np.uint16))
        volume, _ = read_patient_series("table", write(folder, changed(FLAIR=str(elsewhere))), "007", "FLAIR")
        np.testing.assert_array_equal(volume.voxels, read_series(elsewhere)[0].voxels)

    def test_every_missing_series_is_a_row_of_the_audit_with_its_reason(self, folder):
        table = write(folder, changed(T1w="scans/gone.nii.gz"))
        series, _ = audit_patients(["007", "p2"], ["FLAIR", "T1w"], table, {}, "table")
        assert series["status"].tolist() == [
            "voxels only",
            "failed",
            "voxels only",
            "failed",
        ]  # they are mm large
        gone, empty = series.loc[series["status"] == "failed", "reason"]
        assert "scans/gone.nii.gz does not exist: name a folder of DICOM files or a .nii or .nii.gz file." in gone
        assert empty == f"patient p2 has no T1w series: the cell in {table} is empty."

    def test_a_modality_without_a_column_is_a_sentence(self, folder):
        with pytest.raises(GlioBenchError, match=r"has no column T2w: add it .*, or leave T2w out of .*`modalities`"):
            audit_patients(["007"], ["T2w"], write(folder, GOOD), {}, "table")
        with pytest.raises(
            GlioBenchError, match=r"leave segmentation out of the cohort's `segmentation` in the config"
        ):
            audit_patients(["007"], ["segmentation"], write(folder, GOOD), {}, "table")

    def test_the_kind_has_its_layout(self):
        assert layout("table").locate is locate


class TestPath:
    def test_what_is_neither_dicom_nor_nifti_is_a_sentence(self, tmp_path):
        (tmp_path / "scan.dcm").write_bytes(b"x")
        with pytest.raises(SeriesError, match=r"scan\.dcm is neither a folder of DICOM files nor a \.nii or \.nii\.gz"):
            read_path(tmp_path / "scan.dcm")
        (tmp_path / "empty").mkdir()
        with pytest.raises(SeriesError, match="empty: the folder is empty"):
            read_path(tmp_path / "empty")


@given(st.text(max_size=80))
def test_an_id_that_is_let_through_is_the_name_of_one_folder(tmp_path_factory, patient_id):
    base = tmp_path_factory.getbasetemp()
    try:
        check_ids(pd.Series([patient_id]), base / "mine.tsv")
    except GlioBenchError:
        return
    assert (base / patient_id).resolve().parent == base.resolve()
    assert patient_id.isascii()
    assert len(patient_id) <= 64


@pytest.mark.parametrize(
    "patient_id", ["..", ".", "a/b", "a\\b", "/a", "a\n", "a ", "", "-a", "~", "a" * 65, "é", "a\x00"]
)
def test_an_id_with_parts_of_a_path_is_refused(tmp_path, patient_id):
    with pytest.raises(GlioBenchError, match="cannot be a patient id: use only letters, digits, - and _"):
        check_ids(pd.Series([patient_id]), tmp_path)
    columns = ["patient_id", "label", "label_name", "site", "oracle_probability"]
    patients = pd.DataFrame([[patient_id, 1, "positive", None, None]], columns=columns)
    with pytest.raises(GlioBenchError, match="column patient_id, row 1 holds"):
        write_table(patients, tmp_path / "patients.tsv", "patients")


class TestPathsDigest:
    def test_another_path_is_another_digest_and_another_label_or_order_of_columns_is_none(self, folder):
        before = paths_digest(write(folder, GOOD), ["FLAIR", "T1w"])
        assert paths_digest(write(folder, changed(label="0", site="south")), ["FLAIR", "T1w"]) == before
        assert paths_digest(write(folder, [dict(reversed(row.items())) for row in GOOD]), ["FLAIR", "T1w"]) == before
        assert paths_digest(write(folder, changed(FLAIR="scans/c")), ["FLAIR", "T1w"]) != before

    def test_what_cannot_be_read_is_left_to_the_job_that_says_why(self, tmp_path):
        assert paths_digest(tmp_path / "no.tsv", ["FLAIR"]) is None
        (tmp_path / "mine.tsv").write_bytes(b"patient_id\xff")
        assert paths_digest(tmp_path / "mine.tsv", ["FLAIR"]) is None


def test_a_series_that_the_system_refuses_is_a_row_of_the_audit(folder):
    rows, _ = audit_patients(["007"], ["FLAIR"], write(folder, changed(FLAIR="x" * 300)), {}, "table")
    assert rows.loc[0, "status"] == "failed"
    assert "cannot be read (File name too long); check the path and its permissions." in rows.loc[0, "reason"]
