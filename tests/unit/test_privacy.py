"""Nothing of a header but the documented facts is passed on, whatever stands in it."""

import re
import subprocess
import warnings
from dataclasses import asdict
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import JPEG2000Lossless

from dicom_files import image, save, write_series
from gliobench.cohorts.decoded import keep_series
from gliobench.cohorts.series import read_path
from gliobench.imaging.dicom import read_series
from gliobench.imaging.dicom_slice import OTHER_VENDOR, VENDORS, _vendor
from gliobench.imaging.facts import SeriesError
from gliobench.imaging.volume import windowed

ROOT = Path(__file__).parents[2]
SECRET = "DOE^JANE"
VOXELS = np.random.default_rng(0).integers(1, 999, (3, 6, 8)).astype(np.uint16)


@pytest.mark.parametrize(
    ("stated", "vendor"),
    [
        ("SIEMENS", "SIEMENS"),
        ("Siemens Healthineers", "SIEMENS"),
        ("GE MEDICAL SYSTEMS", "GE"),
        ("Philips Medical Systems", "PHILIPS"),
        ("TOSHIBA_MEC", "TOSHIBA"),
        ("St. Mary's General Hospital", OTHER_VENDOR),
        ("Geoffrey Doe", OTHER_VENDOR),
        ("Siemens scanner of Jane Doe", "SIEMENS"),
        (None, None),
        ("", None),
    ],
)
def test_the_maker_is_one_of_a_list(stated, vendor):
    assert _vendor(stated) == vendor


@given(st.text(max_size=64))
def test_no_text_of_the_makers_field_is_passed_on(stated):
    assert _vendor(stated) in (None, OTHER_VENDOR, *VENDORS)


def said_of(volume, facts, folder) -> str:
    """Return what is passed on of a series: its facts, what is kept of it, and what its windows are refused for."""
    keep_series(folder, "p-1", "FLAIR", volume, facts)
    with np.load(folder / "p-1" / "FLAIR.npz") as kept:
        said = f"{asdict(facts)} {kept['about']}"
    try:
        windowed(volume)
    except SeriesError as error:
        said += str(error)
    return said


@pytest.mark.parametrize(
    "fields",
    [
        {"PhotometricInterpretation": SECRET},
        {"PhotometricInterpretation": SECRET, "SamplesPerPixel": 3},
        {"Rows": None},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1"},
        {"ImageType": ["MOSAIC", SECRET]},
        {"WindowCenter": 5, "WindowWidth": 9, "VOILUTFunction": SECRET},
        {"SpecificCharacterSet": SECRET},
    ],
)
def test_no_sentence_or_warning_quotes_the_header(tmp_path, fields, capfd):
    planted = dict.fromkeys(("PatientName", "InstitutionName", "Manufacturer", "SeriesDescription"), SECRET)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_series(tmp_path / "FLAIR", VOXELS, **planted, **fields)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            said = said_of(*read_series(tmp_path / "FLAIR"), tmp_path / "decoded")
        except SeriesError as error:
            said = f"{error} {asdict(error.facts)}"
    said += "".join(str(warning.message) for warning in warned) + "".join(capfd.readouterr())
    assert "DOE" not in said
    assert "JANE" not in said


def test_a_transfer_syntax_of_ones_own_is_not_quoted(tmp_path):
    (tmp_path / "FLAIR").mkdir()
    path = save(image(VOXELS[0]), tmp_path / "FLAIR" / "1.dcm")
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.1965.0714.1.2.1\0"))
    with pytest.raises(SeriesError, match=r"1\.dcm: it cannot be read as DICOM: it is damaged or") as refused:
        read_series(tmp_path / "FLAIR")
    assert "1965" not in str(refused.value)


def test_pixels_that_cannot_be_decoded_name_their_compression_alone(tmp_path):
    (tmp_path / "FLAIR").mkdir()
    dataset = image(VOXELS[0], PatientName=SECRET)
    dataset.PixelData = pydicom.encaps.encapsulate([b"DOE^JANE is no picture of JPEG 2000"])
    dataset["PixelData"].is_undefined_length = True
    save(dataset, tmp_path / "FLAIR" / "1.dcm", JPEG2000Lossless)
    with pytest.raises(SeriesError, match=r"cannot be decoded \(JPEG 2000 Image Compression .*\); fetch") as refused:
        read_series(tmp_path / "FLAIR")
    assert "DOE" not in str(refused.value)


def test_texts_of_a_nifti_header_stay_in_the_file(tmp_path):
    picture = nib.Nifti1Image(VOXELS.astype(np.int16), np.eye(4))
    for field in ("descrip", "aux_file", "intent_name", "db_name"):
        picture.header[field] = SECRET.encode()
    nib.save(picture, tmp_path / "FLAIR.nii")
    _, facts = read_path(tmp_path / "FLAIR.nii")
    assert "DOE" not in str(asdict(facts))
    damaged = bytearray((tmp_path / "FLAIR.nii").read_bytes())
    damaged[70:72] = b"DO"  # the type of the values
    (tmp_path / "FLAIR.nii").write_bytes(damaged)
    with pytest.raises(SeriesError) as refused:
        read_path(tmp_path / "FLAIR.nii")
    assert "DOE" not in str(refused.value)


CREATED = re.compile(r"(?<![\w./-])(?:data|clinic|patients)/[\w./-]+|my-study\.yaml")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no git repository")
def test_what_the_documents_tell_users_to_create_here_is_ignored_by_git():
    documents = [ROOT / "README.md", ROOT / "config/README.md", *(ROOT / "docs").glob("*.md")]
    named = {path for document in documents for path in CREATED.findall(document.read_text(encoding="utf-8"))}
    assert {"clinic/patients.tsv", "my-study.yaml"} <= named
    everything = sorted(named | {"data/rsna/train/00000/FLAIR/Image-1.dcm", "new/T1w.nii.gz", "new/Image-1.dcm"})
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *everything], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert sorted(ignored) == everything
