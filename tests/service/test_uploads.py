"""Bad uploads of every kind are a sentence with the right status, and leave nothing on the disk."""

import gzip
import io
import json
import shutil
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

from clients import client_of, left_on_disk, patient_files, token_of, work_once, zipped
from gliobench.files import read_table
from gliobench.predict.describe import PURPOSE
from gliobench.training import Machine
from gliobench_service import intake
from gliobench_service.answer import Predictor, _write_nifti
from gliobench_service.errors import DISK_FULL
from gliobench_service.worker import UNEXPECTED

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 40
SECRET = "DOE^JANE"


@pytest.fixture(scope="module")
def predictor(run: Path) -> Predictor:
    return Predictor(run, Machine())


@pytest.fixture
def files(images: Path) -> dict[str, bytes | Path]:
    """The files of one good patient, by name."""
    return patient_files(images / "00003")


@pytest.fixture
def send(settings):
    """Send an upload and return status, body and headers."""
    headers = token_of(settings, "ana")
    with client_of(settings) as client:

        def call(**request):
            own = request.pop("headers", {})
            return client.post("/predict", headers=headers | own, **request)

        call.client, call.headers = client, headers
        yield call


def archive(content: bytes, name: str = "patient.zip") -> dict:
    return {"files": [("files", (name, content, "application/zip"))]}


def many(files: dict[str, bytes]) -> dict:
    return {"files": [("files", (name, content, "application/octet-stream")) for name, content in files.items()]}


def changed(path: Path, **values: object) -> bytes:
    """Return a DICOM file with some of its header changed."""
    dataset = pydicom.dcmread(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in values.items():
            setattr(dataset, name, value)
        stream = io.BytesIO()
        dataset.save_as(stream, enforce_file_format=False)
    return stream.getvalue()


def every(files: dict, name: str, **values: object) -> dict:
    """Return the files with the headers of one modality changed."""
    return {key: changed(path, **values) if key.startswith(f"{name}/") else path for key, path in files.items()}


def nifti(voxels: np.ndarray) -> bytes:
    return gzip.compress(nib.Nifti1Image(voxels, np.diag([2.0, 2, 5, 1])).to_bytes(), 1)


def with_member(name: str, mode: int = 0, flags: int = 0) -> bytes:
    """Return a zip with one member of that name, kind and flags."""
    member = zipfile.ZipInfo(name)
    member.external_attr = mode << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr(member, b"content")
    content = bytearray(stream.getvalue())
    if flags:
        at = content.index(b"PK\x01\x02")
        content[6] |= flags
        content[at + 8] |= flags
    return bytes(content)


def lying() -> bytes:
    """Return a zip whose member is much larger than it says."""
    content = bytearray(zipped({"FLAIR/1.dcm": b"\0" * 50_000_000}))
    for at in (content.index(b"PK\x03\x04") + 22, content.index(b"PK\x01\x02") + 24):
        content[at : at + 4] = struct.pack("<I", 100)
    return bytes(content)


def form(name: bytes, content: bytes) -> dict:
    """Return the body of a form with one file, with its name as it stands."""
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="' + name + b'"\r\n\r\n'
    return {
        "content": head + content + b"\r\n--b--\r\n",
        "headers": {"content-type": "multipart/form-data; boundary=b"},
    }


def twice() -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(stream, "w") as file:
            file.writestr(f"{SECRET}/1.dcm", b"a")
            file.writestr(f"{SECRET}/1.dcm", b"b")
    return stream.getvalue()


def huge_nifti(shape: tuple[int, ...]) -> bytes:
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    return gzip.compress(header.binaryblock + bytes(4))


def deflated(path: Path, before: int = 0) -> bytes:
    """Return a deflated DICOM file with that many bytes in front of the item that says so."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.FileMetaInformationVersion = b"\0\1" + bytes(before)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    stream = io.BytesIO()
    dataset.save_as(stream)
    return stream.getvalue()


def of_no_type(path: Path, item: bytes) -> bytes:
    """Return a DICOM file whose item, given by its tag and type, has a type that there is not."""
    content = path.read_bytes()
    assert content.count(item) == 1
    return content.replace(item, item[:4] + b"ZZ")


NONSENSE_DICOM = bytes(128) + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00" + b"\xff" * 200


BAD: dict[str, tuple[int, str, Callable[[dict], dict]]] = {
    "no file at all": (422, "has no file", lambda f: {"files": [("label", (None, "a"))]}),
    "an empty file": (422, "A file is empty", lambda f: archive(b"")),
    "JSON instead of a form": (415, "multipart/form-data", lambda f: {"json": {"a": 1}}),
    "a body cut off": (
        400,
        "incomplete",
        lambda f: {
            "content": b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.zip"\r\n\r\nPK',
            "headers": {"content-type": "multipart/form-data; boundary=b"},
        },
    ),
    "a body that is no form": (
        400,
        "malformed",
        lambda f: {"content": b"nonsense", "headers": {"content-type": "multipart/form-data; boundary=b"}},
    ),
    "a truncated zip": (400, "damaged or not a zip", lambda f: archive(zipped(f)[:-3000])),
    "a zip with a damaged member": (
        400,
        "cannot be unpacked",
        lambda f: archive((lambda z: z[:2000] + b"\0" * 400 + z[2400:])(zipped(f))),
    ),
    "text called zip": (400, "damaged or not a zip", lambda f: archive(b"hello")),
    "an empty zip": (415, "None of the files", lambda f: archive(zipped({}))),
    "a zip bomb": (413, "holds more than", lambda f: archive(zipped({"a.dcm": b"\0" * 30_000_000}))),
    "zips that are a bomb together": (
        413,
        "holds more than 20 MB",
        lambda f: many({f"{i}.zip": zipped({"a.dcm": b"\0" * 11_000_000}) for i in range(2)}),
    ),
    "a zip that lies about its size": (400, "cannot be unpacked", lambda f: archive(lying())),
    "a path out of the folder": (400, "outside the folder", lambda f: archive(with_member(f"../../{SECRET}"))),
    "an absolute path": (400, "outside the folder", lambda f: archive(with_member(f"/etc/{SECRET}"))),
    "a link in a zip": (400, "a link or a device", lambda f: archive(with_member(SECRET, stat.S_IFLNK | 0o777))),
    "an encrypted zip": (400, "encrypted", lambda f: archive(with_member(f"{SECRET}/1.dcm", flags=1))),
    "a member twice": (400, "occurs twice", lambda f: archive(twice())),
    "too long a name in a zip": (400, "too long a name", lambda f: archive(with_member(SECRET * 40))),
    "a zip of too many files": (
        413,
        "holds more than 200 files",
        lambda f: archive(zipped({str(i): b"" for i in range(201)})),
    ),
    "zips of too many files together": (
        413,
        "holds more than 200 files",
        lambda f: many({f"{i}.zip": zipped({f"{i}/{j}": b"" for j in range(101)}) for i in range(2)}),
    ),
    "a zip whose list of files is long": (
        413,
        "holds more than 200 files",
        lambda f: archive(zipped({f"{i}" + "/aaaaaaaaa" * 120: b"" for i in range(199)})),
    ),
    "too many files": (413, "at most 200", lambda f: many({f"{i}.dcm": b"a" for i in range(201)})),
    "a zip in a zip": (415, "None of the files", lambda f: archive(zipped({"inner.zip": zipped(f)}))),
    "more bytes than allowed": (413, "An upload has at most", lambda f: archive(bytes(9_000_000))),
    "three gigabytes announced": (
        413,
        "An upload has at most",
        lambda f: {
            "content": b"--b",
            "headers": {"content-length": str(3 * 2**30), "content-type": "multipart/form-data; boundary=b"},
        },
    ),
    "more bytes than allowed, unannounced": (
        413,
        "An upload has at most",
        lambda f: {
            "content": (
                bytes(100_000) if i else b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
                for i in range(100)
            ),
            "headers": {"content-type": "multipart/form-data; boundary=b"},
        },
    ),
    "two patients": (
        422,
        "images of 2 patients",
        lambda f: archive(zipped({n: p if n[0] != "T" else changed(p, PatientID="another") for n, p in f.items()})),
    ),
    "two series of a modality": (
        422,
        "2 series that look like FLAIR",
        lambda f: archive(
            zipped(
                f
                | {
                    f"b/{n}": changed(p, SeriesInstanceUID=generate_uid(entropy_srcs=["b"]))
                    for n, p in f.items()
                    if n.startswith("FLAIR/")
                }
            )
        ),
    ),
    "a modality missing": (
        422,
        "the upload lacks T1wCE",
        lambda f: archive(zipped({n: p for n, p in f.items() if not n.startswith("T1wCE/")})),
    ),
    "a phone's photo": (415, "None of the files", lambda f: many({"IMG_0001.JPG": JPEG})),
    "a page of HTML": (415, "None of the files", lambda f: many({"x.html": b"<script>alert(1)</script>"})),
    "a program": (415, "None of the files", lambda f: many({"x.dcm": b"#!/bin/sh\nrm -rf /\n"})),
    "CT images": (
        422,
        "its header says CT, not MR",
        lambda f: many(
            {n.replace("/", "-"): changed(p, Modality="CT") for n, p in f.items() if n.startswith("FLAIR/")}
        ),
    ),
    "DICOM that states huge slices": (
        413,
        "65000 x 65000 pixels",
        lambda f: archive(zipped(every(f, "FLAIR", Rows=65000, Columns=65000))),
    ),
    "DICOM that states no size": (413, "9000 x 64", lambda f: archive(zipped(every(f, "T2w", Rows=9000, Columns=64)))),
    "deflated DICOM": (415, "deflated", lambda f: many({"1.dcm": deflated(next(iter(f.values())))})),
    "deflated DICOM that says so late": (
        415,
        "deflated",
        lambda f: many({"1.dcm": deflated(next(iter(f.values())), before=2000)}),
    ),
    "a DICOM header of nonsense": (
        422,
        "neither its description nor TR, TE and TI",
        lambda f: many({"1.dcm": NONSENSE_DICOM}),
    ),
    "a DICOM header with an item of no known type": (
        422,
        "DICOM file is damaged",
        lambda f: archive(zipped(f | {"FLAIR/Image-1.dcm": of_no_type(f["FLAIR/Image-1.dcm"], b"\x10\0\x20\0LO")})),
    ),
    "NIfTI that is none": (422, "NIfTI file is damaged", lambda f: many({"FLAIR.nii.gz": b"nonsense"})),
    "NIfTI that is cut off": (
        422,
        "NIfTI file is damaged",
        lambda f: many({"FLAIR.nii.gz": huge_nifti((9, 9, 9))[:40]}),
    ),
    "NIfTI that states a huge volume": (
        413,
        "million voxels",
        lambda f: many({"FLAIR.nii.gz": huge_nifti((30000, 30000, 30000))}),
    ),
    "NIfTI whose name tells no modality": (
        422,
        "1 other series could not be told",
        lambda f: many({f"{SECRET}.nii.gz": nifti(np.ones((9, 9, 9), np.int16))}),
    ),
    "NIfTI with too long a name": (
        422,
        "1 other series could not be told",
        lambda f: many({f"{'a' * 300}.nii.gz": nifti(np.ones((9, 9, 9), np.int16))}),
    ),
    "NIfTI with a name that no file can have": (
        422,
        "1 other series could not be told",
        lambda f: form(b"a\0b.nii.gz", nifti(np.ones((9, 9, 9), np.int16))),
    ),
    "a label of two lines of text": (
        422,
        "A label has at most",
        lambda f: archive(zipped(f)) | {"data": {"label": "x" * 81}},
    ),
    "a value that is too long": (400, "too long", lambda f: archive(zipped(f)) | {"data": {"label": "x" * 5000}}),
    "too many fields": (
        400,
        "too many fields",
        lambda f: archive(zipped(f)) | {"data": {str(i): "x" for i in range(30)}},
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_upload_is_refused_with_a_sentence_and_leaves_nothing(settings, send, files, kind):
    status, expected, make = BAD[kind]
    small = settings.model_copy(update={"files": 200, "upload_bytes": 8_000_000, "unpacked_bytes": 20_000_000})
    send.client.app.state.settings = small
    answer = send(**make(files))
    body = answer.json()
    assert (answer.status_code, expected in body["error"]) == (status, True), body
    assert body["notice"] == PURPOSE
    assert len(body["error_id"]) == 12
    assert not [text for text in (str(settings.data), SECRET) if text in body["error"]]
    assert left_on_disk(settings) == []
    rows = send.client.get("/log", headers=send.headers).json()["rows"]
    assert "asked" not in {row["action"] for row in rows}, "it was not accepted"


def test_an_archive_that_passes_a_limit_is_refused_before_it_is_unpacked(settings, send, monkeypatch):
    unpacked = []
    monkeypatch.setattr(intake, "unpack", lambda archive, *_: unpacked.append(archive.name))
    send.client.app.state.settings = settings.model_copy(update={"unpacked_bytes": 20_000_000})
    answer = send(**many({f"{i}.zip": zipped({"a.dcm": b"\0" * 11_000_000}) for i in range(3)}))
    assert answer.status_code == 413
    assert unpacked == ["000000"]


def test_a_full_disk_is_said_without_a_path(settings, send, files, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10**9, free=10**6))
    answer = send(**archive(zipped(files)))
    assert (answer.status_code, answer.json()["error"]) == (507, DISK_FULL)
    assert left_on_disk(settings) == []


def cut_pixels(f: dict) -> dict:
    return {n: p.read_bytes()[:-500] if n == "FLAIR/Image-3.dcm" else p for n, p in f.items()}


def as_nifti(f: dict, voxels: np.ndarray) -> dict:
    return {n: p for n, p in f.items() if not n.startswith("FLAIR/")} | {"FLAIR.nii.gz": nifti(voxels)}


MASK = (np.indices((40, 40, 12)).sum(axis=0) % 3).astype(np.uint8)
UNUSABLE = {
    "a segmentation as an image": ("has 3 different values, like a segmentation", lambda f: as_nifti(f, MASK)),
    "pixels cut off": ("truncated", cut_pixels),
    "a blank series": ("slices are blank", lambda f: as_nifti(f, np.zeros((40, 40, 12), np.int16))),
    "values that are not numbers": (
        "not finite numbers",
        lambda f: as_nifti(f, np.full((40, 40, 12), np.nan, np.float32)),
    ),
    "several volumes in one file": ("FLAIR", lambda f: as_nifti(f, np.ones((20, 20, 12, 3), np.int16))),
    "NIfTI with its voxels cut off": (
        "cannot be read as NIfTI",
        lambda f: as_nifti(f, MASK) | {"FLAIR.nii.gz": huge_nifti((40, 40, 12))},
    ),
    "several frames in a file": (
        "multi-frame",
        lambda f: every(f, "FLAIR", NumberOfFrames=2, PixelData=bytes(2 * 2 * 32 * 32)),
    ),
    "a colour image": ("is not an MRI slice", lambda f: every(f, "FLAIR", PhotometricInterpretation="RGB")),
    "copies of a slice": ("positions", lambda f: every(f, "FLAIR", ImagePositionPatient=[0, 0, 0])),
    "slices of two orientations": (
        "FLAIR",
        lambda f: (
            f | {"FLAIR/Image-2.dcm": changed(f["FLAIR/Image-2.dcm"], ImageOrientationPatient=[0, 1, 0, 0, 0, 1])}
        ),
    ),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_images_that_cannot_be_used_end_as_a_sentence_and_leave_nothing(settings, send, files, predictor, kind):
    expected, make = UNUSABLE[kind]
    answer = send(**archive(zipped(make(files))))
    assert answer.status_code == 202, answer.json()
    work_once(settings, predictor)
    result = send.client.get(answer.json()["result"], headers=send.headers).json()
    assert result["state"] == "failed", result
    assert expected in result["reason"], result["reason"]
    assert result["probability"] is None
    assert str(settings.data) not in result["reason"]
    assert left_on_disk(settings) in ([], [f"jobs/{result['id']}"])


def test_images_unlike_those_of_the_cohort_are_warned_of(settings, send, files, predictor):
    noise = np.random.default_rng(1).integers(0, 900, (40, 40, 12)).astype(np.int16)
    answer = send(**archive(zipped(as_nifti(files, noise))))
    work_once(settings, predictor)
    warned = send.client.get(answer.json()["result"], headers=send.headers).json()["warnings"]
    assert any(each.startswith("FLAIR: the number of slices is 12; in the cohort") for each in warned), warned


def layouts(f: dict) -> dict[str, dict]:
    """Return one patient, packed in the ways in which people send one."""
    flat = {f"IM{number:05}": path.read_bytes() for number, path in enumerate(f.values())}
    return {
        "a zip of folders": archive(zipped(f)),
        "a zip of a folder of folders": archive(zipped({f"p-3/scan/{n}": p for n, p in f.items()})),
        "a zip of files without folders": archive(zipped(flat)),
        "files": many(flat),
        "a field for each modality": {
            "files": [
                (n.split("/")[0], (f"{i}", p.read_bytes(), "application/dicom")) for i, (n, p) in enumerate(f.items())
            ]
        },
        "a zip of each series": {
            "files": [
                (
                    "files",
                    (
                        f"{name}.zip",
                        zipped({n: p for n, p in f.items() if n.startswith(f"{name}/")}),
                        "application/zip",
                    ),
                )
                for name in ("FLAIR", "T1w", "T1wCE", "T2w")
            ]
        },
        "with files that are no images": archive(zipped(f | {"DICOMDIR": b"x", "readme.txt": b"hello"})),
        "with files that a system hides": archive(
            zipped(
                f | {"__MACOSX/FLAIR/._Image-1.dcm": b"\0\5\x16\7", "__MACOSX/._FLAIR.nii.gz": b"", ".DS_Store": b""}
            )
        ),
    }


@pytest.mark.parametrize(
    "layout",
    [
        "a zip of folders",
        "a zip of a folder of folders",
        "a zip of files without folders",
        "files",
        "a field for each modality",
        "a zip of each series",
        "with files that are no images",
        "with files that a system hides",
    ],
)
def test_a_patient_of_the_cohort_gets_the_out_of_fold_probability_however_it_is_sent(
    settings, send, files, predictor, run, layout
):
    answer = send(**layouts(files)[layout])
    assert answer.status_code == 202, answer.json()
    work_once(settings, predictor)
    result = send.client.get(answer.json()["result"], headers=send.headers).json()
    assert result["state"] == "done", result["reason"]
    table = read_table(run / "predictions.tsv", "predictions")
    tested = table[(table["patient_id"] == "00003") & (table["part"] == "test")].iloc[0]
    assert result["probability"] == pytest.approx(tested["probability"], abs=1e-6)
    assert result["prediction"]["identity"] == "same pixels"
    assert sum(map(len, result["cohort"].values())) == 12
    assert result["images"] == [], "images are deleted after the answer"
    assert left_on_disk(settings) == [f"jobs/{result['id']}", f"jobs/{result['id']}/result"]


@pytest.mark.parametrize("by_field", [True, False])
def test_a_zip_holds_what_its_field_or_its_own_name_says(settings, send, files, by_field):
    alike = {name: changed(path, SeriesDescription="t1") for name, path in files.items()}
    zips = {
        modality: zipped(
            {f"{i}": each for i, (name, each) in enumerate(alike.items()) if name.startswith(f"{modality}/")}
        )
        for modality in ("FLAIR", "T1w", "T1wCE", "T2w")
    }
    named = [
        (modality if by_field else "files", ("a.zip" if by_field else f"{modality}.zip", content, "application/zip"))
        for modality, content in zips.items()
    ]
    answer = send(files=named)
    assert answer.status_code == 202, answer.json()
    patient = settings.jobs / answer.json()["id"] / "patient" / intake.PATIENT
    for modality in zips:
        taken = {pydicom.dcmread(path).SOPInstanceUID for path in (patient / modality).iterdir()}
        sent = {pydicom.dcmread(path).SOPInstanceUID for name, path in files.items() if name.startswith(f"{modality}/")}
        assert taken == sent


@pytest.mark.parametrize(("series", "taken"), [("T1w", {"T1w"}), ("segmentation", {"segmentation", "FLAIR", "T1w"})])
def test_a_series_that_is_not_needed_is_taken_where_a_segmentation_may_be_on_its_grid(
    settings, send, files, series, taken
):
    there = {name: path for name, path in files.items() if name.startswith(("FLAIR/", "T1w/"))}
    record = send.client.app.state.record
    send.client.app.state.record = record | {"series": [series], "input": {"kind": "slices"}}
    answer = send(**archive(zipped(there | {"segmentation.nii.gz": nifti(MASK)})))
    assert answer.status_code == 202, answer.json()
    patient = settings.jobs / answer.json()["id"] / "patient" / intake.PATIENT
    assert {path.name.partition(".")[0] for path in patient.iterdir()} == taken


@pytest.mark.parametrize(("needed", "status"), [(["FLAIR", "segmentation"], 202), (["T1w", "segmentation"], 422)])
def test_two_series_of_a_modality_are_refused_only_if_the_model_needs_it(settings, send, files, needed, status):
    there = {name: path for name, path in files.items() if name.startswith(("FLAIR/", "T1w/"))}
    again = {
        f"b/{name}": changed(path, SeriesInstanceUID=generate_uid(entropy_srcs=["b"]))
        for name, path in there.items()
        if name.startswith("T1w/")
    }
    record = send.client.app.state.record
    send.client.app.state.record = record | {"series": needed, "input": {"kind": "slices"}}
    answer = send(**archive(zipped(there | again | {"segmentation.nii.gz": nifti(MASK)})))
    assert answer.status_code == status, answer.json()
    if status == 202:
        patient = settings.jobs / answer.json()["id"] / "patient" / intake.PATIENT
        assert {path.name.partition(".")[0] for path in patient.iterdir()} == {"FLAIR", "T1w", "segmentation"}


@pytest.mark.parametrize("kind", ["<i8", ">i8", "<u8", "<i2", "<f8"])
def test_a_kept_image_has_the_voxels_of_the_series_whatever_their_type(
    settings, send, files, predictor, tmp_path, kind
):
    voxels = np.random.default_rng(1).integers(0, 900, (40, 40, 12)).astype(kind)
    image = nib.Nifti1Image(voxels, np.diag([2.0, 2, 5, 1]), dtype=kind)
    sent = as_nifti(files, MASK) | {"FLAIR.nii.gz": gzip.compress(image.to_bytes(), 1)}
    answer = send(**archive(zipped(sent)), data={"keep": "true"})
    work_once(settings, predictor)
    kept = send.client.get(f"{answer.json()['result']}/images/FLAIR", headers=send.headers)
    assert kept.status_code == 200, send.client.get(answer.json()["result"], headers=send.headers).json()["reason"]
    (tmp_path / "kept.nii.gz").write_bytes(kept.content)
    values = nib.load(tmp_path / "kept.nii.gz").get_fdata()  # the axes may be others
    assert np.array_equal(np.sort(values, axis=None), np.sort(voxels, axis=None))


@pytest.mark.parametrize(
    ("kind", "largest"), [("<i8", 2**24 + 1), ("<i8", 2**31), (">u8", 2**24 + 1), ("<i8", -(2**31) - 1)]
)
def test_a_kept_image_has_the_voxels_of_the_series_however_large(tmp_path, kind, largest):
    voxels = np.array([[[0, 1, largest]]], kind)
    _write_nifti(voxels, np.eye(4), tmp_path / "kept.nii.gz")
    assert np.array_equal(nib.load(tmp_path / "kept.nii.gz").get_fdata(), voxels)


def test_no_text_of_a_header_or_a_file_name_reaches_answers_or_log(settings, send, files, predictor, capfd):
    texts = dict.fromkeys(
        (
            "PatientName",
            "InstitutionName",
            "ReferringPhysicianName",
            "StudyDescription",
            "ProtocolName",
            "Manufacturer",
        ),
        SECRET,
    )
    texts |= {"StudyInstanceUID": SECRET, "FrameOfReferenceUID": SECRET}  # no UIDs: pydicom warns of them
    texts |= {"PatientID": SECRET, "SeriesDescription": f"flair {SECRET}"}
    marked = {
        f"{SECRET}/{n}": changed(p, **(texts if n.startswith("FLAIR") else {"PatientID": SECRET}))
        for n, p in files.items()
    }
    broken = {n: p[:-500] if n.endswith("FLAIR/Image-3.dcm") else p for n, p in marked.items()}
    seen = []
    for sent in (marked, broken, {n: p for n, p in marked.items() if "FLAIR" in n}):
        answer = send(**archive(zipped(sent), f"{SECRET}.zip"))
        seen.append(answer.text)
        if answer.status_code == 202:
            work_once(settings, predictor)
            where = answer.json()["id"]
            seen.append(send.client.get(f"/results/{where}", headers=send.headers).text)
    seen.append(send.client.get("/log", headers=send.headers).text)
    stored = b"".join(path.read_bytes() for path in settings.data.glob("service.sqlite*"))
    said = "".join(capfd.readouterr())
    for text in [*seen, said, stored.decode("latin-1")]:
        assert SECRET not in text
        assert "JANE" not in text
    states = [json.loads(text).get("state") for text in seen if "state" in json.loads(text)]
    assert {"done", "failed"} <= set(states)


def damaged(f: dict, kind: str, random: np.random.Generator) -> bytes:
    """Return a zip in which some bytes of a DICOM header, of the NIfTI header or of the list of members are others."""
    files = {name: path.read_bytes() for name, path in f.items()}
    if kind == "NIfTI":
        head = random.integers(0, 900, (40, 40, 12)).astype(np.int16)
        changed = {"FLAIR.nii": at_random(nib.Nifti1Image(head, np.diag([2.0, 2, 5, 1])).to_bytes(), 0, 348, random)}
        return zipped({name: each for name, each in files.items() if not name.startswith("FLAIR/")} | changed)
    if kind == "zip":
        content = zipped(files)
        return at_random(content, len(content) - 6000, len(content), random)
    name = str(random.choice(list(files)))
    return zipped(files | {name: at_random(files[name], 128, 1200, random)})


def at_random(content: bytes, start: int, stop: int, random: np.random.Generator) -> bytes:
    new = bytearray(content)
    for place in random.integers(start, min(stop, len(new)), random.choice([1, 3, 10])):
        new[place] = random.choice([0, 255, random.integers(256)])
    return bytes(new)


@pytest.mark.parametrize("kind", ["DICOM", "NIfTI", "zip"])
def test_random_damage_is_a_sentence_and_never_an_error_of_the_service(settings, send, files, predictor, kind):
    send.client.app.state.settings = settings.model_copy(update={"uploads_per_hour": 10**6})
    random = np.random.default_rng(22)
    seen = set()
    for _ in range(60):
        answer = send(**archive(damaged(files, kind, random)))
        assert answer.status_code < 500, answer.text
        seen.add(answer.status_code)
        if answer.status_code == 202:
            work_once(settings, predictor)
            result = send.client.get(answer.json()["result"], headers=send.headers).json()
            assert UNEXPECTED not in (result["reason"] or ""), result["reason"]
    assert len(seen) > 1, "some are refused, some are taken"
