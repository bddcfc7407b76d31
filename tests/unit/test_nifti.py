import gzip
import re

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import axcodes2ornt, inv_ornt_aff

from gliobench.cohorts.writers import write_nifti
from gliobench.imaging.facts import SeriesError
from gliobench.imaging.nifti import read_nifti

SHAPE = (5, 6, 7)  # left to right, posterior to anterior, inferior to superior
AFFINE = np.array([[2.0, 0, 0, -4], [0, 3, 0, -9], [0, 0, 4, -12], [0, 0, 0, 1]])
CODES = st.permutations([("L", "R"), ("P", "A"), ("I", "S")]).flatmap(
    lambda axes: st.tuples(*map(st.sampled_from, axes))
)


def voxels(dtype="int16"):
    return np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)


def stored_as(codes, values):
    """Store canonical voxels along other axes: the same image in the same place."""
    there = axcodes2ornt(codes)
    back = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), there)
    return nib.orientations.apply_orientation(values, back), AFFINE @ inv_ornt_aff(back, values.shape)


def refused(path, sentence):
    with pytest.raises(SeriesError, match=re.escape(f"{path}: {sentence}")) as caught:
        read_nifti(path)
    assert caught.value.facts.n_files == 1


@given(CODES)
def test_an_image_is_the_same_however_its_axes_are_stored(tmp_path_factory, codes):
    path = tmp_path_factory.mktemp("codes") / "image.nii.gz"
    write_nifti(*stored_as(codes, voxels()), path)
    volume, _ = read_nifti(path)
    np.testing.assert_array_equal(volume.voxels, voxels()[::-1, ::-1].transpose(2, 1, 0))
    directions = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    np.testing.assert_allclose(directions, [[0, 0, -1], [0, -1, 0], [1, 0, 0]], atol=1e-6)


def test_a_bright_spot_keeps_its_place_in_mm(tmp_path):
    spot = np.zeros(SHAPE, "float32")
    spot[4, 1, 5] = 1
    tilt = np.eye(4)
    tilt[:3, :3] = [[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]]
    write_nifti(spot, tilt @ AFFINE, tmp_path / "spot.nii.gz")
    volume, _ = read_nifti(tmp_path / "spot.nii.gz")
    (found,) = np.argwhere(volume.voxels)
    expected = tilt @ AFFINE @ [4, 1, 5, 1]
    np.testing.assert_allclose(volume.affine @ [*found, 1], expected, atol=1e-5)


def test_the_patients_right_is_on_the_left_and_anterior_on_top(tmp_path):
    image = np.zeros(SHAPE, "uint8")
    image[-1, -1, 0] = 1  # right, anterior, inferior
    write_nifti(image, AFFINE, tmp_path / "image.nii.gz")
    volume, facts = read_nifti(tmp_path / "image.nii.gz")
    assert volume.voxels[0, 0, 0] == 1
    assert volume.voxels.flags.c_contiguous
    assert (facts.n_slices, facts.rows, facts.columns) == (7, 6, 5)
    assert (facts.slice_spacing, facts.spacing, facts.plane) == (4.0, 3.0, "axial")
    assert facts.blank_fraction == pytest.approx(6 / 7)


def test_the_headers_scale_is_applied(tmp_path):
    image = nib.Nifti1Image(voxels(), AFFINE)
    image.header.set_slope_inter(0.5, 3)
    image.to_filename(tmp_path / "scaled.nii")
    expected = nib.load(tmp_path / "scaled.nii").get_fdata()[::-1, ::-1].transpose(2, 1, 0)
    volume, _ = read_nifti(tmp_path / "scaled.nii")
    assert volume.voxels.dtype == np.float32
    np.testing.assert_allclose(volume.voxels, expected)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32"])
def test_what_is_written_is_read_with_its_type_and_the_same_bytes(tmp_path, dtype):
    for name in ("one", "two"):
        write_nifti(voxels(dtype), AFFINE, tmp_path / name / "image.nii.gz")
    assert (tmp_path / "one/image.nii.gz").read_bytes() == (tmp_path / "two/image.nii.gz").read_bytes()
    assert read_nifti(tmp_path / "one/image.nii.gz")[0].voxels.dtype == dtype


@pytest.mark.parametrize("name", ["cut.nii.gz", "cut.nii"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 0.95])
def test_a_truncated_file_is_refused(tmp_path, name, share):
    nib.Nifti1Image(np.random.default_rng(0).integers(0, 999, SHAPE).astype("int16"), AFFINE).to_filename(
        tmp_path / name
    )
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(share * len(content))])
    refused(tmp_path / name, "it cannot be read as NIfTI (")


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "text.nii").write_text("not an image")
    refused(tmp_path / "text.nii", "it cannot be read as NIfTI (")
    content = bytearray(gzip.compress(nib.Nifti1Image(voxels(), AFFINE).to_bytes()))
    content[60:90] = b"\xff" * 30
    (tmp_path / "broken.nii.gz").write_bytes(content)
    refused(tmp_path / "broken.nii.gz", "it cannot be read as NIfTI (")


@pytest.mark.parametrize(("shape", "named"), [((4, 5), "4x5"), ((4, 5, 6, 2), "4x5x6x2")])
def test_what_is_no_volume_is_refused(tmp_path, shape, named):
    nib.Nifti1Image(np.zeros(shape, "int16"), AFFINE).to_filename(tmp_path / "image.nii")
    refused(tmp_path / "image.nii", f"its shape is {named}, which is not one volume")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_affine_that_is_no_place_is_refused(tmp_path, bad):
    (tmp_path / "image.nii").write_bytes(_with_header(nib.Nifti1Image(voxels(), AFFINE), "srow_x", 3, bad))
    refused(tmp_path / "image.nii", "its affine does not position it in space")


def test_a_flat_affine_is_refused(tmp_path):
    (tmp_path / "image.nii").write_bytes(_with_header(nib.Nifti1Image(voxels(), AFFINE), "srow_x", 0, 0.0))
    refused(tmp_path / "image.nii", "its affine does not position it in space")


def _with_header(image, field, index, value):
    """Return the file's bytes with one number of its header changed, as nibabel would not write it."""
    content = image.to_bytes()
    header = nib.Nifti1Header(content[:348])
    header[field][index] = value
    return header.binaryblock + content[348:]


@pytest.mark.parametrize(
    ("field", "index", "bad"), [("quatern_d", (), 1.5), ("quatern_b", (), np.nan), ("pixdim", 2, np.nan)]
)
def test_a_qform_that_cannot_be_leaves_a_series_its_voxels_only(tmp_path, field, index, bad):
    image = nib.Nifti1Image(voxels(), AFFINE * [20, 20, 20, 1])
    image.set_qform(image.affine, 1)
    (tmp_path / "image.nii").write_bytes(_with_header(image, field, index, bad))
    volume, facts = read_nifti(tmp_path / "image.nii")
    assert volume.voxels.shape == SHAPE[::-1]
    assert facts.orientation_status == "invalid"
    assert facts.unplaced == f"{tmp_path / 'image.nii'}: its qform is no rotation and spacing in finite numbers"


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_voxel_size_of_0_is_no_size_unless_the_sform_has_one(tmp_path, suffix):
    """nibabel would read 1 mm."""
    affine = AFFINE * [20, 20, 10, 1]
    image, path = nib.Nifti1Image(voxels(), affine), tmp_path / f"image{suffix}"
    for code, status in ((0, "invalid"), (1, "stated")):
        image.set_sform(affine, code)
        image.set_qform(affine, 1 - code)
        content = _with_header(image, "pixdim", 3, 0.0)
        path.write_bytes(gzip.compress(content) if suffix == ".nii.gz" else content)
        _, facts = read_nifti(path)
        assert facts.spacing_status == status
        if code == 0:
            assert facts.unplaced == f"{path}: its header gives a voxel size of 0, or none in finite numbers"
            assert (facts.spacing, facts.slice_spacing, facts.fov_slices) == (None, None, None)
        else:
            assert facts.unplaced is None
            assert facts.slice_spacing > 0


@pytest.mark.parametrize("size", [-5, 0, 32767])
def test_a_size_that_cannot_be_is_refused(tmp_path, size):
    (tmp_path / "image.nii").write_bytes(_with_header(nib.Nifti1Image(voxels(), AFFINE), "dim", 1, size))
    refused(tmp_path / "image.nii", "it")


@pytest.mark.parametrize("units", [7, 64 + 1])  # no unit of length, and none of time
def test_a_unit_that_there_is_not_is_refused(tmp_path, units):
    content = _with_header(nib.Nifti1Image(voxels(), AFFINE), "xyzt_units", (), units)
    (tmp_path / "image.nii").write_bytes(content)
    refused(tmp_path / "image.nii", "its header has an unknown unit")


def test_a_size_beyond_all_memory_is_refused(tmp_path):
    content = _with_header(nib.Nifti1Image(voxels(), AFFINE), "dim", slice(1, 4), 32767)
    (tmp_path / "image.nii").write_bytes(content)
    refused(tmp_path / "image.nii", "it cannot be read as NIfTI")


@pytest.mark.parametrize(("dtype", "bad"), [("float32", np.nan), ("float64", 1e39)])
def test_values_that_are_not_finite_are_refused(tmp_path, dtype, bad):
    image = voxels(dtype)
    image[0, 0, 0] = bad
    write_nifti(image, AFFINE, tmp_path / "image.nii.gz")
    refused(tmp_path / "image.nii.gz", "it holds values that are not finite numbers")


def test_colours_are_refused(tmp_path):
    colours = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.Nifti1Image(colours, AFFINE).to_filename(tmp_path / "image.nii")
    refused(tmp_path / "image.nii", "it holds ")


def test_another_format_is_refused(tmp_path):
    nib.MGHImage(voxels("float32"), AFFINE).to_filename(tmp_path / "image.mgz")
    refused(tmp_path / "image.mgz", "it is not NIfTI but MGHImage; convert it to NIfTI.")
