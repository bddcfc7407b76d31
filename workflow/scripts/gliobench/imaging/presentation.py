"""Conversion of the stored pixels of a DICOM slice to values: rescaled, inverted, and windowed on request."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.pixels import apply_voi_lut

from gliobench.imaging.facts import SeriesError

WINDOW = (
    "PhotometricInterpretation",
    "BitsStored",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
)
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")  # of a window (DICOM PS3.3, C.11.2.1.3)
FETCH_AGAIN = "fetch the file again or exclude the series"
INVERTED_TABLE = "MONOCHROME1 with look-up tables is not supported; exclude the series."
MOST_VALUES = 2**16  # that a look-up table tells apart (DICOM PS3.3, C.11.2.1.1)
BLOCK = 2**12  # stored values: windows are evaluated for whole blocks of them, so that slices share the result
Fields = tuple[tuple[str, Any], ...]  # of a header, so that a cache can tell them apart
NO_WINDOW = "its window or VOI look-up table cannot be applied"


@dataclass(frozen=True)
class Presentation:
    """
    The conversion of the stored pixels of one slice to values.

    Attributes
    ----------
    path : str
        The file, for messages.
    fields : mapping
        From its header, by keyword: those of `WINDOW` that it has.
    looked_up : tuple of int and list of float, optional
        The look-up table of the file for the stored values, from the first on, instead of a window.
    refused : str, optional
        Why the table cannot be used.
    """

    path: str
    fields: Mapping[str, Any]
    looked_up: tuple[int, list[float]] | None = None
    refused: str | None = None

    @property
    def as_stored(self) -> bool:
        """Whether the values are the stored pixels."""
        return _identity(self.fields) and not self._inverted

    @property
    def rescales(self) -> bool:
        """Whether slope and intercept change the pixels."""
        return not _identity(self.fields)

    @property
    def _inverted(self) -> bool:
        return bool(self.fields["PhotometricInterpretation"] == "MONOCHROME1")

    def values(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the values of stored pixels: rescaled; MONOCHROME1 inverted, so that bright is always large."""
        return self._upright(_rescaled(pixels, self.fields))

    def windowed(self, pixels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """
        Return the values after the VOI look-up table or window, float32.

        Raises
        ------
        SeriesError
            It cannot be applied.
        """
        if self.refused:
            raise SeriesError(self.refused)
        return self._upright(self._through_window(pixels)).astype(np.float32)

    def _through_window(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Rescale, and apply the table or the window, once for each value that can occur."""
        low, high = int(pixels.min()), int(pixels.max())
        if self.looked_up:
            low, table = self.looked_up
            return np.array(table, np.float32)[pixels.astype(np.int64) - low]  # float32 after a modality table
        if low == high and (self.fields.get("WindowWidth") or [1])[0] < 1:  # a blank slice needs no window
            return _rescaled(pixels, self.fields)
        with refused(self.path, NO_WINDOW):
            fields = tuple((name, value if _single(value) else tuple(value)) for name, value in self.fields.items())
            if high - low >= pixels.size:
                return _apply_window(fields, pixels)
            first, made = _windowed_blocks(fields, low // BLOCK, high // BLOCK, pixels.dtype)
            return made[np.subtract(pixels, first, dtype=np.int64)]

    def _upright(self, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Invert MONOCHROME1, where large values are dark, within the stored range."""
        if not self._inverted:
            return pixels
        bits = self.fields["BitsStored"]
        both_ends = -1 if self.fields["PixelRepresentation"] else 2**bits - 1  # smallest + largest value
        if _identity(self.fields):
            return both_ends - pixels
        slope, intercept = _rescale(self.fields)
        return both_ends * slope + 2 * intercept - pixels


def presentation(path: object, fields: Mapping[str, Any]) -> Presentation:
    """Return how a slice without look-up tables is presented, by the fields of its header."""
    kept = {name: fields[name] for name in WINDOW if fields.get(name) is not None}
    if kept.get("VOILUTFunction", "LINEAR") not in FUNCTIONS:  # a header may contain anything, so it is not passed on
        kept["VOILUTFunction"] = "UNKNOWN"
    return Presentation(str(path), kept)


def looked_up(shown: Presentation, pixels: npt.NDArray[Any], dataset: pydicom.Dataset) -> Presentation:
    """Return the presentation of a slice with look-up tables in its header, `dataset`; they apply to `pixels`."""
    low, high = int(pixels.min()), int(pixels.max())
    if shown.fields["PhotometricInterpretation"] == "MONOCHROME1":
        return Presentation(shown.path, shown.fields, refused=f"{shown.path}: {INVERTED_TABLE}")
    if high - low >= MOST_VALUES:
        return Presentation(shown.path, shown.fields, refused=f"{shown.path}: {NO_WINDOW}; exclude the series.")
    try:
        with refused(shown.path, NO_WINDOW):
            table = apply_voi_lut(_rescaled(np.arange(low, high + 1).astype(pixels.dtype), shown.fields), dataset)
    except SeriesError as error:
        return Presentation(shown.path, shown.fields, refused=str(error))
    return Presentation(shown.path, shown.fields, (low, table.astype(np.float32).tolist()))


@contextmanager
def refused(path: object, problem: str) -> Iterator[None]:
    """
    Turn any error of pydicom or a decoder into a message with that problem.

    Their own messages and warnings are not passed on: they quote the header, which may contain names and dates.
    """
    try:
        with silent():
            yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # each decoder raises its own types; a panic of the Rust one is not an Exception
        raise SeriesError(f"{path}: {problem}; {FETCH_AGAIN}.") from error


@contextmanager
def silent() -> Iterator[None]:
    """Silence pydicom's warnings and logs, which quote the header."""
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@lru_cache(maxsize=16)
def _windowed_blocks(
    fields: Fields, first: int, last: int, dtype: np.dtype[Any]
) -> tuple[int, npt.NDArray[np.float32]]:
    """Return the first stored value of some blocks, and what the window makes of it and of each that follows."""
    limits = np.iinfo(dtype)
    low, high = max(first * BLOCK, limits.min), min((last + 1) * BLOCK - 1, limits.max)
    return low, _apply_window(fields, np.arange(low, high + 1).astype(dtype)).astype(np.float32)


def _apply_window(fields: Fields, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rescale stored values and apply the window to them."""
    dataset = pydicom.Dataset()
    with silent():
        for keyword, value in fields:
            setattr(dataset, keyword, list(value) if isinstance(value, tuple) else value)
        return apply_voi_lut(_rescaled(pixels, dict(fields)), dataset)


def _single(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _identity(fields: Mapping[str, Any]) -> bool:
    return _rescale(fields) == (1, 0)


def _rescale(fields: Mapping[str, Any]) -> tuple[float, float]:
    return fields.get("RescaleSlope") or 1.0, fields.get("RescaleIntercept") or 0.0


def _rescaled(pixels: npt.NDArray[Any], fields: Mapping[str, Any]) -> npt.NDArray[Any]:
    if _identity(fields):
        return pixels
    slope, intercept = _rescale(fields)
    return pixels * np.float64(slope) + np.float64(intercept)
