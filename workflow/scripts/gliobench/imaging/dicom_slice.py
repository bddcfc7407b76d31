"""One DICOM file: its facts, and its pixels when asked for."""

import gzip
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom import uid
from pydicom.multival import MultiValue
from pydicom.pixels import apply_modality_lut, pixel_array
from pydicom.pixels.common import PhotometricInterpretation

from gliobench.imaging.facts import SeriesError
from gliobench.imaging.plain_dicom import CONVERT, FIELDS, LOOKUP_TABLES, PRIVATE_COUNTS, Field, NotPlain, read_plain
from gliobench.imaging.presentation import (
    FETCH_AGAIN,
    INVERTED_TABLE,
    Presentation,
    looked_up,
    presentation,
    refused,
)

# Their geometry lies in functional groups (DICOM PS3.6, annex A)
ENHANCED = (
    *(uid.EnhancedCTImageStorage, uid.EnhancedMRImageStorage),
    *(uid.EnhancedMRColorImageStorage, uid.EnhancedPETImageStorage),
)
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOURS = {str(each.value) for each in PhotometricInterpretation} - set(GREY)
# Manufacturers of MR scanners, as named by one word of the header's text. The text itself may contain anything, such as
# the name of a hospital or patient, and is never passed on.
VENDORS = (
    *("SIEMENS", "GE", "PHILIPS", "CANON", "TOSHIBA", "HITACHI", "FUJIFILM", "UIH", "BRUKER", "ESAOTE", "HYPERFINE"),
    *("MARCONI", "PICKER", "NEUSOFT", "MINDRAY", "AGILENT", "VARIAN"),
)
OTHER_VENDOR = "other"
NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "PhotometricInterpretation")
PLAIN = {
    "SamplesPerPixel": (1,),
    "PhotometricInterpretation": GREY,
    "Rows": range(1, 2**16),
    "Columns": range(1, 2**16),
    "BitsAllocated": (8, 16, 32),
    "BitsStored": range(1, 33),
    "PixelRepresentation": (0, 1),
}
GEOMETRY = {  # what positions a slice in the patient, and its header element
    "spacing": "PixelSpacing",
    "position": "ImagePositionPatient",
    "orientation": "ImageOrientationPatient",
}
TILED = {"MOSAIC": "Siemens", "VFRAME": "United Imaging"}  # what ImageType says of images whose tiles are slices
GZIPPED = b"\x1f\x8b"


@dataclass(frozen=True)
class Slice:
    """
    One image file.

    Attributes
    ----------
    orientation : tuple of 6 floats, or None
        Unit vectors along which the column index and the row index grow (LPS+).
    position : tuple of 3 floats, or None
        Centre of the first pixel, mm (LPS+).
    pixel_spacing : tuple of 2 floats, or None
        Distance of rows, of columns, mm.
    slice_spacing : float or None
        Distance to the next slice as the header states it, else the slice thickness, mm.
    stated : dict of str to str
        For each of `GEOMETRY`: ``stated``, ``not stated``, or ``invalid`` if it is impossible.
    dtype : numpy.dtype
        Of the pixels: the stored integers', or float32 where a modality look-up table changes them.
    load : callable
        Write the pixels to an array of shape (rows, columns) and a type that holds `dtype`, and return their
        `Presentation`.
    """

    path: Path
    rows: int
    columns: int
    orientation: tuple[float, ...] | None
    position: tuple[float, ...] | None
    pixel_spacing: tuple[float, ...] | None
    slice_spacing: float | None
    instance_number: int | None
    series_uid: str | None
    transfer_syntax: str | None
    manufacturer: str | None
    stated: dict[str, str]
    dtype: np.dtype[Any]
    load: Callable[[npt.NDArray[Any]], Presentation]


def read_slice(path: Path, head: bytes) -> Slice:
    """
    Read the facts of one image file; its pixels follow with `Slice.load`.

    Plain files (uncompressed, little-endian, no look-up table: the common case) are scanned by
    `gliobench.imaging.plain_dicom`, all others are read by pydicom: the same values, several times slower.

    Parameters
    ----------
    path : Path
        A DICOM file.
    head : bytes
        Its beginning; empty for files that only pydicom can read: gzipped ones and those without a preamble.

    Raises
    ------
    SeriesError
        The file is not a single grey image, or is damaged.
    """
    try:
        return _plain_slice(path, head)
    except NotPlain:
        return _any_slice(path)


def _plain_slice(path: Path, head: bytes) -> Slice:
    fields, offset, length = read_plain(head)
    if "PrivateCount" in fields or _is_enhanced(fields):
        raise NotPlain
    if set(LOOKUP_TABLES.values()) & fields.keys() or any(
        fields.get(keyword) not in allowed for keyword, allowed in PLAIN.items()
    ):
        raise NotPlain
    stored = _stored_dtype(fields)
    n_pixels = fields["Rows"] * fields["Columns"]
    n_bytes = n_pixels * stored.itemsize
    unused = fields["BitsAllocated"] - fields["BitsStored"]
    if (
        not 0 <= unused < fields["BitsAllocated"]
        or length != n_bytes + n_bytes % 2
        or path.stat().st_size < offset + length
    ):
        raise NotPlain

    def load(target: npt.NDArray[Any]) -> Presentation:
        pixels = target if target.dtype == stored else np.empty(target.shape, stored)
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            if file.readinto(pixels.data) != n_bytes:
                raise SeriesError(f"{path}: it changed while it was read; {FETCH_AGAIN}.")
        if unused:  # may hold anything (DICOM PS3.5, 8.1.1)
            pixels <<= unused
            pixels >>= unused
        if pixels is not target:
            target[...] = pixels
        return presentation(path, fields)

    return _slice(path, fields, stored, load)


def _any_slice(path: Path) -> Slice:
    dataset, fields = _read_dataset(path)
    if fields["bytes"] is None:
        raise SeriesError(f"{path}: {_what_it_is(fields['SOPClassUID'])}.")
    _check_single_grey(path, fields)
    if fields["tiled_by"]:
        raise _tile_sheet(path, fields["tiled_by"])
    has_lut = "ModalityLUTSequence" in dataset
    if has_lut:  # it replaces slope and intercept
        fields["RescaleSlope"] = fields["RescaleIntercept"] = None
    if fields["PhotometricInterpretation"] == "MONOCHROME1" and has_lut:
        raise SeriesError(f"{path}: {INVERTED_TABLE}")

    def load(target: npt.NDArray[Any]) -> Presentation:
        with refused(path, f"its pixels cannot be decoded ({uid.UID(fields['TransferSyntaxUID']).name})"):
            pixels = pixel_array(dataset)
            pixels = apply_modality_lut(pixels, dataset) if has_lut else pixels
        _store(path, pixels, target)
        shown = presentation(path, fields)
        return looked_up(shown, pixels, dataset) if has_lut or "VOILUTSequence" in dataset else shown

    return _slice(path, fields, np.dtype("float32") if has_lut else _stored_dtype(fields), load)


def _store(path: Path, pixels: npt.NDArray[Any], target: npt.NDArray[Any]) -> None:
    """Write pixels to their array, without losing digits except to float32."""
    casting: Literal["same_kind", "safe"] = "same_kind" if target.dtype.kind == "f" else "safe"
    if pixels.shape != target.shape or not np.can_cast(pixels.dtype, target.dtype, casting):
        raise SeriesError(
            f"{path}: it decodes to {pixels.dtype} {pixels.shape}, but its header states {target.dtype} "
            f"{target.shape}; exclude the series."
        )
    np.copyto(target, pixels, casting=casting)


def _what_it_is(sop_class: str | None) -> str:
    """Say what a file without pixels is, and what to do with it."""
    name = uid.UID(sop_class or "").name
    if "Image Storage" in name:
        return f"it holds no pixel data, so it is truncated; {FETCH_AGAIN}"
    kind = name.removesuffix(" Storage") if name != sop_class else "of an unknown kind"
    return f"it is not an image but an object without pixels ({kind or 'of an unknown kind'}); remove it"


def _tile_sheet(path: Path, maker: str) -> SeriesError:
    return SeriesError(
        f"{path}: a {maker} mosaic (one file holds many slices as tiles) is not supported; convert it to one file per "
        "slice, or exclude the series."
    )


def _read_dataset(path: Path) -> tuple[pydicom.Dataset, dict[str, Any]]:
    """Read a file with pydicom, and its fields as `read_plain` does: an entry for each, and `bytes` of pixel data."""
    with refused(path, "it cannot be read as DICOM: it is damaged or states no known transfer syntax"):
        with opened(path) as file:
            dataset = pydicom.dcmread(file, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta and not dataset.preamble:
            dataset.file_meta.TransferSyntaxUID = _guessed_syntax(dataset)
        syntax = dataset.file_meta.TransferSyntaxUID
        if not syntax.is_transfer_syntax:
            raise ValueError("unknown transfer syntax")
        fields = {field.keyword: _value(dataset.get(field.keyword), field) for field in FIELDS.values()}
        fields["TransferSyntaxUID"] = str(syntax)
        fields["bytes"] = len(dataset.PixelData) if "PixelData" in dataset else None
        fields["tiled_by"] = _tiled_by(dataset)
    return dataset, fields


def opened(path: Path) -> BinaryIO:
    """Open a file, or its content if it is gzipped."""
    with path.open("rb") as file:
        zipped = file.read(2) == GZIPPED
    return cast(BinaryIO, gzip.open(path)) if zipped else path.open("rb")


def _guessed_syntax(dataset: pydicom.Dataset) -> uid.UID:
    """Return the transfer syntax of a file that names none: uncompressed, as detected by pydicom."""
    implicit, little = dataset.original_encoding
    explicit = uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
    return uid.ImplicitVRLittleEndian if implicit else explicit


def _tiled_by(dataset: pydicom.Dataset) -> str | None:
    """Return the manufacturer with a private element for several slices in one image."""
    for maker, group, creator, element in PRIVATE_COUNTS:
        try:
            if int(dataset.private_block(group, creator)[element].value) > 1:
                return maker
        except (KeyError, ValueError, TypeError):
            continue
    return None


def _is_enhanced(fields: dict[str, Any]) -> bool:
    """Whether geometry and rescaling may lie in functional groups, or the file holds several images."""
    return fields.get("SOPClassUID") in ENHANCED or (fields.get("NumberOfFrames") or 1) > 1


def _check_single_grey(path: Path, fields: dict[str, Any]) -> None:
    """Refuse anything but a single, complete grey image of known size."""
    if _is_enhanced(fields):
        raise SeriesError(
            f"{path}: an enhanced or multi-frame object ({fields['NumberOfFrames'] or 1} frames in one file) is not "
            "supported; convert it to one file per slice, or exclude the series."
        )
    missing = [keyword for keyword in NEEDED if fields[keyword] is None]
    if missing:
        raise SeriesError(f"{path}: its header lacks {', '.join(missing)}; {FETCH_AGAIN}.")
    if (fields["SamplesPerPixel"] or 1) != 1 or fields["PhotometricInterpretation"] not in GREY:
        stated = fields["PhotometricInterpretation"]
        kind = f"a colour image ({stated})" if stated in COLOURS else "an image that is not grey"
        raise SeriesError(f"{path}: {kind} is not an MRI slice; remove it.")
    if fields["BitsAllocated"] not in (1, 8, 16, 32, 64):
        raise SeriesError(f"{path}: its header states {fields['BitsAllocated']} bits per pixel; {FETCH_AGAIN}.")
    n_bytes = fields["Rows"] * fields["Columns"] * fields["BitsAllocated"] // 8
    if not uid.UID(fields["TransferSyntaxUID"]).is_compressed and fields["bytes"] < n_bytes:
        raise SeriesError(
            f"{path}: it is truncated: {fields['bytes']} of {n_bytes} bytes of pixel data; {FETCH_AGAIN}."
        )


def _slice(
    path: Path, fields: dict[str, Any], dtype: np.dtype[Any], load: Callable[[npt.NDArray[Any]], Presentation]
) -> Slice:
    tiled = [maker for word, maker in TILED.items() if word in (fields.get("ImageType") or [])]
    if tiled:
        raise _tile_sheet(path, tiled[0])
    geometry = {
        "spacing": _positive(_finite(fields.get("PixelSpacing"), 2)),
        "position": _finite(fields.get("ImagePositionPatient"), 3),
        "orientation": _unit_vectors(_finite(fields.get("ImageOrientationPatient"), 6)),
    }
    silent = {name: "invalid" if fields.get(GEOMETRY[name]) else "not stated" for name in GEOMETRY}
    stated_spacing = fields.get("SpacingBetweenSlices") or fields.get("SliceThickness")
    return Slice(
        path=path,
        rows=fields["Rows"],
        columns=fields["Columns"],
        orientation=geometry["orientation"],
        position=geometry["position"],
        pixel_spacing=geometry["spacing"],
        slice_spacing=stated_spacing if stated_spacing and stated_spacing > 0 else None,
        instance_number=fields.get("InstanceNumber"),
        series_uid=fields.get("SeriesInstanceUID"),
        transfer_syntax=fields["TransferSyntaxUID"],
        manufacturer=_vendor(fields.get("Manufacturer")),
        stated={name: "stated" if found else silent[name] for name, found in geometry.items()},
        dtype=dtype,
        load=load,
    )


def _stored_dtype(fields: dict[str, Any]) -> np.dtype[Any]:
    return np.dtype(f"{'i' if fields['PixelRepresentation'] else 'u'}{fields['BitsAllocated'] // 8 or 1}")


def _value(value: Any, field: Field) -> Any:
    """Turn a value of pydicom into plain Python, None where empty."""
    if value is None or value == "" or value == []:
        return None
    if field.many:
        parts = value if isinstance(value, MultiValue) else [value]
        return [_value(part, field._replace(many=False)) for part in parts]
    return CONVERT[field.vr](value)


def _finite(values: Any, n: int) -> tuple[float, ...] | None:
    if not isinstance(values, list) or len(values) != n or not all(map(math.isfinite, values)):
        return None
    return tuple(values)


def _positive(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    return values if values and min(values) > 0 else None


@lru_cache  # the slices of a series share theirs
def _unit_vectors(cosines: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Return the six cosines if they are two perpendicular unit vectors (to the rounding that scanners print)."""
    if cosines is None:
        return None
    axes = np.reshape(cosines, (2, 3))
    return cosines if np.abs(axes @ axes.T - np.eye(2)).max() <= 0.01 else None


def _vendor(stated: str | None) -> str | None:
    """Return the manufacturer, one of `VENDORS` or `OTHER_VENDOR`, None if the header does not state it."""
    if not stated:
        return None
    words = re.findall(r"[A-Z]+", stated.upper())
    return next((name for name in VENDORS if name in words), OTHER_VENDOR)
