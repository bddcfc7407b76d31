"""Brainstem cohorts: a user's folder of NIfTI, and generated ones with a planted infiltration."""

import hashlib
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from gliobench.cohorts import brainstem as brainstem_layout
from gliobench.cohorts import layout, read_patient_series, rsna
from gliobench.cohorts import synthetic_brainstem as brainstem
from gliobench.cohorts.anatomy import load_template
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.infiltration import load_brainstem
from gliobench.cohorts.writers import write_nifti
from gliobench.errors import GlioBenchError
from gliobench.files import write_table
from gliobench.imaging.facts import SeriesError
from gliobench.settings.generators import BrainstemGenerator
from gliobench.settings.models import check
from gliobench.study import Study
from gliobench.terms import MODALITIES

ROOT = Path(__file__).parents[2]

FEW = {"none": 1, "microscopic": 1, "extensive": 1, "incomplete": 1}
SMALL = {"patients": FEW, "matrix": 48, "slices": [12, 14]}
GRADED = {"none": 4, "microscopic": 8, "extensive": 12, "incomplete": 0}
SERIES = (*MODALITIES, "segmentation")


def complete(settings: dict) -> dict:
    """Return settings as a study hands them to its jobs: checked, with every default."""
    return check(BrainstemGenerator, settings, "generator").model_dump()


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "nifti"
    brainstem.write_cohort(complete(SMALL), 1, folder)
    return folder


def make_cohort(folder, rows="a\tnone\nb\tmicroscopic\nc\textensive\n", columns="patient_id\tgrade", patients="abc"):
    (folder / "patients.tsv").write_text(f"{columns}\n{rows}", encoding="utf-8")
    for patient in patients:
        (folder / patient).mkdir(exist_ok=True)


def refused(folder, sentence):
    with pytest.raises(GlioBenchError, match=re.escape(sentence)):
        brainstem_layout.read_patients(folder)


def digest(folder: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return content.hexdigest()


def on_grid_of(target, image):
    """Resample one volume onto the grid of another."""
    matrix = np.linalg.inv(image.affine) @ target.affine
    values = image.voxels.astype("float32")
    return ndimage.affine_transform(values, matrix[:3, :3], matrix[:3, 3], output_shape=target.voxels.shape, order=1)


class TestLayout:
    def test_each_kind_has_its_layout(self):
        kinds = {
            "rsna": rsna,
            "synthetic": rsna,
            "brainstem": brainstem_layout,
            "synthetic-brainstem": brainstem_layout,
        }
        assert {kind: layout(kind) for kind in kinds} == kinds

    def test_grades_become_two_labels(self, tmp_path):
        make_cohort(tmp_path)
        patients = brainstem_layout.read_patients(tmp_path)
        assert patients["patient_id"].tolist() == ["a", "b", "c"]
        assert patients["label"].tolist() == [0, 0, 1]
        assert patients["label_name"].tolist() == ["none or microscopic", "none or microscopic", "extensive"]
        write_table(patients, tmp_path / "out.tsv", "patients")

    def test_sites_are_read_where_they_are_known(self, tmp_path):
        make_cohort(tmp_path, "a\tnone\tnorth\nb\tnone\t\nc\textensive\tsouth\n", "patient_id\tgrade\tsite")
        patients = brainstem_layout.read_patients(tmp_path)
        assert patients["site"].fillna("").tolist() == ["north", "", "south"]
        write_table(patients, tmp_path / "out.tsv", "patients")

    def test_ids_keep_their_leading_zeros(self, tmp_path):
        make_cohort(tmp_path, "007\tnone\n", patients=["007"])
        assert brainstem_layout.read_patients(tmp_path)["patient_id"].tolist() == ["007"]

    def test_data_that_are_not_there_are_asked_for(self, tmp_path):
        refused(tmp_path, f"{tmp_path}/patients.tsv does not exist: put the cohort there")

    @pytest.mark.parametrize("columns", ["patient\tgrade", "patient_id\tlabel"])
    def test_other_columns_are_named(self, tmp_path, columns):
        make_cohort(tmp_path, columns=columns)
        refused(tmp_path, f"has the columns {columns.split()}; expected: patient_id, grade, and site if known.")

    @pytest.mark.parametrize("grade", ["1", "", "Extensive", "severe"])
    def test_an_unknown_grade_is_named(self, tmp_path, grade):
        make_cohort(tmp_path, f"a\tnone\nb\t{grade}\nc\textensive\n")
        refused(tmp_path, f"patient b has the grade {grade!r}; grade must be none, microscopic or extensive")

    @pytest.mark.parametrize("name", ["../a", "a b", "-x", ""])
    def test_an_id_that_is_no_folder_name_is_refused(self, tmp_path, name):
        make_cohort(tmp_path, f"a\tnone\n{name}\tnone\n")
        refused(tmp_path, f"{name!r} cannot be a patient id")

    def test_duplicates_are_named(self, tmp_path):
        make_cohort(tmp_path, "a\tnone\na\textensive\n")
        refused(tmp_path, "lists patient a more than once: keep one row per patient.")

    def test_tables_and_folders_must_agree(self, tmp_path):
        make_cohort(tmp_path, patients="ab")
        refused(tmp_path, "labels patient c but")
        make_cohort(tmp_path, patients="abcd")
        refused(tmp_path, "holds patient d without a label")


class TestReading:
    @pytest.mark.parametrize("suffix", [".nii.gz", ".nii"])
    def test_both_suffixes_are_read(self, tmp_path, suffix):
        (tmp_path / "a").mkdir()
        nib.Nifti1Image(np.ones((3, 4, 5), "int16"), np.eye(4)).to_filename(tmp_path / "a" / f"FLAIR{suffix}")
        volume, facts = read_patient_series("brainstem", tmp_path, "a", "FLAIR")
        assert volume.voxels.shape == (5, 4, 3)
        assert facts.n_files == 1

    def test_an_absent_or_doubled_series_is_named(self, tmp_path):
        with pytest.raises(SeriesError, match="patient a has no T2w series: there is no file "):
            read_patient_series("brainstem", tmp_path, "a", "T2w")
        (tmp_path / "a").mkdir()
        for suffix in (".nii.gz", ".nii"):
            (tmp_path / "a" / f"T2w{suffix}").touch()
        with pytest.raises(SeriesError, match=re.escape("holds both T2w.nii.gz and T2w.nii; keep one of them.")):
            read_patient_series("brainstem", tmp_path, "a", "T2w")


class TestPatients:
    @given(st.fixed_dictionaries({name: st.integers(0, 9) for name in FEW}), st.floats(0, 1), st.integers(0, 999))
    def test_each_grade_has_as_many_complete_patients_as_asked_for(self, counts, signal, seed):
        counts["none"] += 1
        patients = brainstem.draw_patients(complete({"patients": counts, "signal": signal}), seed)
        whole = patients[patients["lacking"].isna()]
        for grade in brainstem_layout.GRADES:
            assert (whole["grade"] == grade).sum() == counts[grade]
        assert len(patients) - len(whole) == counts["incomplete"]
        assert patients["patient_id"].str.fullmatch(r"\d{5}").all()
        assert patients["patient_id"].is_unique
        assert patients["oracle_probability"].between(0, 1).all()
        assert ((patients["label"] == 1) == (patients["grade"] == "extensive")).all()

    def test_the_paper_s_cohort_is_the_default(self):
        patients = brainstem.draw_patients(complete({}), 1)
        assert len(patients) == 33
        assert patients["lacking"].isna().sum() == 24
        assert patients[patients["lacking"].isna()]["label"].value_counts().to_dict() == {1: 15, 0: 9}

    def test_with_full_signal_the_volume_tells_the_grade(self):
        patients = brainstem.draw_patients(complete({"signal": 1}), 1)
        order = patients["grade"].map(list(brainstem_layout.GRADES).index)
        assert patients.groupby(order)["share"].median().is_monotonic_increasing
        assert patients.loc[patients["label"] == 1, "share"].min() >= 0.4
        assert patients.loc[patients["label"] == 0, "share"].max() <= 0.15
        assert (patients.loc[patients["grade"] == "none", "share"] == 0).all()
        assert (patients["oracle_probability"] == patients["label"]).all()

    def test_without_signal_the_volume_tells_nothing(self):
        patients = brainstem.draw_patients(complete({"patients": dict.fromkeys(FEW, 1000)}), 1)
        assert roc_auc_score(patients["label"], patients["share"]) == pytest.approx(0.5, abs=0.03)
        assert patients["oracle_probability"].nunique() == 1
        assert patients["oracle_probability"][0] == pytest.approx(1 / 3)

    def test_labels_are_as_frequent_as_their_probability_says(self):
        patients = brainstem.draw_patients(complete({"patients": dict.fromkeys(FEW, 3000), "signal": 0.6}), 1)
        for probability, group in patients.groupby("oracle_probability"):
            assert group["label"].mean() == pytest.approx(probability, abs=0.03)


class TestAnatomy:
    @pytest.mark.parametrize("spacing", [2, 3])
    def test_the_templates_brainstem_is_one_symmetric_piece_of_about_30_ml(self, spacing):
        stem = load_brainstem(spacing)
        assert 22 < stem.sum() * spacing**3 / 1000 < 38
        assert ndimage.label(stem)[1] == 1
        centre = load_template(spacing).affine @ [*ndimage.center_of_mass(stem), 1]
        assert abs(centre[0]) < 2
        assert -40 < centre[1] < -20
        assert -45 < centre[2] < -25

    def test_the_infiltrated_share_is_the_drawn_one_and_lies_in_the_brainstem(self):
        patient = {"patient_id": "00003", "share": 0.5}
        without = brainstem.build_brain(patient | {"share": 0.0}, complete(SMALL), 1)
        anatomy, lesion, stem = brainstem.build_brain(patient, complete(SMALL), 1)
        np.testing.assert_array_equal(stem, without[2])
        added = (lesion.oedema - without[1].oedema) / 0.25
        assert added.sum() / stem.sum() == pytest.approx(0.5, abs=0.05)
        assert not added[stem == 0].any()
        assert (stem <= anatomy.brain + 1e-5).all()
        assert without[1].whole[stem == 1].max() == 0


class TestFiles:
    def test_a_cohort_is_laid_out_as_it_is_read(self, generated):
        patients = brainstem.draw_patients(complete(SMALL), 1)
        read = brainstem_layout.read_patients(generated, generated / "truth.tsv")
        assert read["patient_id"].tolist() == patients["patient_id"].tolist()
        assert read["label"].tolist() == patients["label"].tolist()
        assert read["oracle_probability"].astype(float).tolist() == patients["oracle_probability"].tolist()
        for one in patients.itertuples():
            expected = {f"{name}.nii.gz" for name in SERIES if name != one.lacking}
            assert {path.name for path in (generated / one.patient_id).iterdir()} == expected

    def test_the_audit_finds_all_but_what_is_lacking(self, generated, tmp_path):
        patients = brainstem.draw_patients(complete(SMALL), 1)
        series, _ = audit_patients(patients["patient_id"], SERIES, generated, {}, "synthetic-brainstem")
        write_table(series, tmp_path / "series.tsv", "series")
        failed = series[series["status"] != "ok"]
        lacking = patients.dropna(subset="lacking")
        assert (
            failed[["patient_id", "modality"]].to_numpy().tolist()
            == lacking[["patient_id", "lacking"]].to_numpy().tolist()
        )

    def test_series_of_a_patient_differ_in_grid_and_agree_in_space(self, generated):
        patients = brainstem.draw_patients(complete(SMALL), 1)
        whole = patients.loc[patients["lacking"].isna(), "patient_id"].iloc[0]
        volumes = {name: read_patient_series("brainstem", generated, whole, name)[0] for name in SERIES}
        assert len({(volume.voxels.shape, volume.affine.tobytes()) for volume in volumes.values()}) == 4
        brain = volumes["T1wCE"].voxels > 0
        for name in MODALITIES:
            other = on_grid_of(volumes["T1wCE"], volumes[name]) > 0.5 * np.median(
                volumes[name].voxels[volumes[name].voxels > 0]
            )
            assert 2 * (brain & other).sum() / (brain.sum() + other.sum()) > 0.85, name

    def test_the_segmentation_lies_on_the_grid_of_the_contrast_series(self, generated):
        image, _ = read_patient_series("brainstem", generated, "00000", "T1wCE")
        mask, _ = read_patient_series("brainstem", generated, "00000", "segmentation")
        np.testing.assert_array_equal(mask.affine, image.affine)
        assert mask.voxels.shape == image.voxels.shape
        assert mask.voxels.dtype == np.uint8
        assert set(np.unique(mask.voxels)) == {0, 1}
        assert 12 < mask.voxels.sum() * abs(np.linalg.det(mask.affine)) / 1000 < 45
        assert (image.voxels[mask.voxels == 1] > 0).mean() > 0.95

    def test_the_same_bytes_whatever_the_number_of_workers(self, generated, tmp_path):
        brainstem.write_cohort(complete(SMALL), 1, tmp_path / "two", workers=2)
        assert digest(tmp_path / "two") == digest(generated)

    def test_writing_again_leaves_nothing_of_before(self, generated, tmp_path):
        folder = tmp_path / "again"
        write_nifti(np.zeros((2, 2, 2), "uint8"), np.eye(4), folder / "99999" / "FLAIR.nii.gz")
        (folder / "truth.tsv").touch()
        brainstem.write_cohort(complete(SMALL), 1, folder)
        assert digest(folder) == digest(generated)

    def test_real_data_are_never_replaced(self, tmp_path):
        (tmp_path / "patient").mkdir()
        with pytest.raises(GlioBenchError, match="holds data that were not generated; choose another folder"):
            brainstem.write_cohort(complete(SMALL), 1, tmp_path)
        assert (tmp_path / "patient").exists()


@pytest.mark.slow
def test_with_full_signal_a_threshold_in_the_brainstem_separates_extensive_from_the_rest(tmp_path):
    settings = SMALL | {"patients": GRADED, "signal": 1}
    brainstem.write_cohort(complete(settings), 2, tmp_path, workers=2)
    features = []
    for patient_id in brainstem_layout.read_patients(tmp_path)["patient_id"]:
        mask, _ = read_patient_series("brainstem", tmp_path, patient_id, "segmentation")
        means = []
        for modality in ("FLAIR", "T2w"):
            image, _ = read_patient_series("brainstem", tmp_path, patient_id, modality)
            values = on_grid_of(mask, image)
            means.append(np.median(values[mask.voxels == 1]) / np.median(image.voxels[image.voxels > 0]))
        features.append(np.mean(means))
    assert roc_auc_score(brainstem_layout.read_patients(tmp_path)["label"], features) > 0.9


class TestSettings:
    def test_complete_settings_are_settings_too(self):
        assert complete(complete({})) == complete({})

    @pytest.mark.parametrize(
        ("settings", "sentence"),
        [
            ({"signl": 1}, "generator: unknown key 'signl'; did you mean 'signal'?"),
            ({"signal": 1.5}, "generator, signal: must be 1 or less, not 1.5"),
            ({"slices": [40, 20]}, "slices: 40 is above 20; give the smaller one first."),
            ({"field_of_view": [260, 230]}, "field_of_view: 260.0 is above 230.0; give the smaller one first."),
            ({"infiltration": {"extensive": [0.8, 0.5]}}, "extensive: 0.8 is above 0.5; give the smaller one first."),
            (
                {"infiltration": {"microscopic": [0.1, 0.5]}},
                "microscopic reaches 0.5 and extensive starts at 0.4; leave",
            ),
            ({"patients": {"none": 0, "microscopic": 0, "extensive": 0}}, "no grade has a patient; give at least one"),
            ({"patients": {"severe": 2}}, "patients: unknown key 'severe'"),
        ],
    )
    def test_wrong_settings_are_answered_with_a_sentence(self, settings, sentence):
        with pytest.raises(GlioBenchError, match=re.escape(sentence)):
            brainstem.draw_patients(complete(settings), 1)

    @pytest.mark.parametrize(
        ("cohort", "sentence"),
        [
            ({"kind": "brainstem", "path": "data"}, None),
            ({"kind": "brainstem", "path": "data", "exclude": {"segmentation": {"a": "drawn badly"}}}, None),
            ({"kind": "synthetic-brainstem", "replicates": 3, "generator": {"signal": 1}}, None),
            ({"kind": "brainstem"}, "cohorts.stems: the key 'path' is missing."),
            ({"kind": "brainstem", "path": "data", "sites": "x"}, "unknown key 'sites'"),
            ({"kind": "synthetic-brainstem", "path": "data"}, "unknown key 'path'"),
            (
                {"kind": "rsna", "path": "data", "exclude": {"segmentation": {}}},
                "cohorts.stems.exclude.segmentation: 'segmentation' is not a choice; known are",
            ),
            ({"kind": "nifti"}, "cohorts.stems.kind: 'nifti' is not a choice"),
        ],
    )
    def test_a_study_names_brainstem_cohorts(self, cohort, sentence):
        study = {"study": "one", "seed": 1, "cohorts": {"stems": cohort}, "runs": [{"approach": "densenet121"}]}
        if sentence is None:
            assert Study(study, ROOT).cohorts
        else:
            with pytest.raises(GlioBenchError, match=re.escape(sentence)):
                assert Study(study, ROOT).cohorts
