"""The reader gives the pixels that pydicom gives, whatever the encoding, and by either of its two ways."""

import shutil
import tempfile
import warnings
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from dicom_files import SHARED, image, nested, save, write_series
from gliobench.imaging import dicom_slice
from gliobench.imaging.dicom import read_series
from gliobench.imaging.facts import SeriesError
from gliobench.imaging.plain_dicom import NotPlain, read_plain
from gliobench.imaging.volume import windowed

RNG = np.random.default_rng(0)


def pydicom_only():
    return patch.object(dicom_slice, "read_plain", side_effect=NotPlain)


@cache
def grey_test_files() -> list[Path]:
    """Every file of pydicom's wheel that is one whole grey image which pydicom itself decodes."""
    marker = get_testdata_file("MR_small.dcm", download=False)
    found = []
    for path in sorted(Path(str(marker)).parent.glob("*.dcm")):
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            dataset = pydicom.dcmread(path)
            grey = dataset.PhotometricInterpretation.startswith("MONOCHROME") and dataset.get("NumberOfFrames", 1) == 1
            if grey and dataset.pixel_array.ndim == 2:
                found.append(path)
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", grey_test_files(), ids=lambda path: path.stem)
def test_every_grey_file_of_pydicom_is_read_exactly(path: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(path)
    shutil.copy(path, tmp_path)
    volume, facts = read_series(tmp_path)
    expected = apply_modality_lut(dataset.pixel_array, dataset)
    assert np.array_equal(volume.voxels[0], expected.astype(volume.voxels.dtype))
    assert facts.transfer_syntax == dataset.file_meta.TransferSyntaxUID
    assert (facts.n_files, facts.n_slices, facts.rows, facts.columns) == (1, 1, dataset.Rows, dataset.Columns)


def test_the_wheel_offers_the_common_transfer_syntaxes() -> None:
    syntaxes = {
        pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID.name for path in grey_test_files()
    }
    assert len(syntaxes) >= 8, syntaxes


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEG2000Lossless,
    ],
    ids=lambda uid: uid.keyword,
)
def test_a_series_survives_each_lossless_encoding(syntax: pydicom.uid.UID, tmp_path: Path) -> None:
    voxels = RNG.integers(0, 4096, (4, 48, 40), dtype=np.uint16)
    swapped = voxels.byteswap() if syntax == ExplicitVRBigEndian else voxels
    native = ExplicitVRLittleEndian if syntax.is_encapsulated else syntax
    write_series(tmp_path, swapped, native)
    for path in tmp_path.iterdir() if syntax.is_encapsulated else ():
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    volume, facts = read_series(tmp_path)
    assert np.array_equal(volume.voxels, voxels)
    assert volume.voxels.dtype == np.uint16
    assert facts.transfer_syntax == syntax
    assert np.array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(tmp_path / "Image-1.dcm"))[0], voxels[0])


def test_jpeg_baseline_is_read_as_pydicom_reads_it(tmp_path: Path) -> None:
    smooth = cv2.GaussianBlur(RNG.integers(0, 255, (32, 32), dtype=np.uint8), (9, 9), 0)
    dataset = image(smooth)
    coded = cv2.imencode(".jpg", smooth)[1].tobytes()
    dataset.PixelData = encapsulate([coded + b"\0" * (len(coded) % 2)])
    path = save(dataset, tmp_path / "Image-1.dcm", JPEGBaseline8Bit)
    assert np.array_equal(read_series(tmp_path)[0].voxels[0], pydicom.dcmread(path).pixel_array)


@pytest.mark.skipif(not SHARED.exists(), reason="the real DICOM files of ../shared/data are absent")
@pytest.mark.parametrize("name", ["AxAsc36mb2a/jpg1.dcm", "AxInt36mb/jp2k1.dcm"])
def test_real_compressed_files_decode_as_in_pydicom_and_simpleitk(name: str, tmp_path: Path) -> None:
    source = SHARED / "compressed_syntaxes" / name
    dataset = pydicom.dcmread(source)
    del dataset[0x0019, 0x100A]  # and the count of their tiles
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]  # as mosaics they would be refused
    dataset.save_as(tmp_path / "Image-1.dcm")
    voxels = read_series(tmp_path)[0].voxels
    assert np.array_equal(voxels[0], dataset.pixel_array)
    assert np.array_equal(voxels[0], SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(source))[0])


dtypes = st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32])


@settings(max_examples=80, deadline=None)
@given(
    dtype=dtypes,
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
    unused=st.integers(0, 5),
    rescale=st.sampled_from([None, (1, 0), (2, -1024), (0.37, 1.5), (1, 7)]),
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 7), st.integers(1, 7)),
    sequence=st.sampled_from([None, False, True]),
    manufacturer=st.sampled_from([None, "", "GE MEDICAL SYSTEMS", "Müller & Söhne "]),
    spacing=st.sampled_from([None, [0.5, 0.75], ["0.46875000000", "1e-1"]]),
    placed=st.booleans(),
    window=st.sampled_from([None, (40, 80), (100.5, 1), ([30, 4000], [60, 9000]), ("-7.25", "33.3")]),
    seed=st.integers(0, 1000),
)
def test_the_fast_way_and_pydicom_agree(
    dtype, syntax, unused, rescale, photometric, shape, sequence, manufacturer, spacing, placed, window, seed
) -> None:
    limits = np.iinfo(dtype)
    voxels = np.random.default_rng(seed).integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    fields = {"PhotometricInterpretation": photometric, "Manufacturer": manufacturer, "PixelSpacing": spacing}
    fields |= {"BitsStored": limits.bits - unused, "HighBit": limits.bits - unused - 1}
    fields |= {"SpecificCharacterSet": "ISO_IR 192"}
    if rescale:
        fields |= {"RescaleSlope": rescale[0], "RescaleIntercept": rescale[1]}
    if window:
        fields |= {"WindowCenter": window[0], "WindowWidth": window[1]}
    if sequence is not None:
        fields |= {"ReferencedImageSequence": nested(sequence)}
        fields["ReferencedImageSequence"].is_undefined_length = sequence
    if not placed:
        fields |= {"ImageOrientationPatient": None}
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_series(Path(temporary), voxels, syntax, **fields)
        fast, fast_facts = read_series(folder)
        with pydicom_only():
            slow, slow_facts = read_series(folder)
        stored = [pydicom.dcmread(folder / f"Image-{k + 1}.dcm").pixel_array for k in range(len(voxels))]
    assert fast_facts == slow_facts
    assert np.array_equal(fast.voxels, slow.voxels)
    assert fast.voxels.dtype == slow.voxels.dtype
    assert np.array_equal(fast.affine, slow.affine)
    assert np.array_equal(windowed(fast).voxels, windowed(slow).voxels)
    if photometric == "MONOCHROME2" and rescale in (None, (1, 0)):
        assert np.array_equal(fast.voxels, stored)
        assert fast.voxels.dtype == dtype


@pytest.mark.parametrize("undefined_length", [False, True])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda uid: uid.keyword)
def test_the_fast_way_walks_over_sequences(undefined_length: bool, syntax: str, tmp_path: Path) -> None:
    sequence = nested(undefined_length)
    sequence.is_undefined_length = undefined_length
    pixels = np.arange(6, dtype=np.uint16).reshape(2, 3)
    path = save(image(pixels, ReferencedImageSequence=sequence), tmp_path / "one.dcm", syntax)
    data = path.read_bytes()
    fields, offset, length = read_plain(data)
    assert (fields["Rows"], fields["Columns"], length) == (2, 3, 12)
    assert data[offset:] == pixels.tobytes()


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=100, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255), n_cut=st.integers(0, 3))
def test_a_damaged_header_is_refused_or_read_alike(place: float, value: int, n_cut: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_series(Path(temporary), np.arange(32, dtype=np.uint16).reshape(2, 4, 4))
        path = folder / "Image-2.dcm"
        whole = bytearray(path.read_bytes())
        at = 132 + int(place * (len(whole) - 132 - 32))
        whole[at : at + 1 + n_cut] = [value]
        path.write_bytes(whole)
        try:
            fast, fast_facts = read_series(folder)
            with pydicom_only():
                slow, slow_facts = read_series(folder)
        except SeriesError:
            return
    assert np.array_equal(fast.voxels, slow.voxels)
    assert fast_facts == slow_facts


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits_stored", [12, 16])
def test_monochrome1_is_inverted_within_the_stored_range(signed: bool, bits_stored: int, tmp_path: Path) -> None:
    low = -(2 ** (bits_stored - 1)) if signed else 0
    voxels = RNG.integers(low, low + 2**bits_stored, (2, 5, 6)).astype(np.int16 if signed else np.uint16)
    fields = {"BitsStored": bits_stored, "HighBit": bits_stored - 1, "PhotometricInterpretation": "MONOCHROME1"}
    write_series(tmp_path, voxels, **fields)
    read = read_series(tmp_path)[0].voxels
    assert np.array_equal(read.astype(int), 2 * low + 2**bits_stored - 1 - voxels.astype(int))
    if not signed:
        assert np.array_equal(read[0], SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(tmp_path / "Image-1.dcm"))[0])


def test_monochrome1_is_inverted_after_the_rescale(tmp_path: Path) -> None:
    voxels = RNG.integers(0, 256, (1, 5, 6), dtype=np.uint8)
    write_series(tmp_path, voxels, PhotometricInterpretation="MONOCHROME1", RescaleSlope=2, RescaleIntercept=-10)
    assert np.array_equal(read_series(tmp_path)[0].voxels, 2.0 * (255 - voxels) - 10)


@pytest.mark.parametrize("slopes", [(2, 2), (1, 3)])
def test_slope_and_intercept_are_each_slices_own(slopes: tuple[int, int], tmp_path: Path) -> None:
    voxels = RNG.integers(0, 100, (2, 4, 4), dtype=np.int16)
    for k, slope in enumerate(slopes):
        place = {"ImagePositionPatient": [0, 0, k], "RescaleSlope": slope, "RescaleIntercept": -5 * k}
        save(image(voxels[k], **place), tmp_path / f"{k}.dcm")
    read = read_series(tmp_path)[0].voxels
    assert read.dtype == np.float32
    assert np.array_equal(read, [voxels[0] * slopes[0], voxels[1] * slopes[1] - 5])


def test_a_modality_look_up_table_is_applied(tmp_path: Path) -> None:
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "US", [4, 0, 16])
    table.add_new("LUTData", "OW", np.array([10, 20, 40, 80], np.uint16).tobytes())
    table.ModalityLUTType = "US"
    sequence = pydicom.Sequence([table])
    write_series(tmp_path, np.array([[[0, 1], [2, 3]]], np.uint16), ModalityLUTSequence=sequence)
    assert np.array_equal(read_series(tmp_path)[0].voxels, [[[10, 20], [40, 80]]])
    assert np.array_equal(windowed(read_series(tmp_path)[0]).voxels, [[[10, 20], [40, 80]]])


@pytest.mark.parametrize("high", [4000, 65535])
@pytest.mark.parametrize("rescale", [{}, {"RescaleSlope": 0.5, "RescaleIntercept": -100}])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_voi_window_is_applied_on_request_only(high: int, rescale: dict, function: str, tmp_path: Path) -> None:
    voxels = RNG.integers(0, high, (3, 60, 70), dtype=np.uint16)
    write_series(tmp_path, voxels, WindowCenter=900, WindowWidth=500, VOILUTFunction=function, **rescale)
    if not rescale:
        assert np.array_equal(read_series(tmp_path)[0].voxels, voxels)
    for way in (nullcontext, pydicom_only):
        with way():
            shown = windowed(read_series(tmp_path)[0]).voxels
        for k, read in enumerate(shown):
            dataset = pydicom.dcmread(tmp_path / f"Image-{k + 1}.dcm")
            expected = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
            assert np.array_equal(read, expected.astype(np.float32))


def test_a_voi_look_up_table_is_applied_on_request(tmp_path: Path) -> None:
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "US", [4, 0, 16])
    table.add_new("LUTData", "OW", np.array([10, 20, 40, 80], np.uint16).tobytes())
    voxels = np.array([[[0, 1], [2, 3]]], np.uint16)
    write_series(tmp_path, voxels, VOILUTSequence=pydicom.Sequence([table]))
    assert np.array_equal(read_series(tmp_path)[0].voxels, voxels)
    assert np.array_equal(windowed(read_series(tmp_path)[0]).voxels, [[[10, 20], [40, 80]]])


def test_a_look_up_table_for_more_values_than_it_can_have_is_refused_and_the_pixels_are_read(tmp_path: Path) -> None:
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "US", [4, 0, 16])
    table.add_new("LUTData", "OW", np.array([10, 20, 40, 80], np.uint16).tobytes())
    voxels = np.array([[[0, 1], [2, 4_000_000_000]]], np.uint32)
    write_series(tmp_path, voxels, VOILUTSequence=pydicom.Sequence([table]))
    volume = read_series(tmp_path)[0]
    assert np.array_equal(volume.voxels, voxels)
    with pytest.raises(SeriesError, match="its window or VOI look-up table cannot be applied; exclude the series"):
        windowed(volume)


def test_a_window_without_a_width_is_passed_over_on_a_blank_slice_only(tmp_path: Path) -> None:
    write_series(tmp_path, np.zeros((2, 4, 4), np.uint16), WindowCenter=0, WindowWidth=0)
    assert not windowed(read_series(tmp_path)[0]).voxels.any()
    write_series(tmp_path, RNG.integers(0, 9, (2, 4, 4), dtype=np.uint16), WindowCenter=0, WindowWidth=0)
    with pytest.raises(SeriesError, match="its window or VOI look-up table cannot be applied; fetch the file again"):
        windowed(read_series(tmp_path)[0])


def test_a_header_longer_than_the_head_is_read_all_the_same(tmp_path: Path) -> None:
    voxels = RNG.integers(0, 4000, (2, 6, 6), dtype=np.uint16)
    write_series(tmp_path, voxels, TextValue="x" * 100_000)
    assert np.array_equal(read_series(tmp_path)[0].voxels, voxels)


def test_blank_slices_are_counted_and_voxels_are_contiguous(tmp_path: Path) -> None:
    voxels = RNG.integers(0, 4000, (4, 6, 6), dtype=np.uint16)
    voxels[[0, 3]] = 0
    voxels[2] = 7
    volume, facts = read_series(write_series(tmp_path, voxels))
    assert facts.blank_fraction == 0.75
    assert volume.voxels.flags.c_contiguous


def test_stray_files_are_passed_over_and_names_without_suffix_are_fine(tmp_path: Path) -> None:
    voxels = RNG.integers(0, 4000, (3, 6, 6), dtype=np.uint16)
    write_series(tmp_path, voxels)
    for path in sorted(tmp_path.iterdir()):
        path.rename(path.with_suffix(""))
    (tmp_path / "README.txt").write_text("This is not a slice. " * 20)
    (tmp_path / ".DS_Store").write_bytes(b"\0" * 10)
    (tmp_path / "sub").mkdir()
    directory = get_testdata_file("dicomdirtests/DICOMDIR", download=False)
    shutil.copy(str(directory), tmp_path / "DICOMDIR")
    volume, facts = read_series(tmp_path)
    assert facts.n_files == 3
    assert np.array_equal(volume.voxels, voxels)
