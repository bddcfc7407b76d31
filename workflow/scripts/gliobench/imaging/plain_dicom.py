"""The fast way into a DICOM file: uncompressed, little-endian, one grey image; anything else is left to pydicom."""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

META_START = 132  # after the preamble and the letters DICM
UNDEFINED = 0xFFFFFFFF
TRANSFER_SYNTAX = 0x00020010
PIXEL_DATA = 0x7FE00010
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

# Value representations with a 2-byte and with a 4-byte length (DICOM PS3.5, 7.1.2).
SHORT, LONG = (frozenset(vr.value.encode() for vr in vrs) for vrs in (EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32))

_explicit_head = struct.Struct("<HH2sH").unpack_from
_implicit_head = struct.Struct("<HHI").unpack_from
_long = struct.Struct("<I").unpack_from
Element = tuple[int, int, int]  # tag, where the value starts, its length


class NotPlain(Exception):
    """The file is not one that this module reads."""


class Field(NamedTuple):
    """An element that is read: its keyword, its value representation, and whether it holds several values."""

    keyword: str
    vr: str
    many: bool


KEYWORDS = (
    *("ImageType", "SOPClassUID", "Manufacturer", "SliceThickness", "SpacingBetweenSlices", "SeriesInstanceUID"),
    *("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "SamplesPerPixel"),
    *("PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "PixelSpacing", "BitsAllocated", "BitsStored"),
    *("PixelRepresentation", "WindowCenter", "WindowWidth", "RescaleIntercept", "RescaleSlope", "VOILUTFunction"),
)
FIELDS = {
    int(Tag(keyword)): Field(keyword, dictionary_VR(keyword), dictionary_VM(keyword) != "1") for keyword in KEYWORDS
}
CONVERT: dict[str, Callable[[Any], Any]] = {"UI": str, "CS": str, "LO": str, "DS": float, "IS": int, "US": int}
# Makers of mosaics, and the group, private creator and element that count the slices in one image
PRIVATE_COUNTS = (
    ("Siemens", 0x0019, "SIEMENS MR HEADER", 0x0A),
    ("United Imaging", 0x0065, "Image Private Header", 0x50),
)
LOOKUP_TABLES = {int(Tag(keyword)): keyword for keyword in ("ModalityLUTSequence", "VOILUTSequence")}  # only noted


def read_plain(head: bytes) -> tuple[dict[str, Any], int, int]:
    """
    Find the fields of an uncompressed little-endian file, and the position of its pixel data.

    Parameters
    ----------
    head : bytes
        The file's beginning; it must reach the pixel data, not hold them.

    Returns
    -------
    fields : dict
        Values by DICOM keyword: those of `KEYWORDS` that the file has, and True for those of `LOOKUP_TABLES`;
        ``PrivateCount`` is True where a private element may count slices.
    offset, length : int
        Bytes, of the pixel data in the file, as its header states them.

    Raises
    ------
    NotPlain
        Compressed, big-endian, damaged, or otherwise out of the ordinary.
    """
    try:
        syntax, position = _meta(head)
        if syntax not in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
            raise NotPlain
        return _dataset(head, position, syntax)
    except (struct.error, ValueError) as error:
        raise NotPlain from error


def _meta(head: bytes) -> tuple[str | None, int]:
    """Return the transfer syntax, and where the file's meta information (group 0002) ends."""
    syntax, position = None, META_START
    while head[position : position + 2] == b"\x02\x00":
        tag, start, length = _explicit(head, position)
        position = start + length
        if tag == TRANSFER_SYNTAX:
            syntax = _text(head[start:position])
    return syntax, position


def _dataset(head: bytes, position: int, syntax: str) -> tuple[dict[str, Any], int, int]:
    explicit = syntax == ExplicitVRLittleEndian
    read = _explicit if explicit else _implicit
    fields: dict[str, Any] = {"TransferSyntaxUID": syntax}
    while True:
        tag, start, length = read(head, position)
        if tag == PIXEL_DATA:
            return fields, start, length
        position = start + length if length != UNDEFINED else _after_items(head, start, read)
        if tag in FIELDS:
            field = FIELDS[tag]
            if explicit and head[start - 4 : start - 2] != field.vr.encode():
                raise NotPlain
            fields[field.keyword] = _value(head[start:position], field)
        elif tag in LOOKUP_TABLES:
            fields[LOOKUP_TABLES[tag]] = True
        elif _may_count(tag):
            fields["PrivateCount"] = True


def _value(value: bytes, field: Field) -> Any:
    """Decode a value, None if it is empty."""
    if field.vr == "US":
        return int.from_bytes(value, "little") if value else None
    text, convert = _text(value), CONVERT[field.vr]
    if not text:
        return None
    return [convert(part.strip()) for part in text.split("\\")] if field.many else convert(text)


def _text(value: bytes) -> str:
    """Decode characters of the default repertoire; others need the file's character set."""
    if not value.isascii() or b"\x1b" in value:
        raise NotPlain
    return value.decode().rstrip(" \0")


def _may_count(tag: int) -> bool:
    """Whether a tag may be one of `PRIVATE_COUNTS`, in any of the blocks that a creator may have reserved."""
    group, element = divmod(tag, 0x10000)
    return element > 0xFF and any(group == of and element & 0xFF == low for _, of, _, low in PRIVATE_COUNTS)


def _explicit(head: bytes, position: int) -> Element:
    group, number, vr, length = _explicit_head(head, position)
    if vr in SHORT:
        return group << 16 | number, position + 8, length
    if vr not in LONG:
        raise NotPlain
    (length,) = _long(head, position + 8)
    if vr == b"UN" and length == UNDEFINED:
        raise NotPlain
    return group << 16 | number, position + 12, length


def _implicit(head: bytes, position: int) -> Element:
    group, number, length = _implicit_head(head, position)
    return group << 16 | number, position + 8, length


def _after_items(head: bytes, position: int, read: Callable[[bytes, int], Element]) -> int:
    """Return where a sequence of undefined length ends."""
    while True:
        tag, start, length = _implicit(head, position)  # items have no VR in any transfer syntax
        if tag == SEQUENCE_END:
            return start
        if tag != ITEM:
            raise NotPlain
        position = start + length if length != UNDEFINED else _after_item(head, start, read)


def _after_item(head: bytes, position: int, read: Callable[[bytes, int], Element]) -> int:
    """Return where an item of undefined length ends."""
    while _implicit(head, position)[0] != ITEM_END:
        _, start, length = read(head, position)
        position = start + length if length != UNDEFINED else _after_items(head, start, read)
    return position + 8
