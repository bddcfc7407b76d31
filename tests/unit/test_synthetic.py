"""Generated cohorts: what a radiologist, a DICOM reader and a statistician would check."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from gliobench.cohorts import acquisition, contrast, read_patient_series, synthetic
from gliobench.cohorts.lesion import TRAITS, draw_traits
from gliobench.errors import GlioBenchError
from gliobench.settings.generators import SyntheticGenerator
from gliobench.settings.models import check
from gliobench.sources import SCRIPTS
from gliobench.terms import MODALITIES

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SMALL = {"patients": 3, "matrix": 48, "slices": [12, 16], "modalities": ["FLAIR", "T2w"]}
CLEAR = {"matrix": 96, "slices": [50, 50], "noise": 0.0}  # fine and noise-free, to measure on


def complete(settings: dict) -> dict:
    """Return settings as a study hands them to its jobs: checked, with every default."""
    return check(SyntheticGenerator, settings, "generator").model_dump()


def make_patient(latent=0.0, number=7, site="north"):
    return {"patient_id": f"{number:05}", "label": 1, "site": site, "latent": latent, "oracle_probability": 0.5}


def write(folder: Path, settings: dict, latent=0.0, number=7, seed=1) -> Path:
    synthetic.write_patient(make_patient(latent, number), complete(settings), seed, folder)
    return folder / "train" / f"{number:05}"


def read_series(folder: Path):
    """Read as SimpleITK does: ordered by position; voxels (slice, row, column) and the same indices' affine to RAS."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    directions = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions[:, ::-1], image.GetOrigin()
    return sitk.GetArrayFromImage(image).astype("float64"), LPS_TO_RAS @ affine


def headers(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"), key=lambda path: int(path.stem[6:]))]


def numbers_of(folder: Path) -> list[int]:
    return [int(header.InstanceNumber) for header in headers(folder)]


def normal_positions(folder: Path) -> np.ndarray:
    found = headers(folder)
    row, column = np.array(found[0].ImageOrientationPatient).reshape(2, 3)
    return np.array([np.cross(row, column) @ np.array(header.ImagePositionPatient) for header in found])


def digest(folder: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return content.hexdigest()


class TestContrast:
    @pytest.mark.parametrize(
        ("modality", "order"),
        [
            ("FLAIR", ["oedema", "rim", "grey", "white", "csf"]),
            ("T1w", ["white", "grey", "oedema", "rim", "necrosis", "csf"]),
            ("T1wCE", ["rim", "white", "grey", "oedema", "necrosis", "csf"]),
            ("T2w", ["csf", "necrosis", "oedema", "grey", "white"]),
        ],
    )
    def test_tissues_are_as_bright_as_a_radiologist_expects(self, modality, order):
        signals = contrast.signals(modality)
        assert sorted(order, key=signals.__getitem__, reverse=True) == order

    def test_the_rim_is_far_above_white_matter_after_contrast(self):
        signals = contrast.signals("T1wCE")
        assert signals["rim"] > 1.5 * signals["white"]

    def test_the_order_survives_into_the_files(self, tmp_path):
        home = write(tmp_path, CLEAR)
        anatomy, lesion, _ = synthetic.build_brain(make_patient(), complete(CLEAR), 1)
        maps = {"csf": anatomy.tissues[0], "white": anatomy.tissues[2], "oedema": lesion.oedema, "rim": lesion.rim}
        for modality, order in {
            "FLAIR": ["oedema", "rim", "white", "csf"],
            "T1w": ["white", "oedema", "rim", "csf"],
            "T1wCE": ["rim", "white", "oedema", "csf"],
            "T2w": ["csf", "oedema", "rim", "white"],
        }.items():
            voxels, affine = read_series(home / modality)
            means = {}
            for name, tissue in maps.items():
                healthy = 1 if name in ("oedema", "rim") else 1 - lesion.whole
                share = acquisition.sample(
                    (tissue * healthy).astype("float32"), anatomy.affine, affine, voxels.shape, 2
                )
                means[name] = voxels[share > 0.85].mean()
            assert sorted(order, key=means.__getitem__, reverse=True) == order, modality


class TestSignal:
    def test_without_signal_the_label_is_a_coin(self):
        patients = synthetic.draw_patients(complete({"patients": 4000, "signal": 0}), 3)
        assert (patients.oracle_probability == 0.5).all()
        assert abs(roc_auc_score(patients.label, patients.latent) - 0.5) < 0.03
        assert synthetic.oracle_auc(0) == pytest.approx(0.5, abs=1e-9)

    @pytest.mark.parametrize("beta", [0.5, 2, 6])
    def test_a_large_sample_reaches_the_oracle(self, beta):
        patients = synthetic.draw_patients(complete({"patients": 20000, "signal": beta}), 3)
        sample = roc_auc_score(patients.label, patients.oracle_probability)
        assert sample == pytest.approx(synthetic.oracle_auc(beta), abs=0.01)

    def test_labels_are_as_frequent_as_their_probability_says(self):
        patients = synthetic.draw_patients(complete({"patients": 20000, "signal": 2}), 3)
        likely = patients[patients.oracle_probability.between(0.75, 0.85)]
        assert likely.label.mean() == pytest.approx(likely.oracle_probability.mean(), abs=0.03)

    @given(st.integers(1, 60), st.integers(0, 2**31 - 1), st.floats(0, 50))
    def test_every_cohort_can_be_split(self, count, seed, beta):
        patients = synthetic.draw_patients(complete({"patients": count, "signal": beta}), seed)
        assert patients.label.value_counts().reindex([0, 1], fill_value=0).min() >= count // 3
        assert patients.patient_id.is_unique
        assert patients.patient_id.str.fullmatch(r"\d{5}").all()

    def test_only_the_named_traits_follow_the_latent(self):
        moved = ["oedema_volume", "location"]
        rng = np.random.default_rng(1)
        latent = rng.standard_normal(2000)
        drawn = pd.DataFrame([vars(draw_traits(rng, s, moved, 0.9, (20, 60))) for s in latent])
        correlation = drawn.rank().corrwith(pd.Series(latent).rank())
        assert (correlation[moved] > 0.8).all()
        assert (correlation.drop(moved).abs() < 0.1).all()
        assert set(drawn.columns) == set(TRAITS)

    def test_a_strong_latent_shows_in_a_coarse_flair(self):
        latents = [-1.5, 1.5] * 5
        shares = []
        for number, latent in enumerate(latents):
            patient = make_patient(latent, number)
            anatomy, lesion, _ = synthetic.build_brain(patient, complete({}), 1)
            image = acquisition.signal_map(anatomy, lesion, "FLAIR", np.random.default_rng(number))
            trim = tuple(slice(0, n - n % 5) for n in image.shape)
            blocks = image[trim].reshape([part for n in image[trim].shape for part in (n // 5, 5)]).mean((1, 3, 5))
            shares.append(-np.median(blocks[blocks > 0.5]) / blocks.max())
        assert roc_auc_score(np.array(latents) > 0, shares) > 0.9


class TestLesion:
    @pytest.mark.parametrize("latent", [-2.5, 0.0, 2.5])
    def test_maps_are_fractions_inside_the_brain(self, latent):
        anatomy, lesion, _ = synthetic.build_brain(make_patient(latent), complete({}), 1)
        for part in (lesion.oedema, lesion.rim, lesion.necrosis, lesion.whole):
            assert part.min() >= 0
            assert part.max() <= 1 + 1e-5
        assert (lesion.whole <= anatomy.brain + 1e-5).all()
        assert lesion.rim.sum() > 0
        assert lesion.necrosis.sum() > 0

    def test_oedema_has_the_drawn_volume_and_prefers_white_matter(self):
        settings = {"traits": [], "lesion": {"oedema_volume": [60, 61]}}
        anatomy, lesion, traits = synthetic.build_brain(make_patient(), complete(settings), 1)
        core = (lesion.rim + lesion.necrosis) > 0.1
        around = np.where(core, 0, lesion.oedema)
        assert around.sum() * anatomy.spacing**3 / 1000 == pytest.approx(traits.oedema_volume, rel=0.25)
        white, grey = ((around * anatomy.tissues[k]).sum() / anatomy.tissues[k].sum() for k in (2, 1))
        assert white > 2 * grey

    def test_the_core_lies_in_the_central_slices(self):
        for number in range(6):
            anatomy, lesion, _ = synthetic.build_brain(make_patient(number - 2.5, number), complete({}), 1)
            height = np.flatnonzero(anatomy.brain.sum((0, 1)) > 1)
            core = np.flatnonzero((lesion.rim + lesion.necrosis).sum((0, 1)) > 1)
            assert abs(core.mean() - height.mean()) < 0.25 * len(height)


class TestLesionMask:
    def test_it_holds_the_whole_lesion_on_the_anatomys_grid(self, tmp_path):
        write(tmp_path, SMALL)
        anatomy, lesion, _ = synthetic.build_brain(make_patient(), complete(SMALL), 1)
        mask = nib.load(tmp_path / "lesions" / "00007.nii.gz")
        np.testing.assert_array_equal(np.asarray(mask.dataobj), lesion.whole > 0.5)
        np.testing.assert_array_equal(mask.affine, anatomy.affine)
        assert mask.get_data_dtype() == np.uint8
        assert mask.get_fdata().any()

    def test_it_is_read_as_a_series_and_lies_where_the_series_is_bright(self, tmp_path):
        write(tmp_path, CLEAR | {"modalities": ["T1wCE"]})
        mask, _ = read_patient_series("synthetic", tmp_path, "00007", "lesion")
        image, _ = read_patient_series("synthetic", tmp_path, "00007", "T1wCE")
        inside = np.argwhere(mask.voxels) @ mask.affine[:3, :3].T + mask.affine[:3, 3]
        indices = (inside - image.affine[:3, 3]) @ np.linalg.inv(image.affine[:3, :3]).T
        values = image.voxels[tuple(np.rint(indices).astype(int).T)]
        assert (values > 1.5 * np.median(image.voxels[image.voxels > 0])).mean() > 0.1
        assert (image.voxels > 1.5 * np.median(image.voxels[image.voxels > 0])).mean() < 0.02

    def test_masks_that_were_not_generated_are_kept(self, tmp_path):
        (tmp_path / "lesions").mkdir()
        with pytest.raises(GlioBenchError, match="lesions holds data that were not generated"):
            synthetic.write_cohort(complete(SMALL), 1, tmp_path)
        assert (tmp_path / "lesions").exists()


class TestGeometry:
    def test_the_lesion_is_at_one_place_whatever_the_plane(self, tmp_path):
        anatomy, lesion, _ = synthetic.build_brain(make_patient(), complete(CLEAR), 1)
        weights = lesion.rim / lesion.rim.sum()
        indices = np.array([(weights * grid).sum() for grid in np.indices(weights.shape)])
        truth = (anatomy.affine @ [*indices, 1])[:3]
        centres = []
        for plane in acquisition.PLANES:
            settings = CLEAR | {"modalities": ["T1wCE"], "planes": {"T1wCE": [plane]}, "tilt": 15}
            voxels, affine = read_series(write(tmp_path / plane, settings) / "T1wCE")
            excess = np.clip(voxels / np.median(voxels[voxels > 0]) - 1.6, 0, None)
            centre = [(excess * grid).sum() / excess.sum() for grid in np.indices(voxels.shape)]
            spacing = np.linalg.norm(affine[:3, :3], axis=0)
            centres.append((affine @ [*centre, 1])[:3])
            assert np.abs(centres[-1] - truth).max() < spacing.max(), plane
        assert np.ptp(centres, axis=0).max() < 0.5

    @pytest.mark.parametrize(("plane", "axis"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
    def test_slices_are_stacked_along_their_plane(self, tmp_path, plane, axis):
        home = write(tmp_path, SMALL | {"modalities": ["FLAIR"], "planes": {"FLAIR": [plane]}})
        _, affine = read_series(home / "FLAIR")
        assert np.abs(affine[:3, 0]).argmax() == axis
        assert (np.diff(normal_positions(home / "FLAIR")) > 0).all()

    @pytest.mark.parametrize("slices", [15, 120])
    def test_any_number_of_slices_covers_the_brain(self, tmp_path, slices):
        home = write(tmp_path, SMALL | {"slices": [slices, slices]})
        voxels, affine = read_series(home / "FLAIR")
        assert len(voxels) == slices
        assert 110 < slices * np.linalg.norm(affine[:3, 0]) < 200

    @pytest.mark.skipif(shutil.which("dcm2niix") is None, reason="dcm2niix is not installed")
    def test_dcm2niix_agrees_with_simpleitk(self, tmp_path):
        home = write(tmp_path, SMALL | {"modalities": ["FLAIR"], "planes": {"FLAIR": ["coronal"]}})
        subprocess.run(["dcm2niix", "-b", "n", "-f", "out", "-o", tmp_path, home / "FLAIR"], check=True)
        image = nib.as_closest_canonical(nib.load(tmp_path / "out.nii"))
        voxels, affine = read_series(home / "FLAIR")
        ours = nib.as_closest_canonical(nib.Nifti1Image(voxels, affine))
        np.testing.assert_allclose(image.affine, ours.affine, atol=1e-3)
        np.testing.assert_array_equal(image.get_fdata(), ours.get_fdata())


class TestFiles:
    def test_a_cohort_is_laid_out_as_the_competition_does(self, tmp_path):
        synthetic.write_cohort(complete(SMALL), 1, tmp_path)
        patients = synthetic.draw_patients(complete(SMALL), 1)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["lesions", "train", "train_labels.csv", "truth.tsv"]
        assert (tmp_path / "train_labels.csv").read_text().splitlines() == [
            "BraTS21ID,MGMT_value",
            *(f"{one.patient_id},{one.label}" for one in patients.itertuples()),
        ]
        assert (tmp_path / "truth.tsv").read_text().splitlines()[0] == "patient_id\tsite\toracle_probability"
        assert sorted(path.name for path in (tmp_path / "train").iterdir()) == list(patients.patient_id)
        assert sorted(path.name for path in (tmp_path / "train" / "00000").iterdir()) == ["FLAIR", "T2w"]

    def test_headers_are_valid(self, tmp_path):
        home = write(tmp_path, SMALL | {"modalities": list(MODALITIES)})
        found = [header for modality in MODALITIES for header in headers(home / modality)]
        assert len({header.SOPInstanceUID for header in found}) == len(found)
        assert len({header.SeriesInstanceUID for header in found}) == 4
        assert len({header.FrameOfReferenceUID for header in found}) == 1
        for header in found:
            assert header.SOPInstanceUID.is_valid
            assert header.SOPInstanceUID == header.file_meta.MediaStorageSOPInstanceUID
            assert header.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
            assert header.PhotometricInterpretation == "MONOCHROME2"
            assert header.pixel_array.dtype == np.uint16
            assert header.SeriesDescription in MODALITIES

    def test_the_same_bytes_whatever_the_number_of_workers(self, tmp_path):
        for name, seed, workers in (("one", 1, 1), ("two", 1, 2), ("other", 2, 1)):
            synthetic.write_cohort(complete(SMALL), seed, tmp_path / name, workers)
        assert digest(tmp_path / "one") == digest(tmp_path / "two")
        assert digest(tmp_path / "one") != digest(tmp_path / "other")

    def test_writing_again_leaves_nothing_of_before(self, tmp_path):
        settings = complete(SMALL | {"patients": 4, "defects": {"numbering_offset": 1}})
        synthetic.write_cohort(settings, 1, tmp_path / "again")
        synthetic.write_cohort(complete(SMALL), 1, tmp_path / "again")
        synthetic.write_cohort(complete(SMALL), 1, tmp_path / "once")
        assert digest(tmp_path / "again") == digest(tmp_path / "once")

    def test_real_data_are_never_replaced(self, tmp_path):
        (tmp_path / "train" / "00000").mkdir(parents=True)
        with pytest.raises(GlioBenchError, match="not generated; choose another folder"):
            synthetic.write_cohort(complete(SMALL), 1, tmp_path)
        assert (tmp_path / "train" / "00000").exists()


class TestDefects:
    def test_none_by_default(self, tmp_path):
        home = write(tmp_path, SMALL)
        found = headers(home / "FLAIR")
        assert numbers_of(home / "FLAIR") == list(range(1, len(found) + 1))
        assert {(float(header.RescaleSlope), float(header.RescaleIntercept)) for header in found} == {(1.0, 0.0)}
        assert all(header.pixel_array.any() for header in found[1:-1])

    def test_reversed_order(self, tmp_path):
        home = write(tmp_path, SMALL | {"defects": {"reversed_order": 1}})
        assert (np.diff(normal_positions(home / "FLAIR")) < 0).all()

    def test_numbering_offset(self, tmp_path):
        numbers = numbers_of(write(tmp_path, SMALL | {"defects": {"numbering_offset": 1}}) / "FLAIR")
        assert numbers[0] > 1
        assert set(np.diff(numbers)) == {1}

    def test_numbering_gaps(self, tmp_path):
        numbers = numbers_of(write(tmp_path, SMALL | {"defects": {"numbering_gaps": 1}}) / "FLAIR")
        assert numbers[0] == 1
        assert max(np.diff(numbers)) > 1

    def test_blank_ends(self, tmp_path):
        voxels, _ = read_series(write(tmp_path, SMALL | {"defects": {"blank_ends": 1}}) / "FLAIR")
        assert not voxels[0].any()
        assert not voxels[-1].any()
        assert voxels[len(voxels) // 2].any()

    def test_rescale_slope_changes_the_pixels_and_not_the_image(self, tmp_path):
        settings = SMALL | {"modalities": ["FLAIR"], "noise": 0.0}
        plain = headers(write(tmp_path / "plain", settings) / "FLAIR")
        scaled = headers(write(tmp_path / "scaled", settings | {"defects": {"rescale_slope": 1}}) / "FLAIR")
        slope, intercept = float(scaled[0].RescaleSlope), float(scaled[0].RescaleIntercept)
        assert slope != 1
        assert intercept < 0
        stored = np.stack([header.pixel_array for header in scaled]).astype("float64")
        np.testing.assert_allclose(
            stored * slope + intercept, np.stack([header.pixel_array for header in plain]), atol=0.5 + slope / 2
        )

    def test_one_series_is_blank(self, tmp_path):
        home = write(tmp_path, SMALL | {"defects": {"blank_series": 1}})
        assert sorted(read_series(home / modality)[0].any() for modality in ("FLAIR", "T2w")) == [False, True]

    def test_one_modality_is_missing(self, tmp_path):
        home = write(tmp_path, SMALL | {"defects": {"missing_modality": 1}})
        assert len(list(home.iterdir())) == 1

    def test_one_file_is_truncated(self, tmp_path):
        home = write(tmp_path, SMALL | {"defects": {"truncated_file": 1}})
        sizes = [path.stat().st_size for path in home.rglob("*.dcm")]
        assert sum(size < 0.6 * max(sizes) for size in sizes) == 1

    def test_a_defect_leaves_the_other_series_alone(self, tmp_path):
        whole = write(tmp_path / "whole", SMALL)
        lacking = write(tmp_path / "lacking", SMALL | {"defects": {"missing_modality": 1}})
        (left,) = lacking.iterdir()
        assert digest(left) == digest(whole / left.name)


class TestSites:
    def test_each_site_has_its_scanner(self, tmp_path):
        sites = [
            {"name": "here", "manufacturer": "Philips", "field_of_view": 230},
            {"name": "there", "manufacturer": "GE MEDICAL SYSTEMS", "field_of_view": 260},
        ]
        for site in sites:
            synthetic.write_patient(
                make_patient(site=site["name"]), complete(SMALL | {"sites": sites}), 1, tmp_path / site["name"]
            )
            header = headers(tmp_path / site["name"] / "train" / "00007" / "FLAIR")[0]
            assert header.Manufacturer == site["manufacturer"]
            assert float(header.PixelSpacing[0]) == pytest.approx(site["field_of_view"] / SMALL["matrix"], abs=1e-5)

    def test_a_sites_contrast_noise_and_bias_show_in_the_images(self):
        patient, settings = make_patient(0.0), complete({})
        anatomy, lesion, _ = synthetic.build_brain(patient, settings, 1)
        white, grey = (anatomy.tissues[place] > 0.95 for place in (2, 1))

        def tissues(**site):
            image = acquisition.signal_map(anatomy, lesion, "T1w", np.random.default_rng(1), **site)
            return image[white].mean(), image[grey].mean(), image[white].std()

        plain, high, curved = tissues(), tissues(contrast=1.5), tissues(bias=0.2)
        assert high[0] == pytest.approx(plain[0], rel=0.02)
        assert high[1] < 0.93 * plain[1], "grey matter is darker than white in T1w, and darker still here"
        assert curved[2] > 2 * plain[2]

    def test_a_site_without_settings_of_its_own_has_the_images_of_the_cohort(self, tmp_path):
        plain = write(tmp_path / "plain", SMALL | {"sites": [{"name": "north"}]})
        said = {"name": "north", "noise": 1.0, "bias": 0.05, "contrast": 1.0}
        same = write(tmp_path / "same", SMALL | {"sites": [said]})
        other = write(tmp_path / "other", SMALL | {"sites": [said | {"noise": 3.0}]})
        assert digest(plain) == digest(same) != digest(other)

    def test_a_confounded_site_tells_the_label_and_nothing_else_does(self):
        free = synthetic.draw_patients(complete({"patients": 500}), 1)
        tied = synthetic.draw_patients(complete({"patients": 500, "site_confounding": 1}), 1)
        assert ((tied.site == "north") == (tied.label == 1)).all()
        assert abs(np.corrcoef(free.site == "north", free.label)[0, 1]) < 0.15
        pd.testing.assert_frame_equal(free.drop(columns="site"), tied.drop(columns="site"))


class TestSettings:
    def test_complete_settings_are_settings_too(self):
        assert complete(complete({})) == complete({})

    @pytest.mark.parametrize(
        ("settings", "sentence"),
        [
            ({"signl": 6}, "generator: unknown key 'signl'; did you mean 'signal'?"),
            ({"defects": {"blank_end": 1}}, "defects: unknown key 'blank_end'; did you mean 'blank_ends'?"),
            ({"traits": ["ring_size"]}, "traits.0: 'ring_size' is not a choice; did you mean 'ring_thickness'?"),
            ({"signal": -1}, "generator, signal: must be 0 or more, not -1 (beta: the label is 1"),
            ({"slices": [40, 20]}, "slices: 40 is above 20; give the smaller one first."),
            (
                {"lesion": {"core_radius": [20, 10]}},
                "lesion.core_radius: 20.0 is above 10.0; give the smaller one first.",
            ),
            ({"sites": [{"name": "a"}], "site_confounding": 1}, "site_confounding needs at least two sites"),
            ({"sites": [{"name": "a"}, {"name": "a"}]}, "two sites are called 'a'; names must be unique."),
        ],
    )
    def test_wrong_settings_are_answered_with_a_sentence(self, settings, sentence):
        with pytest.raises(GlioBenchError, match=re.escape(sentence)):
            synthetic.draw_patients(complete(settings), 1)


def test_the_segmentation_has_the_regions_of_the_lesion_on_the_grid_of_a_series(tmp_path):
    write(tmp_path, CLEAR | {"modalities": ["T1wCE"], "segmentation": True})
    mask, image = (read_patient_series("synthetic", tmp_path, "00007", name)[0] for name in ("segmentation", "T1wCE"))
    assert mask.voxels.shape == image.voxels.shape
    np.testing.assert_allclose(mask.affine, image.affine, atol=1e-3)
    assert set(np.unique(mask.voxels)) == {0, 1, 2, 4}
    bright, dark = (np.median(image.voxels[mask.voxels == value]) for value in (4, 1))
    assert bright > 1.5 * dark, "the rim takes up the contrast agent, the necrosis does not"
    whole = nib.load(tmp_path / "lesions" / "00007.nii.gz")
    expected = np.count_nonzero(whole.get_fdata()) * np.prod(whole.header.get_zooms())
    found = np.count_nonzero(mask.voxels) * abs(np.linalg.det(mask.affine[:3, :3]))
    assert found == pytest.approx(expected, rel=0.05)


STARTED_ANEW = """
import multiprocessing, sys
from pathlib import Path
import pandas as pd
from gliobench.cohorts import generator
__file__ = sys.argv[1]  # as Snakemake sets it
multiprocessing.set_start_method("spawn")  # as on macOS
generator.load_template = print
patients = pd.DataFrame({"patient_id": ["a", "b"], "site": None, "oracle_probability": 0.5})
generator.write_patients(print, patients, Path(sys.argv[2]), 64, 2)
"""


def test_several_processes_generate_where_each_would_run_the_script_of_snakemake_again(tmp_path):
    (tmp_path / "generate.py").write_text("snakemake.rule")
    call = [sys.executable, "-c", STARTED_ANEW, tmp_path / "generate.py", tmp_path]
    done = subprocess.run(call, env={"PYTHONPATH": str(SCRIPTS)}, capture_output=True, text=True)
    assert sorted(re.findall("'patient_id': '(.)'", done.stdout)) == ["a", "b"], done.stderr
