"""The fast way into a DICOM file: uncompressed, little-endian, one grey image; anything else is pydicom's work."""

import struct
from collections.abc import Callable
from typing import Any

META_START = 132  # after the preamble and the letters DICM
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
UNDEFINED = 0xFFFFFFFF
TRANSFER_SYNTAX = 0x00020010
MODALITY_LUT = 0x00283000
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
    """The file is none that this module reads."""


def _text(value: bytes) -> str | None:
    """Decode characters of the default repertoire; others need the file's character set."""
    if not value.isascii():
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


FIELDS: dict[int, tuple[str, Callable[[bytes], Any]]] = {
    0x00080008: ("ImageType", _texts),
    0x00080016: ("SOPClassUID", _text),
    0x00080070: ("Manufacturer", _text),
    0x00180050: ("SliceThickness", _number),
    0x00180088: ("SpacingBetweenSlices", _number),
    0x0020000E: ("SeriesInstanceUID", _text),
    0x00200013: ("InstanceNumber", _integer),
    0x00200032: ("ImagePositionPatient", _numbers),
    0x00200037: ("ImageOrientationPatient", _numbers),
    0x00280002: ("SamplesPerPixel", _short),
    0x00280004: ("PhotometricInterpretation", _text),
    0x00280008: ("NumberOfFrames", _integer),
    0x00280010: ("Rows", _short),
    0x00280011: ("Columns", _short),
    0x00280030: ("PixelSpacing", _numbers),
    0x00280100: ("BitsAllocated", _short),
    0x00280101: ("BitsStored", _short),
    0x00280103: ("PixelRepresentation", _short),
    0x00281052: ("RescaleIntercept", _number),
    0x00281053: ("RescaleSlope", _number),
}


def scan(head: bytes) -> tuple[dict[str, Any], int, int]:
    """
    Find the fields of an uncompressed little-endian file, and where its pixel data lie.

    Parameters
    ----------
    head : bytes
        The file's beginning; it must reach the pixel data, not hold them.

    Returns
    -------
    fields : dict
        Values by DICOM keyword, those of `FIELDS` that the file has.
    offset, length : int
        Bytes, of the pixel data in the file, as its header states them.

    Raises
    ------
    NotPlain
        Compressed, big-endian, with a modality look-up table, damaged, or otherwise out of the ordinary.
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
        if tag == MODALITY_LUT:
            raise NotPlain
        position = _after(head, start, length, read)
        if tag in FIELDS:
            keyword, decode = FIELDS[tag]
            fields[keyword] = decode(head[start:position])


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


def _after(head: bytes, start: int, length: int, read: Callable[[bytes, int], Element]) -> int:
    """Return where the next element begins; a sequence of undefined length is walked to its end."""
    if length != UNDEFINED:
        return start + length
    while True:
        tag, start, length = _implicit(head, start)  # items have no VR in any transfer syntax
        if tag == SEQUENCE_END:
            return start
        if tag != ITEM:
            raise NotPlain
        start = _after_item(head, start, read) if length == UNDEFINED else start + length


def _after_item(head: bytes, position: int, read: Callable[[bytes, int], Element]) -> int:
    while _implicit(head, position)[0] != ITEM_END:
        _, start, length = read(head, position)
        position = _after(head, start, length, read)
    return position + 8
