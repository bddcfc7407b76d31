"""One DICOM file: its facts, and its pixels when asked for."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.multival import MultiValue
from pydicom.pixels import apply_modality_lut, apply_voi_lut, pixel_array

from gliobench.imaging.facts import SeriesError
from gliobench.imaging.scan import FIELDS, NotPlain, scan

# Enhanced CT, MR, MR colour and PET: their geometry lies in functional groups (DICOM PS3.6, annex A)
ENHANCED = {f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("2.1", "4.1", "4.3", "130")}
GREY = ("MONOCHROME1", "MONOCHROME2")
NEEDED = ("Rows", "Columns", "BitsAllocated", "BitsStored", "PixelRepresentation", "PhotometricInterpretation")
FETCH_AGAIN = "fetch the file again or exclude the series"


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
    dtype : numpy.dtype
        Of the voxels: the stored integers', or float32 where a slope, intercept or table changes them.
    load : callable
        Give the pixels, shape (rows, columns).
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
    dtype: np.dtype[Any]
    load: Callable[[], npt.NDArray[Any]]


def read_slice(path: Path, head: bytes, voi_lut: bool = False) -> Slice:
    """
    Read the facts of one image file; its pixels follow with `Slice.load`.

    Plain files (uncompressed, little-endian: the common case) are scanned by `gliobench.imaging.scan`, all others and
    those whose VOI look-up table is wanted are read by pydicom: the same values, some ten times slower.

    Parameters
    ----------
    path : Path
        A DICOM file.
    head : bytes
        Its beginning.
    voi_lut : bool
        Whether the pixels pass through the file's VOI look-up table or window.

    Raises
    ------
    SeriesError
        The file holds no single grey image, or is damaged.
    """
    if not voi_lut:
        try:
            return _plain_slice(path, head)
        except NotPlain:
            pass
    return _any_slice(path, voi_lut)


def _plain_slice(path: Path, head: bytes) -> Slice:
    fields, offset, length = scan(head)
    grey = fields.get("SamplesPerPixel") == 1 and fields.get("PhotometricInterpretation") in GREY
    if not grey or any(fields.get(keyword) is None for keyword in NEEDED) or fields["BitsAllocated"] not in (8, 16, 32):
        raise NotPlain
    stored = _stored_dtype(fields)
    n_pixels = fields["Rows"] * fields["Columns"]
    n_bytes = n_pixels * stored.itemsize
    unused = fields["BitsAllocated"] - fields["BitsStored"]
    if unused < 0 or length != n_bytes + n_bytes % 2 or path.stat().st_size < offset + length:
        raise NotPlain

    def load() -> npt.NDArray[Any]:
        pixels = np.fromfile(path, stored, n_pixels, offset=offset).reshape(fields["Rows"], fields["Columns"])
        if unused:  # may hold anything (DICOM PS3.5, 8.1.1)
            pixels <<= unused
            pixels >>= unused
        return _presented(_rescaled(pixels, fields), fields)

    return _slice(path, fields, stored if _identity(fields) else np.dtype("float32"), load)


def _any_slice(path: Path, voi_lut: bool) -> Slice:
    dataset, fields = _read_dataset(path)
    if "PixelData" not in dataset:
        raise SeriesError(
            f"{path}: it holds no pixel data, so it is no image or was cut short; remove it, or {FETCH_AGAIN}."
        )
    _check_single_grey(path, dataset, fields)
    has_lut = "ModalityLUTSequence" in dataset
    if fields["PhotometricInterpretation"] == "MONOCHROME1" and (has_lut or "VOILUTSequence" in dataset):
        raise SeriesError(f"{path}: MONOCHROME1 with look-up tables is not supported; exclude the series.")

    def load() -> npt.NDArray[Any]:
        try:
            pixels = pixel_array(dataset)
            pixels = apply_modality_lut(pixels, dataset) if has_lut else _rescaled(pixels, fields)
            pixels = apply_voi_lut(pixels, dataset) if voi_lut else pixels
        except Exception as error:  # each of pydicom's decoders raises its own kinds
            raise SeriesError(f"{path}: its pixels cannot be decoded ({_first_line(error)}); {FETCH_AGAIN}.") from error
        return _presented(pixels, fields)

    changed = voi_lut or has_lut or not _identity(fields)
    return _slice(path, fields, np.dtype("float32") if changed else _stored_dtype(fields), load)


def _read_dataset(path: Path) -> tuple[pydicom.Dataset, dict[str, Any]]:
    """Read a file with pydicom, and its fields as `scan` names them, with an entry for each."""
    try:
        dataset = pydicom.dcmread(path)
        fields = {keyword: _value(dataset.get(keyword)) for keyword, _ in FIELDS.values()}
        fields["TransferSyntaxUID"] = str(dataset.file_meta.TransferSyntaxUID)
    except Exception as error:  # pydicom meets damaged files with many kinds
        raise SeriesError(f"{path}: it cannot be read as DICOM ({_first_line(error)}); {FETCH_AGAIN}.") from error
    return dataset, fields


def _check_single_grey(path: Path, dataset: pydicom.Dataset, fields: dict[str, Any]) -> None:
    """Refuse what is no single grey image of known size, or is cut short."""
    if fields["SOPClassUID"] in ENHANCED or (fields["NumberOfFrames"] or 1) > 1:
        raise SeriesError(
            f"{path}: an enhanced or multi-frame object ({fields['NumberOfFrames'] or 1} frames in one file) is not "
            "supported; convert it to one file a slice, or exclude the series."
        )
    missing = [keyword for keyword in NEEDED if fields[keyword] is None]
    if missing:
        raise SeriesError(f"{path}: its header lacks {', '.join(missing)}; {FETCH_AGAIN}.")
    if (fields["SamplesPerPixel"] or 1) != 1 or fields["PhotometricInterpretation"] not in GREY:
        raise SeriesError(f"{path}: a colour image ({fields['PhotometricInterpretation']}) is no MRI slice; remove it.")
    if fields["BitsAllocated"] not in (1, 8, 16, 32, 64):
        raise SeriesError(f"{path}: its header states {fields['BitsAllocated']} bits a pixel; {FETCH_AGAIN}.")
    n_bytes = fields["Rows"] * fields["Columns"] * fields["BitsAllocated"] // 8
    if not dataset.file_meta.TransferSyntaxUID.is_compressed and len(dataset.PixelData) < n_bytes:
        raise SeriesError(
            f"{path}: it is truncated: {len(dataset.PixelData)} of {n_bytes} bytes of pixel data; {FETCH_AGAIN}."
        )


def _slice(path: Path, fields: dict[str, Any], dtype: np.dtype[Any], load: Callable[[], npt.NDArray[Any]]) -> Slice:
    if "MOSAIC" in (fields.get("ImageType") or []):
        raise SeriesError(
            f"{path}: a Siemens mosaic (one file holds many slices as tiles) is not supported; convert it to one file "
            "a slice, or exclude the series."
        )
    stated_spacing = fields.get("SpacingBetweenSlices") or fields.get("SliceThickness")
    return Slice(
        path=path,
        rows=fields["Rows"],
        columns=fields["Columns"],
        orientation=_vectors(fields.get("ImageOrientationPatient")),
        position=_finite(fields.get("ImagePositionPatient"), 3),
        pixel_spacing=_positive(_finite(fields.get("PixelSpacing"), 2)),
        slice_spacing=stated_spacing if stated_spacing and stated_spacing > 0 else None,
        instance_number=fields.get("InstanceNumber"),
        series_uid=fields.get("SeriesInstanceUID"),
        transfer_syntax=fields["TransferSyntaxUID"],
        manufacturer=fields.get("Manufacturer"),
        dtype=dtype,
        load=load,
    )


def _stored_dtype(fields: dict[str, Any]) -> np.dtype[Any]:
    return np.dtype(f"{'i' if fields['PixelRepresentation'] else 'u'}{fields['BitsAllocated'] // 8 or 1}")


def _identity(fields: dict[str, Any]) -> bool:
    return _rescale(fields) == (1, 0)


def _rescale(fields: dict[str, Any]) -> tuple[float, float]:
    return fields.get("RescaleSlope") or 1.0, fields.get("RescaleIntercept") or 0.0


def _rescaled(pixels: npt.NDArray[Any], fields: dict[str, Any]) -> npt.NDArray[Any]:
    if _identity(fields):
        return pixels
    slope, intercept = _rescale(fields)
    return pixels * np.float64(slope) + np.float64(intercept)


def _presented(pixels: npt.NDArray[Any], fields: dict[str, Any]) -> npt.NDArray[Any]:
    """Invert MONOCHROME1, where large values are dark, within the stored range, so that bright is always large."""
    if fields["PhotometricInterpretation"] != "MONOCHROME1":
        return pixels
    both_ends = -1 if fields["PixelRepresentation"] else 2 ** fields["BitsStored"] - 1  # smallest + largest value
    if _identity(fields):
        return both_ends - pixels
    slope, intercept = _rescale(fields)
    return both_ends * slope + 2 * intercept - pixels


def _value(value: Any) -> Any:
    """Turn a value of pydicom into plain Python, None where empty."""
    if isinstance(value, MultiValue):
        return [_value(part) for part in value]
    if value is None or value == "":
        return None
    return next((kind(value) for kind in (int, float) if isinstance(value, kind)), str(value))


def _finite(values: Any, n: int) -> tuple[float, ...] | None:
    if not isinstance(values, list) or len(values) != n or not all(map(math.isfinite, values)):
        return None
    return tuple(values)


def _positive(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    return values if values and min(values) > 0 else None


def _vectors(values: Any) -> tuple[float, ...] | None:
    """Return the six cosines if they are two perpendicular unit vectors (to the rounding that scanners print)."""
    cosines = _finite(values, 6)
    if cosines is None:
        return None
    axes = np.reshape(cosines, (2, 3))
    return cosines if np.abs(axes @ axes.T - np.eye(2)).max() <= 0.01 else None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".:")
