"""Slices come in the order of space, and the affine says where each voxel lies."""

import shutil
import tempfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dicom_files import SHARED, image, save, write_series
from gliobench.imaging.dicom import read_series
from gliobench.imaging.facts import SeriesError
from gliobench.imaging.volume import Volume, shown, slice_plane

GE = SHARED / "nih_ge_siemens"


def numbered(n_slices: int) -> np.ndarray:
    """Make voxels that tell their slice and place: 100 slice + 10 row + column."""
    return np.add.outer(100 * np.arange(n_slices), np.add.outer(10 * np.arange(3), np.arange(4))).astype(np.uint16)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_voxel_lies_where_its_file_said(data: st.DataObject) -> None:
    n_slices = data.draw(st.integers(2, 9))
    turn = Rotation.from_euler("xyz", data.draw(st.tuples(*[st.floats(-180, 180)] * 3)), degrees=True).as_matrix()
    along_row, along_column, across = turn.T
    origin = np.array(data.draw(st.tuples(*[st.floats(-200, 200)] * 3)))
    row_distance, column_distance, gap = data.draw(st.tuples(*[st.floats(0.2, 6)] * 3))
    names = data.draw(st.permutations(range(n_slices)))
    offset = data.draw(st.integers(1, 400))
    backwards = data.draw(st.booleans())
    voxels = numbered(n_slices)
    with tempfile.TemporaryDirectory() as temporary:
        for k in range(n_slices):
            place = {
                "ImagePositionPatient": [f"{x:.9g}" for x in origin + k * gap * across],
                "ImageOrientationPatient": [f"{x:.9g}" for x in (*along_row, *along_column)],
                "PixelSpacing": [f"{row_distance:.9g}", f"{column_distance:.9g}"],
                "InstanceNumber": offset + (n_slices - k if backwards else k),
            }
            save(image(voxels[k], **place), Path(temporary) / f"Image-{offset + names[k]}.dcm")
        volume, facts = read_series(temporary)
    assert facts.ordered_by == "position"
    assert facts.slice_spacing == pytest.approx(gap, abs=1e-4)
    assert sorted((facts.rows, facts.columns)) == [3, 4]
    assert facts.plane == ("sagittal", "coronal", "axial")[np.abs(across).argmax()]
    assert facts.off_grid == pytest.approx(0, abs=1e-4)
    for _ in range(5):  # whichever way the volume is turned, a value lies where its file said
        k, row, column = data.draw(st.tuples(st.integers(0, n_slices - 1), st.integers(0, 2), st.integers(0, 3)))
        lps = origin + k * gap * across + row * row_distance * along_column + column * column_distance * along_row
        (found,) = np.argwhere(volume.voxels == voxels[k, row, column])
        assert np.allclose(volume.affine @ [*found, 1], [-lps[0], -lps[1], lps[2], 1], atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(turned=st.tuples(*[st.floats(-180, 180)] * 3), flips=st.tuples(*[st.sampled_from([1, -1])] * 3))
def test_a_volume_is_shown_as_a_radiologist_looks_at_its_plane(turned: tuple, flips: tuple) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turned, degrees=True).as_matrix() * flips
    volume = shown(Volume(numbered(4), affine))
    wanted = {
        "axial": [[0, 0, 1], [0, -1, 0], [-1, 0, 0]],  # of slices, rows, columns: to the head, to the back, to the left
        "coronal": [[0, -1, 0], [0, 0, -1], [-1, 0, 0]],
        "sagittal": [[1, 0, 0], [0, 0, -1], [0, -1, 0]],
    }[slice_plane(volume.affine)]
    assert (np.sum(volume.affine[:3, :3].T * wanted, axis=1) >= 0).all()
    again = shown(volume)
    assert np.array_equal(again.voxels, volume.voxels)
    assert np.array_equal(again.affine, volume.affine)


def test_files_that_run_downwards_are_turned_over(tmp_path: Path) -> None:
    voxels = numbered(5)
    for k in range(5):
        save(image(voxels[k], ImagePositionPatient=[0, 0, 3 * k], InstanceNumber=9 - k), tmp_path / f"{9 - k}.dcm")
    assert np.array_equal(read_series(tmp_path)[0].voxels, voxels)


def test_without_positions_the_instance_number_orders(tmp_path: Path) -> None:
    voxels = numbered(12)
    for k in range(12):
        save(image(voxels[k], InstanceNumber=387 + k), tmp_path / f"{k * 7 % 12}.dcm")
    volume, facts = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert facts.ordered_by == "instance number"
    assert facts.slice_spacing == 2  # the slice thickness


@pytest.mark.parametrize("name", ["Image-{}.dcm", "{}_T1.dcm", "T1_{}.dcm"])
def test_without_numbers_the_number_in_the_name_orders(tmp_path: Path, name: str) -> None:
    voxels = numbered(12)
    for k in range(12):
        save(image(voxels[k]), tmp_path / name.format(k + 1))
    volume, facts = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert facts.ordered_by == "file name"


HASHES = ("9f3c", "1ab2", "77de", "03aa", "5c1e", "2b9f", "e4d0", "88ab")


@pytest.mark.parametrize(
    "name", ["{hash}-{:04}.dcm", "1.2.840.{hash}.{}.dcm", "{:04}-{hash}.dcm", "{hash}_{}_T1.dcm", "p7_{}_{hash}.dcm"]
)
def test_a_hash_in_the_names_does_not_shuffle_the_slices(tmp_path: Path, name: str) -> None:
    voxels = numbered(len(HASHES))
    for k, code in enumerate(HASHES):
        save(image(voxels[k]), tmp_path / name.format(k + 5, hash=code))
    volume, facts = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert facts.ordered_by == "file name"


@pytest.mark.parametrize("names", [("a.dcm", "b.dcm"), ("T1_a.dcm", "T1_b.dcm"), ("1_1.dcm", "1_2.dcm", "2_1.dcm")])
def test_slices_that_nothing_orders_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name, voxels in zip(names, numbered(len(names)), strict=True):
        save(image(voxels), tmp_path / name)
    with pytest.raises(
        SeriesError, match=f"nothing orders its {len(names)} files: positions are missing, instance numbers"
    ):
        read_series(tmp_path)


def test_a_single_slice_needs_no_order(tmp_path: Path) -> None:
    save(image(numbered(1)[0]), tmp_path / "a.dcm")
    assert read_series(tmp_path)[1].n_files == 1


def test_without_an_orientation_the_plane_is_unknown(tmp_path: Path) -> None:
    volume, facts = read_series(write_series(tmp_path, numbered(3), ImageOrientationPatient=None))
    assert facts.plane is None
    assert np.allclose(volume.affine[:3, :3], [[0, 0, -0.75], [0, -0.5, 0], [2, 0, 0]])


def test_a_missing_slice_neither_fails_nor_stretches_the_volume(tmp_path: Path) -> None:
    write_series(tmp_path, numbered(8))
    (tmp_path / "Image-4.dcm").unlink()
    volume, facts = read_series(tmp_path)
    assert len(volume.voxels) == 7
    assert facts.slice_spacing == 2
    assert np.allclose(volume.affine[:3, 0], [0, 0, 2])


def test_a_single_slice_takes_its_stated_spacing(tmp_path: Path) -> None:
    volume, facts = read_series(write_series(tmp_path, numbered(1), SpacingBetweenSlices=3.5))
    assert facts.slice_spacing == 3.5
    assert np.allclose(volume.affine[:3, 0], [0, 0, 3.5])


@pytest.mark.skipif(not GE.exists(), reason="the real DICOM files of ../shared/data are absent")
@pytest.mark.parametrize("series", [4, 5, 6, 7])
def test_the_first_time_point_of_a_real_series_matches_its_reference(series: int, tmp_path: Path) -> None:
    for path in sorted((GE / "In" / "20180918GE" / f"mr_000{series}").glob("*.dcm"))[:15]:
        shutil.copy(path, tmp_path)
    (tmp_path / "README-Series.txt").write_text("A stray file, as beside the originals.")
    volume, facts = read_series(tmp_path)
    ours = nibabel.as_closest_canonical(nibabel.Nifti1Image(volume.voxels, volume.affine))
    reference = nibabel.as_closest_canonical(nibabel.load(GE / "Ref" / f"DCM2NIIX_regression_test_{series}.nii"))
    assert np.array_equal(np.asarray(ours.dataobj), np.asarray(reference.dataobj)[..., 0])
    assert np.allclose(ours.affine, reference.affine, atol=1e-3)
    assert (facts.n_files, facts.n_slices, facts.plane, facts.manufacturer) == (15, 15, "axial", "GE")
    assert facts.slice_spacing == pytest.approx(5, abs=1e-3)
