"""From the files of an upload to the folder of one patient, as `predict` reads it; what cannot be one is refused."""

import gzip
import io
import math
import re
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pydicom
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian

from gliobench.cohorts.find import Found, find_series, read_head
from gliobench.cohorts.names import NIFTI
from gliobench.cohorts.unpack import DAMAGED, MemberError, RoomError, unpack
from gliobench.errors import GlioBenchError
from gliobench.imaging.dicom_slice import GZIPPED
from gliobench.predict.patient import series_of_run
from gliobench.terms import ALL_SERIES, SEGMENTATION
from gliobench_service.errors import DISK_FULL, Refused
from gliobench_service.receive import Part
from gliobench_service.settings import Settings

PATIENT = "uploaded"  # the patient's id: the name on the user's machine may be a person's
ZIPPED = b"PK"
MEMBER = 1000  # bytes, more than a member takes in an archive's list of them
UNSAFE, LONGEST_STEM = re.compile("[^A-Za-z0-9_-]"), 100  # of the name of a file, which a user's machine chose
NIFTI_HEAD = 540  # bytes of the longer kind
LONGEST_EXTENSION = 2**20  # bytes between header and voxels
TAGS = ["SeriesInstanceUID", "PatientID", "Rows", "Columns"]
SIDE = 4096  # pixels of the side of a slice
VOXELS = 2**28  # of a series


@dataclass(frozen=True)
class File:
    """A file of an upload: where it lies, and the modality that its field or path names."""

    path: Path
    name: PurePosixPath
    named: str | None


@dataclass
class Contents:
    """What an upload holds so far: the limits are of all its files and archives together."""

    settings: Settings
    n_files: int = 0
    n_bytes: int = 0

    def add(self, n_files: int, n_bytes: int) -> None:
        """Count files, before an archive of them is unpacked; refuse those that pass a limit."""
        self.n_files += n_files
        self.n_bytes += n_bytes
        if self.n_files > self.settings.files:
            raise self.too_many()
        if self.n_bytes > self.settings.unpacked_bytes:
            most = self.settings.unpacked_bytes / 1e6
            raise Refused(413, f"The upload holds more than {most:.0f} MB: send one patient's series.")

    def too_many(self) -> Refused:
        """Return the refusal of too many files."""
        return Refused(413, f"The upload holds more than {self.settings.files} files: send one patient's series.")


def arrange(parts: Sequence[Part], home: Path, record: dict[str, Any], settings: Settings) -> int:
    """
    Make the folder of a patient from the files of an upload.

    Parameters
    ----------
    parts : sequence of Part
        The files.
    home : Path
        Folder of the job: the patient's folder is made in it.
    record : dict
        ``run.json`` of the run.
    settings : Settings
        Limits.

    Returns
    -------
    int
        Number of image files.

    Raises
    ------
    Refused
        There is no image, more than one patient, two series of a modality that the run needs, a series that it needs is
        missing, or an archive or a file is damaged or larger than allowed.
    """
    contents = Contents(settings)
    files = [file for part in parts for file in _files_of(part, home, contents)]
    staged = home / "staged" / PATIENT
    named, n_images = _stage(files, staged)
    if not n_images:
        raise Refused(415, "None of the files is DICOM or NIfTI: send a patient's series, as a zip or as files.")
    chosen = _choose(find_series(staged.parent), named, series_of_run(record), record["input"]["kind"] == "slices")
    patient = home / "patient" / PATIENT
    patient.mkdir(parents=True)
    for modality, path in chosen.items():
        suffix = "" if path.is_dir() else next(end for end in NIFTI if path.name.endswith(end))
        path.rename(patient / f"{modality}{suffix}")
    for name in ("staged", "unpacked", "received"):
        shutil.rmtree(home / name, ignore_errors=True)
    return n_images


def _files_of(part: Part, home: Path, contents: Contents) -> Iterator[File]:
    """Return the files of a part: its own, or those of the archive that it is; but hidden ones, which systems add."""
    name = PurePosixPath(part.name.replace("\\", "/"))
    if name.name.startswith("."):
        return
    with part.path.open("rb") as file:
        head = file.read(4)
    if not head:
        raise Refused(422, "A file is empty: send it again.")
    said = _modality(part.field)
    if head[:2] != ZIPPED and not part.name.lower().endswith(".zip"):
        contents.add(1, part.path.stat().st_size)
        yield File(part.path, name, said or _named(name))
        return
    folder = home / "unpacked" / part.path.name
    _unpack(part.path, folder, contents)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            member = PurePosixPath(path.relative_to(folder).as_posix())
            yield File(path, member, said or _named(member) or _modality(name.stem))


def _unpack(archive: Path, folder: Path, contents: Contents) -> None:
    try:
        with (
            _Limited(archive, MEMBER * contents.settings.files, contents.too_many()) as limited,
            zipfile.ZipFile(limited) as file,
        ):
            members = file.infolist()
    except DAMAGED:
        raise Refused(400, "The archive is damaged or not a zip file: make it again.") from None
    contents.add(len(members), sum(member.file_size for member in members))
    try:
        unpack(archive, folder, ("",))
    except MemberError as error:
        raise Refused(400, f"A member of the archive {error.problem}: make the archive again.") from None
    except RoomError:
        raise Refused(507, DISK_FULL) from None
    except GlioBenchError:
        raise Refused(400, "The archive is damaged and cannot be unpacked: make it again.") from None


class _Limited(io.FileIO):
    """A file that refuses to read much at once: `zipfile` reads the whole list of members, before it can be counted."""

    def __init__(self, path: Path, most: int, refusal: Refused):
        super().__init__(path)
        self.most, self.refusal = most, refusal

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.most:
            raise self.refusal
        return super().read(size)


def _modality(text: str) -> str | None:
    return next((name for name in ALL_SERIES if name.lower() == text.lower()), None)


def _named(name: PurePosixPath) -> str | None:
    """Return the modality that a path names as docs/predict.md has it: FLAIR/..., or T1w.nii.gz."""
    stem = next((name.name[: -len(end)] for end in NIFTI if name.name.lower().endswith(end)), "")
    return next(filter(None, map(_modality, [stem, *reversed(name.parts[:-1])])), None)


def _stage(files: Sequence[File], folder: Path) -> tuple[dict[Path, str | None], int]:
    """Put each series into a folder of its own; return the modality that the user named, by folder, and the images."""
    named: dict[Path, str | None] = {}
    series: dict[tuple[str | None, str], Path] = {}
    voxels: dict[Path, int] = defaultdict(int)
    patients = set()
    n_images = 0
    for file in files:
        suffix = next((end for end in NIFTI if file.name.name.lower().endswith(end)), None)
        if suffix:
            _check_nifti(file.path)
        head = None if suffix else _header(file.path)
        if suffix is None and head is None:
            continue
        n_images += 1
        key = (file.named, str(n_images) if head is None else str(head.get("SeriesInstanceUID")))
        place = series.setdefault(key, folder / f"{len(series):04}")
        place.mkdir(parents=True, exist_ok=True)
        named[place] = file.named
        if head is None:
            # The name is needed to tell the modality of a NIfTI file, which states none.
            stem = UNSAFE.sub("-", file.name.name[: -len(str(suffix))])[:LONGEST_STEM]
            file.path.rename(place / f"{file.named or stem}{suffix}")
        else:
            patients.add(str(head.get("PatientID") or ""))
            voxels[place] += _pixels(head)
            file.path.rename(place / f"{n_images:06}.dcm")
    if len(patients - {""}) > 1:
        raise Refused(422, f"The upload holds images of {len(patients - {''})} patients: send one patient at a time.")
    if max(voxels.values(), default=0) > VOXELS:
        raise Refused(413, f"A series has more than {VOXELS / 1e6:.0f} million pixels: it is no MRI series of a head.")
    return named, n_images


def _header(path: Path) -> pydicom.Dataset | None:
    """Return the header of a DICOM file, None of any other."""
    try:
        # A deflated file is unpacked as a whole before anything of it can be checked.
        deflated = read_file_meta_info(path).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
        head = None if deflated else read_head(path, TAGS)
    except InvalidDicomError:
        return None
    except Exception:  # damaged headers raise many types
        raise Refused(422, "A DICOM file is damaged: its header cannot be read; export it again.") from None
    if deflated:
        raise Refused(415, "A DICOM file is deflated, which is not accepted: export it uncompressed.")
    return head


def _check_nifti(path: Path) -> None:
    """Refuse a NIfTI file by what its header states, before anything else of it is unpacked."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == GZIPPED
        with gzip.open(path) if zipped else path.open("rb") as file:
            start = file.read(NIFTI_HEAD)
        kind = Nifti2Header if start[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else Nifti1Header
        header = kind(start[: kind.template_dtype.itemsize])
        shape, offset = header.get_data_shape(), int(header["vox_offset"])
    except Exception:  # damaged headers raise many types
        raise Refused(422, "A NIfTI file is damaged: its header cannot be read; export it again.") from None
    if math.prod(shape) > VOXELS or offset > LONGEST_EXTENSION:
        most = VOXELS / 1e6
        raise Refused(413, f"A NIfTI file states more than {most:.0f} million voxels: it is no MRI series of a head.")


def _pixels(head: pydicom.Dataset) -> int:
    try:
        rows, columns = int(head.get("Rows") or 0), int(head.get("Columns") or 0)
    except (TypeError, ValueError):
        raise Refused(422, "A DICOM file is damaged: its size is not a number; export it again.") from None
    if max(rows, columns) > SIDE:
        raise Refused(413, f"A slice has {rows} x {columns} pixels; at most {SIDE} x {SIDE} are accepted.")
    return rows * columns


def _choose(
    found: Sequence[Found], named: dict[Path, str | None], needed: Sequence[str], some_are_enough: bool
) -> dict[str, Path]:
    """Return the series that the run reads, by modality; with a segmentation those on whose grid it may be, too."""
    by_modality: dict[str, list[Path]] = defaultdict(list)
    untold = []
    for each in found:
        folder = each.path if each.path.is_dir() else each.path.parent
        modality = named.get(folder) or each.modality
        if modality is None:
            untold.append(each.why)
        else:
            by_modality[modality].append(each.path)
    for modality in needed:
        if len(by_modality[modality]) > 1:
            raise Refused(
                422,
                f"The upload holds {len(by_modality[modality])} series that look like {modality}: send one patient, "
                "and one series of each modality.",
            )
    missing = [modality for modality in needed if not by_modality[modality]]
    if missing and not (some_are_enough and len(missing) < len(needed)):
        why = f" {len(untold)} other series could not be told; of the first, {untold[0]}." if untold else ""
        raise Refused(422, f"The model reads {', '.join(needed)}; the upload lacks {', '.join(missing)}.{why}")
    # Of a modality that the run does not need, the first series will do: nobody is asked to sort those out.
    passed_on = ALL_SERIES if SEGMENTATION in needed else needed
    return {modality: by_modality[modality][0] for modality in passed_on if by_modality[modality]}
