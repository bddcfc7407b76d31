import numpy as np
import pytest

from dicom_files import write_series
from gliobench.cohorts import read_patient_series
from gliobench.cohorts.audit import THUMBNAIL, audit_patients, check_something_left
from gliobench.cohorts.writers import write_nifti
from gliobench.errors import GlioBenchError
from gliobench.files import write_table
from gliobench.terms import MODALITIES, SEGMENTATION

AFFINE = np.array([[-20.0, 0, 0, 10], [0, 15, 0, -20], [0, 0, 30, 5], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    rng = np.random.default_rng(0)
    for modality, shape in {"FLAIR": (5, 12, 24), "T1w": (4, 16, 16), "T1wCE": (3, 16, 16)}.items():
        voxels = rng.integers(1, 999, shape).astype(np.uint16)
        write_series(folder / "train" / "00001" / modality, voxels, gap=10, PixelSpacing=[8, 12])
    write_series(folder / "train" / "00002" / "FLAIR", np.zeros((3, 8, 8), np.uint16))
    cut = write_series(folder / "train" / "00002" / "T1w", np.ones((3, 8, 8), np.uint16)) / "Image-2.dcm"
    cut.write_bytes(cut.read_bytes()[:-20])
    exclude = {"T1w": {"00001": "known to be bad"}}
    return audit_patients(["00001", "00002"], MODALITIES, folder, exclude, "rsna")


@pytest.fixture(scope="module")
def brainstems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("brainstems")
    image = np.random.default_rng(0).integers(1, 999, (6, 7, 8)).astype(np.int16)
    inside = (image > 500).astype(np.uint8)
    moved, nearly = AFFINE.copy(), AFFINE.copy()
    moved[0, 3] += 1
    nearly[0, 3] += 0.01
    masks = {
        "good": (inside, AFFINE),
        "nearly": (inside, nearly),
        "moved": (inside, moved),
        "cropped": (inside[1:], AFFINE),
        "empty": (np.zeros_like(inside), AFFINE),
        "excluded": (inside, AFFINE),
    }
    for patient, (mask, affine) in masks.items():
        for modality in ("FLAIR", "T1w", "T1wCE"):
            write_nifti(image, AFFINE, folder / patient / f"{modality}.nii.gz")
        write_nifti(mask, affine, folder / patient / "segmentation.nii.gz")
    exclude = {"segmentation": {"excluded": "drawn on another patient"}}
    return audit_patients(list(masks), (*MODALITIES, SEGMENTATION), folder, exclude, "brainstem")


def row(audited, patient, modality):
    series, _ = audited
    return series[(series["patient_id"] == patient) & (series["modality"] == modality)].iloc[0]


def test_every_patient_and_modality_has_a_row_and_a_thumbnail(audited, tmp_path):
    series, thumbnails = audited
    assert series[["patient_id", "modality"]].to_numpy().tolist() == [
        [patient, modality] for patient in ("00001", "00002") for modality in MODALITIES
    ]
    assert thumbnails.shape == (8, THUMBNAIL, THUMBNAIL)
    assert thumbnails.dtype == np.uint8
    write_table(series, tmp_path / "series.tsv", "series")


def test_a_good_series_tells_its_facts(audited):
    facts = row(audited, "00001", "FLAIR")
    assert facts["status"] == "ok"
    assert facts[["n_files", "n_slices", "rows", "columns"]].tolist() == [5, 5, 12, 24]
    assert facts[["spacing", "slice_spacing"]].tolist() == [8.0, 10.0]
    assert facts["plane"] == "axial"
    assert facts["ordered_by"] == "position"


def test_a_thumbnail_keeps_the_proportions_of_its_slice_in_mm(audited):
    filled = np.argwhere(audited[1][0] > 0)
    height, width = filled.max(axis=0) - filled.min(axis=0) + 1
    assert width == THUMBNAIL
    assert abs(height - THUMBNAIL / 3) <= 2  # 12 rows of 8 mm, 24 columns of 12 mm


def test_a_series_named_in_the_config_is_excluded_with_that_reason(audited):
    assert row(audited, "00001", "T1w")[["status", "reason"]].tolist() == ["excluded", "known to be bad"]


def test_a_missing_series_is_a_row(audited):
    missing = row(audited, "00002", "T2w")
    assert missing["status"] == "failed"
    assert missing["reason"].startswith("patient 00002 has no T2w series: there is no folder ")


def test_a_blank_series_is_excluded(audited):
    assert row(audited, "00002", "FLAIR")[["status", "reason"]].tolist() == ["excluded", "all 3 slices are blank."]


def test_a_cut_series_fails_with_the_readers_sentence_and_keeps_its_facts(audited):
    cut = row(audited, "00002", "T1w")
    assert cut["status"] == "failed"
    assert "Image-2.dcm" in cut["reason"]
    assert cut["n_files"] == 3


def test_only_the_named_modalities_are_read(tmp_path):
    series, _ = audit_patients(["00001"], ["T2w"], tmp_path, {}, "rsna")
    assert series["modality"].tolist() == ["T2w"]


def test_no_patients_are_an_empty_table(tmp_path):
    series, thumbnails = audit_patients([], MODALITIES, tmp_path, {}, "rsna")
    assert len(series) == 0
    assert thumbnails.shape == (0, THUMBNAIL, THUMBNAIL)
    write_table(series, tmp_path / "series.tsv", "series")


def test_a_cohort_with_nothing_left_is_an_error(audited):
    series, _ = audited
    check_something_left(series, "clinic")
    left = series[series["status"] != "ok"]
    with pytest.raises(
        GlioBenchError, match="cohort clinic: none of its 6 series is usable; reason of the first: known"
    ):
        check_something_left(left, "clinic")
    check_something_left(series.iloc[:0], "clinic")  # without images and features there is nothing to audit


def test_a_segmentation_is_a_row_after_the_modalities_of_its_patient(brainstems, tmp_path):
    series, thumbnails = brainstems
    assert series["modality"].tolist() == [*MODALITIES, "segmentation"] * 6
    assert len(thumbnails) == len(series)
    read = (series["status"] == "ok").to_numpy()
    assert thumbnails[read].max(axis=(1, 2)).min() > 0, "a mask shows the slice that it fills most"
    write_table(series, tmp_path / "series.tsv", "series")


def test_the_volume_that_a_segmentation_marks_is_its_voxels_in_millilitres(brainstems):
    rng = np.random.default_rng(0)
    voxels = (rng.integers(1, 999, (6, 7, 8)) > 500).sum()
    assert row(brainstems, "good", "segmentation")["marked_ml"] == pytest.approx(voxels * 20 * 15 * 30 / 1000)
    assert np.isnan(row(brainstems, "good", "FLAIR")["marked_ml"])


@pytest.mark.parametrize("patient", ["good", "nearly"])
def test_a_segmentation_on_its_images_grid_is_used(brainstems, patient):
    assert row(brainstems, patient, "segmentation")["status"] == "ok"
    facts = row(brainstems, patient, "FLAIR")
    assert facts[["n_files", "n_slices", "rows", "columns"]].tolist() == [1, 8, 7, 6]
    assert facts[["spacing", "slice_spacing", "plane"]].tolist() == [15.0, 30.0, "axial"]


@pytest.mark.parametrize("patient", ["moved", "cropped"])
def test_a_segmentation_on_another_grid_fails_with_a_reason(brainstems, patient):
    facts = row(brainstems, patient, "segmentation")
    assert facts["status"] == "failed"
    assert facts["reason"].startswith(f"patient {patient}: the segmentation is not on the grid of any of its images; ")
    assert row(brainstems, patient, "FLAIR")["status"] == "ok"


@pytest.mark.parametrize(("shift", "status"), [(0, "ok"), (5, "failed")])
def test_a_segmentation_may_be_on_the_grid_of_a_modality_that_the_cohort_does_not_use(
    tmp_path, monkeypatch, shift, status
):
    image = np.random.default_rng(0).integers(1, 999, (6, 7, 8)).astype(np.int16)
    other = AFFINE * [1.5, 1, 1, 1]
    write_nifti(image, AFFINE, tmp_path / "p1/FLAIR.nii.gz")
    write_nifti(image, other, tmp_path / "p1/T1wCE.nii.gz")
    other[0, 3] += shift
    write_nifti((image > 500).astype(np.uint8), other, tmp_path / "p1/segmentation.nii.gz")
    read = []

    def counted(kind, folder, patient_id, name):
        read.append(name)
        return read_patient_series(kind, folder, patient_id, name)

    monkeypatch.setattr("gliobench.cohorts.audit.read_patient_series", counted)
    for names in (["FLAIR", SEGMENTATION], ["FLAIR", "T1wCE", SEGMENTATION]):
        read.clear()
        series, _ = audit_patients(["p1"], names, tmp_path, {}, "brainstem")
        assert series["modality"].tolist() == names
        assert series["status"].tolist()[-1] == status
        assert len(read) == len(set(read)), "each is read once"
    assert read == names or status == "failed", "others are read only if they may change the answer"


def test_an_empty_segmentation_is_excluded(brainstems):
    facts = row(brainstems, "empty", "segmentation")
    assert facts[["status", "reason"]].tolist() == ["excluded", "the segmentation is empty: it marks no voxel."]


def test_a_segmentation_can_be_excluded_by_the_config(brainstems):
    facts = row(brainstems, "excluded", "segmentation")
    assert facts[["status", "reason"]].tolist() == ["excluded", "drawn on another patient"]


def test_a_missing_sequence_of_nifti_is_a_row(brainstems):
    missing = row(brainstems, "good", "T2w")
    assert missing["status"] == "failed"
    assert missing["reason"].startswith("patient good has no T2w series: there is no file ")
