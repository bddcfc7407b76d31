"""The fast way into a DICOM file: uncompressed, little-endian, one grey image; anything else is left to pydicom."""

import struct
from collections.abc import Callable
from typing import Any

META_START = 132  # after the preamble and the letters DICM
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
UNDEFINED = 0xFFFFFFFF
TRANSFER_SYNTAX = 0x00020010
PIXEL_DATA = 0x7FE00010
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

# Value representations with a 2-byte and with a 4-byte length (DICOM PS3.5, 7.1.2).
SHORT_VRS = b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US"
LONG_VRS = b"OB OD OF OL OV OW SQ SV UC UN UR UT UV"
SHORT, LONG = frozenset(SHORT_VRS.split()), frozenset(LONG_VRS.split())

_explicit_head = struct.Struct("<HH2sH").unpack_from
_implicit_head = struct.Struct("<HHI").unpack_from
_long = struct.Struct("<I").unpack_from
Element = tuple[int, int, int]  # tag, where the value starts, its length


class NotPlain(Exception):
    """The file is not one that this module reads."""


def _text(value: bytes) -> str | None:
    """Decode characters of the default repertoire; others need the file's character set."""
    if not value.isascii() or b"\x1b" in value:
        raise NotPlain
    return value.decode().rstrip(" \0") or None


def _texts(value: bytes) -> list[str]:
    return [part.strip() for part in (_text(value) or "").split("\\")]


def _numbers(value: bytes) -> list[float] | None:
    text = value.strip(b" \0")
    return [float(part) for part in text.split(b"\\")] if text else None


def _number(value: bytes) -> float | None:
    text = value.strip(b" \0")
    return float(text) if text else None


def _integer(value: bytes) -> int | None:
    text = value.strip(b" \0")
    return int(text) if text else None


def _short(value: bytes) -> int | None:
    return int.from_bytes(value, "little") if value else None


# What is read of a header: the keyword, and the kind of its value.
FIELDS: dict[int, tuple[str, str]] = {
    0x00080008: ("ImageType", "texts"),
    0x00080016: ("SOPClassUID", "text"),
    0x00080070: ("Manufacturer", "text"),
    0x00180050: ("SliceThickness", "number"),
    0x00180088: ("SpacingBetweenSlices", "number"),
    0x0020000E: ("SeriesInstanceUID", "text"),
    0x00200013: ("InstanceNumber", "integer"),
    0x00200032: ("ImagePositionPatient", "numbers"),
    0x00200037: ("ImageOrientationPatient", "numbers"),
    0x00280002: ("SamplesPerPixel", "short"),
    0x00280004: ("PhotometricInterpretation", "text"),
    0x00280008: ("NumberOfFrames", "integer"),
    0x00280010: ("Rows", "short"),
    0x00280011: ("Columns", "short"),
    0x00280030: ("PixelSpacing", "numbers"),
    0x00280100: ("BitsAllocated", "short"),
    0x00280101: ("BitsStored", "short"),
    0x00280103: ("PixelRepresentation", "short"),
    0x00281050: ("WindowCenter", "numbers"),
    0x00281051: ("WindowWidth", "numbers"),
    0x00281052: ("RescaleIntercept", "number"),
    0x00281053: ("RescaleSlope", "number"),
    0x00281056: ("VOILUTFunction", "text"),
}
# Makers of mosaics, and the group, private creator and element that count the slices in one image
PRIVATE_COUNTS = (
    ("Siemens", 0x0019, "SIEMENS MR HEADER", 0x0A),
    ("United Imaging", 0x0065, "Image Private Header", 0x50),
)
TABLES = {0x00283000: "ModalityLUTSequence", 0x00283010: "VOILUTSequence"}  # only whether they are there
VRS = {
    "text": (b"UI", b"CS", b"LO"),
    "texts": (b"CS",),
    "number": (b"DS",),
    "numbers": (b"DS",),
    "integer": (b"IS",),
    "short": (b"US",),
}
DECODERS: dict[str, Callable[[bytes], Any]] = {
    "text": _text,
    "texts": _texts,
    "number": _number,
    "numbers": _numbers,
    "integer": _integer,
    "short": _short,
}


def scan(head: bytes) -> tuple[dict[str, Any], int, int]:
    """
    Find the fields of an uncompressed little-endian file, and the position of its pixel data.

    Parameters
    ----------
    head : bytes
        The file's beginning; it must reach the pixel data, not hold them.

    Returns
    -------
    fields : dict
        Values by DICOM keyword: those of `FIELDS` that the file has, and True for those of `TABLES`; ``PrivateCount``
        is True where a private element may count slices.
    offset, length : int
        Bytes, of the pixel data in the file, as its header states them.

    Raises
    ------
    NotPlain
        Compressed, big-endian, damaged, or otherwise out of the ordinary.
    """
    try:
        syntax, position = _meta(head)
        if syntax not in (EXPLICIT, IMPLICIT):
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
    read = _explicit if syntax == EXPLICIT else _implicit
    fields: dict[str, Any] = {"TransferSyntaxUID": syntax}
    while True:
        tag, start, length = read(head, position)
        if tag == PIXEL_DATA:
            return fields, start, length
        position = start + length if length != UNDEFINED else _after_items(head, start, read)
        if tag in FIELDS:
            keyword, kind = FIELDS[tag]
            if syntax == EXPLICIT and head[start - 4 : start - 2] not in VRS[kind]:
                raise NotPlain
            fields[keyword] = DECODERS[kind](head[start:position])
        elif tag in TABLES:
            fields[TABLES[tag]] = True
        elif _may_count(tag):
            fields["PrivateCount"] = True


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
