"""Series as the audit decoded them, cropped without loss: inputs are made from these, and no image is opened twice."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.errors import GlioBenchError
from gliobench.files import whole
from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.presentation import Presentation
from gliobench.imaging.volume import Stored, Volume, values

SUFFIX = ".npz"
Pixels = npt.NDArray[Any]


def keep_series(folder: str | Path, patient_id: str, name: str, volume: Volume, facts: SeriesFacts) -> None:
    """
    Write one series of a patient so that `read_kept` returns it unchanged.

    Slices, rows and columns at the borders of the volume that hold only the value of the first voxel are left out.
    Nothing is compressed, for fast reading.

    Parameters
    ----------
    folder : path
        Folder of the series, as ``<patient_id>/<name>.npz``.
    patient_id, name : str
        The patient and the series.
    volume, facts
        As readers of cohorts return them.
    """
    pixels = volume.stored.pixels if volume.stored else volume.voxels
    start, cropped = _cropped(pixels)
    about = {
        "shape": pixels.shape,
        "start": start,
        "shown": [asdict(shown) for shown in volume.stored.shown] if volume.stored else None,
        "facts": asdict(facts),
    }
    arrays = {"pixels": cropped, "background": pixels[0, 0, 0], "affine": volume.affine}
    if volume.places is not None:
        arrays["places"] = volume.places
    with whole(_file(folder, patient_id, name)) as temporary:
        np.savez(temporary, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)


def locate(folder: str | Path, patient_id: str, name: str) -> Path:
    """
    Find one series of a patient.

    Raises
    ------
    GlioBenchError
        It does not exist: the audit kept every usable series.
    """
    path = _file(folder, patient_id, name)
    if not path.is_file():
        raise GlioBenchError(f"{path} does not exist: run the audit again, with --forcerun audit_series.")
    return path


def read_kept(path: Path) -> tuple[Volume, SeriesFacts]:
    """Return volume and facts of a series as they were kept."""
    with np.load(path) as kept:
        about = json.loads(str(kept["about"]))
        cropped, background, affine = kept["pixels"], kept["background"], kept["affine"]
        places = kept.get("places")
    pixels = np.full(about["shape"], background, cropped.dtype)
    pixels[_region(about["start"], cropped.shape)] = cropped
    facts = SeriesFacts(**about["facts"])
    if about["shown"] is None:
        return Volume(pixels, affine, places), facts
    shown = tuple(Presentation(**each) for each in about["shown"])
    return Volume(values(pixels, shown), affine, places, Stored(pixels, shown)), facts


def _file(folder: str | Path, patient_id: str, name: str) -> Path:
    return Path(folder) / patient_id / f"{name}{SUFFIX}"


def _cropped(pixels: Pixels) -> tuple[list[int], Pixels]:
    """Return the box of voxels that differ from the first one, and where it starts; one voxel where none does."""
    other = pixels != pixels[0, 0, 0]
    ends = [np.flatnonzero(other.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    start = [int(places[0]) if len(places) else 0 for places in ends]
    sides = tuple(int(places[-1]) + 1 - first if len(places) else 1 for places, first in zip(ends, start, strict=True))
    return start, np.ascontiguousarray(pixels[_region(start, sides)])


def _region(start: list[int], sides: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(first, first + side) for first, side in zip(start, sides, strict=True))
