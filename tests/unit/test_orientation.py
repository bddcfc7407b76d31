"""Pictures of patients lie as a radiologist looks at them, however a file stores its rows and slices."""

import tempfile
from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform

from cell_files import make_series
from dicom_files import write_series
from gliobench.cohorts.acquisition import Series
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.writers import Scanner, write_nifti
from gliobench.cohorts.writers import write_series as write_generated
from gliobench.figures.montages import audit_montage, input_images
from gliobench.figures.orientation import SIDES, UNKNOWN, axial_slices, mark, plane_of, planes_of
from gliobench.inputs import grid
from phantoms import CENTRE, affine_of, brain_with_marker, reader

OPEN = Path(__file__).parents[3] / "shared" / "data" / "open" / "brain-tumor-progression"
SIDE, MIDDLE = 9, 4
VIEWS = {"axial": "SPL", "coronal": "PIL", "sagittal": "RIP"}  # where slices, rows and columns run to
THICK = {"axial": 2, "coronal": 1, "sagittal": 0}  # the patient's axis across the slices
PLANES = st.sampled_from(list(VIEWS))
CODES = st.permutations([("L", "R"), ("P", "A"), ("I", "S")]).flatmap(
    lambda axes: st.tuples(*map(st.sampled_from, axes))
)
HEAD = np.random.default_rng(0).integers(1, 999, (SIDE,) * 3).astype(np.uint16)  # axes RAS+; no two views are alike


def affine(plane):
    """Voxels of 12 mm, slices of 20 mm."""
    spacing = np.full(3, 12.0)
    spacing[THICK[plane]] = 20.0
    return np.diag([*spacing, 1.0])


def stored(plane, codes):
    """Return the head as stored along other axes, in the same place, and its affine."""
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    return apply_orientation(HEAD, turn), affine(plane) @ inv_ornt_aff(turn, HEAD.shape)


def viewed(plane):
    """Return the middle slice as nibabel turns it to the view of a plane."""
    return apply_orientation(HEAD, ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(VIEWS[plane])))[MIDDLE]


def audited(folder, kind):
    series, (thumbnail,) = audit_patients(["00001"], ["FLAIR"], folder, {}, kind)
    return series.iloc[0], thumbnail


def assert_is_a_thumbnail_of(pixels, thumbnail):
    middles = ((np.arange(SIDE) + 0.5) * len(thumbnail) / SIDE).astype(int)
    expected = (pixels - float(pixels.min())) / np.ptp(pixels) * 255
    assert np.abs(thumbnail[np.ix_(middles, middles)] - expected).max() <= 1


def assert_shows(row, thumbnail, plane):
    assert plane_of(row) == plane
    assert_is_a_thumbnail_of(viewed(plane), thumbnail)


@settings(max_examples=40, deadline=None)
@given(plane=PLANES, codes=CODES)
def test_a_nifti_file_makes_the_same_thumbnail_along_whatever_axes_it_is_stored(plane, codes):
    with tempfile.TemporaryDirectory() as folder:
        write_nifti(*stored(plane, codes), Path(folder) / "00001" / "FLAIR.nii.gz")
        assert_shows(*audited(Path(folder), "brainstem"), plane)


@settings(max_examples=40, deadline=None)
@given(plane=PLANES, codes=CODES, reverse=st.booleans())
def test_a_dicom_series_makes_the_same_thumbnail_whatever_the_order_of_its_rows_columns_and_slices(
    plane, codes, reverse
):
    codes = sorted(codes, key=lambda code: code not in ("LR", "PA", "IS")[THICK[plane]])  # the first axis is of slices
    numbers = range(1, SIDE + 1)
    with tempfile.TemporaryDirectory() as folder:
        voxels, place = stored(plane, codes)
        write_generated(
            Series(voxels, place, 1.0, 0.0), Path(folder) / "train" / "00001" / "FLAIR",
            numbers[::-1] if reverse else numbers, "00001", "FLAIR", Scanner("GENERATED", "none", 3.0), ("identity",),
        )  # fmt: skip
        assert_shows(*audited(Path(folder), "rsna"), plane)


def test_axial_slices_of_a_volume_are_those_that_nibabel_turns():
    expected = apply_orientation(HEAD, ornt_transform(axcodes2ornt("RAS"), axcodes2ornt("SPL")))
    np.testing.assert_array_equal(axial_slices(HEAD), expected)


def signed_permutations():
    for axes in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2)):
        for signs in product((1, -1), repeat=3):
            yield np.eye(3)[:, axes] * signs


@pytest.mark.parametrize(
    "directions", list(signed_permutations())[::5], ids=lambda directions: str(directions.argmax(0))
)
def test_an_input_on_a_grid_shows_a_spot_on_the_patients_right_and_front_at_the_left_and_top(directions):
    marker = CENTRE + np.array([25.0, 30.0, 0.0])
    volume = brain_with_marker(affine_of(directions, (4.0,) * 3, (32, 32, 32)), (32, 32, 32), marker)
    asked = {"shape": [24, 24, 24], "spacing": 6.0, "around": "brain", "reference": "FLAIR", "registration": "none",
             "skull_stripping": "none", "intensity": "rescale"}  # fmt: skip
    (array,), _ = grid.make_input(grid.Space(reader(FLAIR=volume), asked), "FLAIR", asked)
    images = input_images("p", array[None], [], None)
    number, row, column = np.unravel_index(images.pixels.argmax(), images.pixels.shape)
    assert set(images.planes) == {"axial"}
    assert (row < 10, column < 10) == (True, True)
    assert 10 <= number <= 14


def written(plane):
    """Return what is written into a picture, by the side of the picture."""
    axes = Figure().subplots()
    mark(axes, plane)
    return {(text.get_horizontalalignment()): text.get_text() for text in axes.texts}


@pytest.mark.parametrize("plane", VIEWS)
def test_the_sides_written_into_a_picture_are_those_that_its_columns_run_from_and_to(plane):
    to = VIEWS[plane][2]
    opposite = {"L": "R", "P": "A"}[to]
    assert written(plane) == {"left": opposite, "right": to, "center": plane}
    assert SIDES[plane] == (opposite, to)


def test_a_picture_without_orientation_says_so_and_names_no_side():
    assert written(None) == {"left": "", "right": "", "center": UNKNOWN}


def test_the_sides_of_a_series_are_known_only_if_its_header_states_them(tmp_path):
    write_series(tmp_path / "train" / "00001" / "FLAIR", HEAD, gap=20, PixelSpacing=[12, 12])
    assert plane_of(audited(tmp_path, "rsna")[0]) == "axial"
    bare = tmp_path / "bare" / "train" / "00001" / "FLAIR"
    write_series(bare, HEAD, gap=20, PixelSpacing=[12, 12], ImageOrientationPatient=None)
    row, thumbnail = audited(tmp_path / "bare", "rsna")
    assert row["status"] == "voxels only"
    assert plane_of(row) is None
    assert_is_a_thumbnail_of(HEAD[MIDDLE], thumbnail)  # as stored


@pytest.mark.parametrize(
    ("qform", "status", "plane"),
    [
        (np.eye(4), "stated", "axial"),
        (np.diag([1.0, 1.0, 1.0, 1.0]) + np.eye(4, k=3) * 9, "stated", "axial"),
        (np.diag([-1.0, 1.0, 1.0, 1.0]), "invalid", None),
    ],
)
def test_a_nifti_header_that_names_two_directions_states_none(tmp_path, qform, status, plane):
    image = nib.Nifti1Image(HEAD.astype(np.int16), affine("axial"))
    image.set_sform(affine("axial"), 1)
    image.set_qform(qform @ affine("axial"), 1)
    (tmp_path / "00001").mkdir()
    image.to_filename(tmp_path / "00001" / "FLAIR.nii.gz")
    row, _ = audited(tmp_path, "brainstem")
    assert row["orientation_status"] == status
    assert plane_of(row) == plane


def test_the_audit_marks_each_picture_and_says_where_the_sides_are_unknown():
    series = make_series(n=4, excluded=(), failed=())
    lost = (series["patient_id"] == "00002") & (series["modality"] == "T2w")
    series.loc[lost, ["plane", "orientation_status"]] = [None, "not stated"]
    thumbnails = {(row.patient_id, row.modality): np.ones((6, 6)) for row in series.itertuples()}
    said = [text.get_text() for axes in audit_montage(thumbnails, series, "planted").axes for text in axes.texts]
    assert said.count(UNKNOWN) == 1
    assert (said.count("axial"), said.count("coronal")) == (3, 4)
    assert said.count("R") == said.count("L") == 7


def test_a_blank_picture_has_no_sides():
    series = make_series(n=1, excluded=(), failed=())
    thumbnails = {("00000", "FLAIR"): np.zeros((6, 6))}
    assert not [text for axes in audit_montage(thumbnails, series, "planted").axes for text in axes.texts]


def test_planes_are_found_by_patient_and_modality():
    series = pd.DataFrame(
        {"patient_id": ["a", "a"], "modality": ["FLAIR", "T1w"], "plane": ["axial", None],
         "orientation_status": ["stated", "stated"]}
    )  # fmt: skip
    assert planes_of(series) == {("a", "FLAIR"): "axial", ("a", "T1w"): None}


@pytest.mark.skipif(not OPEN.exists(), reason="the real images of ../shared/data/open are absent")
@pytest.mark.parametrize("codes", ["RAS", "PSR", "SLA", "IPL"])
def test_a_real_image_stored_along_other_axes_makes_the_same_picture(tmp_path, codes):
    image = nib.load(OPEN / "01" / "Pre_Scan_T1.nii.gz")
    turned = image.as_reoriented(ornt_transform(nib.io_orientation(image.affine), axcodes2ornt(codes)))
    for folder, each in {"as-downloaded": image, "turned": turned}.items():
        (tmp_path / folder / "00001").mkdir(parents=True)
        each.to_filename(tmp_path / folder / "00001" / "FLAIR.nii.gz")
    (row, expected), (other, thumbnail) = (
        audited(tmp_path / name, "brainstem") for name in ("as-downloaded", "turned")
    )
    assert plane_of(row) == plane_of(other) == "axial"
    assert expected.any()
    np.testing.assert_array_equal(thumbnail, expected)
