"""What is not one volume ends in a sentence of its own, never in a wrong or partial image."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
    generate_uid,
)

from dicom_files import SHARED, image, save, write_series
from gliobench.imaging.dicom import read_series
from gliobench.imaging.facts import SeriesError

VOXELS = np.random.default_rng(0).integers(0, 4000, (4, 40, 48), dtype=np.uint16)
real = pytest.mark.skipif(not SHARED.exists(), reason="the real DICOM files of ../shared/data are absent")


def refused(folder: Path) -> SeriesError:
    with pytest.raises(SeriesError) as caught:
        read_series(folder)
    return caught.value


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert (
        str(refused(tmp_path / "T1w")) == f"{tmp_path / 'T1w'}: there is no such folder; check the path of the series."
    )


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "the folder is empty" in str(refused(tmp_path))


@pytest.mark.filterwarnings("ignore:Invalid value for VR DS")
def test_values_that_a_rescale_slope_makes_no_numbers(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    path = tmp_path / "Image-2.dcm"
    dataset = pydicom.dcmread(path)
    dataset.RescaleSlope, dataset.RescaleIntercept = "nan", "0"
    dataset.save_as(path)
    assert str(refused(tmp_path)).endswith("its rescaled values are not all finite numbers; exclude the series.")


def test_a_folder_without_dicom(tmp_path: Path) -> None:
    (tmp_path / "README.txt").write_text("Nothing here.")
    assert "none of its 1 files is DICOM" in str(refused(tmp_path))


@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
@pytest.mark.parametrize("suffix", [".dcm", ""])
def test_a_slice_that_is_no_dicom_is_not_passed_over(content: bytes, suffix: str, tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    if not suffix:
        for path in sorted(tmp_path.iterdir()):
            path.rename(path.with_suffix(""))
    (tmp_path / f"Image-3{suffix}").write_bytes(content)
    error = refused(tmp_path)
    assert str(error).startswith(f"{tmp_path / f'Image-3{suffix}'}: it is named like a slice but is not DICOM;")
    assert error.facts.n_files == 3


def test_repeated_positions_are_counted(tmp_path: Path) -> None:
    for time in range(3):
        for k, pixels in enumerate(VOXELS):
            save(image(pixels, ImagePositionPatient=[0, 0, 2 * k]), tmp_path / f"{time}-{k}.dcm")
    error = refused(tmp_path)
    assert "its 12 files lie at 4 positions, 3 at each: several time points, echoes or copies" in str(error)
    assert (error.facts.n_files, error.facts.manufacturer) == (12, "other")


def test_one_copied_slice_is_a_repeated_position(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    shutil.copy(tmp_path / "Image-2.dcm", tmp_path / "Image-9.dcm")
    assert "its 5 files lie at 4 positions, 1 to 2 at each" in str(refused(tmp_path))


def test_several_orientations(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    coronal = {"ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "ImagePositionPatient": [0, 0, 0]}
    save(image(VOXELS[0], **coronal), tmp_path / "Image-5.dcm")
    assert f"{tmp_path}: its slices have 2 orientations" in str(refused(tmp_path))


def test_the_rounding_of_a_scanner_is_no_second_orientation(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    path = tmp_path / "Image-2.dcm"
    dataset = pydicom.dcmread(path)
    dataset.ImageOrientationPatient = [0.9999999, 0.0002, 0, -0.0002, 0.9999999, 0]
    dataset.save_as(path)
    assert np.array_equal(read_series(tmp_path)[0].voxels, VOXELS)


def test_several_sizes(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    save(image(VOXELS[0, :5, :5].copy(), ImagePositionPatient=[0, 0, 90]), tmp_path / "Image-5.dcm")
    assert "its slices have 2 sizes (5x5, 40x48)" in str(refused(tmp_path))


def test_several_pixel_spacings(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    save(image(VOXELS[0], ImagePositionPatient=[0, 0, 90], PixelSpacing=[1, 1]), tmp_path / "Image-5.dcm")
    assert "its slices differ in pixel spacing" in str(refused(tmp_path))


def test_several_series(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    save(image(VOXELS[0], SeriesInstanceUID=generate_uid(), ImagePositionPatient=[0, 0, 90]), tmp_path / "Image-5.dcm")
    assert "its files belong to 2 series" in str(refused(tmp_path))


def test_no_pixels(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    save(image(VOXELS[0], PixelData=None), tmp_path / "Image-3.dcm")
    assert f"{tmp_path / 'Image-3.dcm'}: it holds no pixel data" in str(refused(tmp_path))


def test_a_colour_image(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    save(image(pixels, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0), tmp_path / "a.dcm")
    assert "a colour image (RGB) is not an MRI slice" in str(refused(tmp_path))


def test_links_to_slices_that_are_not_there_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    for name in ("Image-8.dcm", "Image-9.dcm"):
        (tmp_path / name).symlink_to(tmp_path / "annex" / name)
    with pytest.raises(
        SeriesError, match=r"Image-8.dcm: it is a link to a file that is not there, one of 2 such links"
    ):
        read_series(tmp_path)


def test_a_link_to_what_is_no_slice_may_lead_nowhere(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS)
    (tmp_path / "README.txt").symlink_to(tmp_path / "annex" / "README.txt")
    assert read_series(tmp_path)[1].n_files == len(VOXELS)


def test_a_folder_of_links_to_files_that_are_not_there_is_refused_whatever_they_are_called(tmp_path: Path) -> None:
    for name in ("IM1", "IM2", "IM3"):
        (tmp_path / name).symlink_to(tmp_path / "annex" / name)
    (tmp_path / "README.txt").write_text("a series")
    with pytest.raises(SeriesError, match=r"IM1: it is a link to a file that is not there, one of 3 such links"):
        read_series(tmp_path)


def test_an_enhanced_object_of_one_frame_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, VOXELS, SOPClassUID=EnhancedMRImageStorage)
    with pytest.raises(SeriesError, match=r"an enhanced or multi-frame object \(1 frames in one file\)"):
        read_series(tmp_path)


def test_a_multi_frame_file(tmp_path: Path) -> None:
    save(image(VOXELS[0], NumberOfFrames=2, PixelData=VOXELS[:2].tobytes()), tmp_path / "a.dcm")
    assert "an enhanced or multi-frame object (2 frames in one file) is not supported" in str(refused(tmp_path))


@pytest.mark.parametrize("keyword", ["Rows", "BitsStored", "PhotometricInterpretation", "PixelRepresentation"])
def test_a_header_without_what_pixels_need(keyword: str, tmp_path: Path) -> None:
    save(image(VOXELS[0], **{keyword: None}), tmp_path / "a.dcm")
    assert f"its header lacks {keyword}" in str(refused(tmp_path))


def test_an_impossible_number_of_bits(tmp_path: Path) -> None:
    save(image(VOXELS[0], BitsAllocated=24), tmp_path / "a.dcm")
    assert "its header states 24 bits per pixel" in str(refused(tmp_path))


def test_pixels_that_cannot_be_decoded(tmp_path: Path) -> None:
    folder = write_series(tmp_path, VOXELS)
    dataset = pydicom.dcmread(folder / "Image-2.dcm")
    dataset.compress(JPEG2000Lossless)
    dataset.PixelData = dataset.PixelData.replace(b"\xff\x4f\xff\x51", b"\0\0\0\0")
    dataset.save_as(folder / "Image-2.dcm")
    assert f"{folder / 'Image-2.dcm'}: its pixels cannot be decoded (" in str(refused(folder))


def test_a_truncated_slice_is_named_with_what_it_holds(tmp_path: Path) -> None:
    path = write_series(tmp_path, VOXELS) / "Image-2.dcm"
    path.write_bytes(path.read_bytes()[:-10])
    assert f"{path}: it is truncated: 3830 of 3840 bytes of pixel data;" in str(refused(tmp_path))


def test_the_truncated_file_of_pydicom(tmp_path: Path) -> None:
    shutil.copy(str(get_testdata_file("MR_truncated.dcm", download=False)), tmp_path)
    assert "MR_truncated.dcm: it is truncated: " in str(refused(tmp_path))


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=80, deadline=None)
@given(
    syntax=st.sampled_from([ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless, DeflatedExplicitVRLittleEndian]),
    share=st.floats(0, 1, exclude_max=True),
)
def test_a_file_cut_anywhere_is_an_error_or_whole(syntax: pydicom.uid.UID, share: float) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_series(Path(temporary), VOXELS)
        path = folder / "Image-2.dcm"
        dataset = pydicom.dcmread(path)
        if syntax.is_encapsulated:
            dataset.compress(syntax)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])
        try:
            voxels = read_series(folder)[0].voxels
        except SeriesError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
        else:
            assert np.array_equal(voxels, VOXELS)


@real
@pytest.mark.parametrize("series", [4, 5, 6, 7])
def test_real_time_series_are_refused_with_their_counts(series: int) -> None:
    error = refused(SHARED / "nih_ge_siemens" / "In" / "20180918GE" / f"mr_000{series}")
    assert "its 150 files lie at 15 positions, 10 at each: several time points" in str(error)
    assert error.facts.n_files == 150


@real
@pytest.mark.parametrize(
    "folder",
    [
        *(f"nih_ge_siemens/In/20180918Si/mr_000{series}" for series in (3, 4, 5, 6)),
        "compressed_syntaxes/AxAsc36mb2a",
        "compressed_syntaxes/AxInt36mb",
    ],
)
def test_real_mosaics_are_refused(folder: str) -> None:
    assert "a Siemens mosaic (one file holds many slices as tiles) is not supported" in str(refused(SHARED / folder))


@real
@pytest.mark.parametrize(("folder", "frames"), [("Siemens/XA10", 6), ("Philips", 64)])
def test_real_enhanced_objects_are_refused(folder: str, frames: int) -> None:
    error = refused(SHARED / "enhanced_multiframe" / "In" / folder)
    assert f"an enhanced or multi-frame object ({frames} frames in one file) is not supported" in str(error)


@pytest.mark.parametrize("series", ["98892001/CT2N", "98892003/MR1"])
def test_localisers_of_pydicom_are_refused(series: str) -> None:
    directory = Path(str(get_testdata_file("dicomdirtests/DICOMDIR", download=False))).parent
    with pytest.raises(SeriesError):
        read_series(directory / series)
