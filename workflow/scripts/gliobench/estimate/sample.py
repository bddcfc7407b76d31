"""A few patients of a cohort, generated or read, audited and preprocessed, to time what the study does with each."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gliobench.cohorts import DECODED_KIND, FEATURES_KIND, layout, read_patient_series
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.decoded import keep_series
from gliobench.cohorts.features import audit_features
from gliobench.cohorts.selection import divide
from gliobench.errors import GlioBenchError
from gliobench.files import join_tables, read_table
from gliobench.inputs.field import choose_field
from gliobench.inputs.make import make_inputs, usable_series
from gliobench.inputs.store import shard_writer
from gliobench.terms import GENERATED

PATIENTS = 2  # of a sample that have all series; the first bears what a job does once, the last is timed
TRIED = 20  # patients, until so many have all series
UNCOUNTED = (
    "cohort {cohort}: its patients cannot be counted, because {reason} Put its files in place and run `estimate` again."
)
UNTIMED = (
    "cohort {cohort}: none of its first {tried} patients has what the input `{name}` is made of, so it cannot be "
    "timed. The first reason: {reason}"
)
ASSUMED = (
    "{cohort}: its files are not here, so it is counted as {patients} patients, as in the collection, and generated "
    "images are timed instead"
)


def time_sample(cohort: str, settings: Mapping[str, Any], inputs: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """
    Generate or read a sample of a cohort, and time each step of its way to the inputs.

    Parameters
    ----------
    cohort : str
        Its name.
    settings : mapping
        ``kind``, ``seed``, ``generator``, ``folder``, ``sites``, ``settings`` of the cohort, its ``series``,
        ``features``, ``masks`` and ``decoded``, as the rules that read it have them; ``stands_in``: kind and generator
        of patients that stand for it as long as its files are not here, or nothing.
    inputs : mapping
        By name the settings of each input, its ``series`` and whether it is ``fitted`` to brains.
    folder : Path
        An empty folder for the files.

    Returns
    -------
    dict
        ``patients``: table ``patients``; ``note``: what was assumed; ``generated``: whether the study generates it.
        Of a patient ``image_bytes``, ``decoded_bytes``, ``generate_seconds``, ``audit_seconds``; ``generate_once`` of a
        job; ``slices`` of the mean series. Of each of ``inputs`` its ``kind``, ``shape`` and ``dtype``, and of a
        patient ``seconds``, ``bytes`` and ``rows`` by series.
    """
    patients, note, settings = _patients(cohort, settings)
    generated = settings.get("generator")
    if generated:
        settings = {**settings, "folder": folder / "images"}
    tried = _try(patients["patient_id"], settings, inputs, folder)
    series, names = join_tables([each.series for each in tried], "series"), [each.patient_id for each in tried]
    made = {name: _make(cohort, tried, name, asked, settings, folder) for name, asked in inputs.items()}
    image_bytes = (_size(folder / "images") if generated else _size_of_own(settings, names)) / len(tried)
    seconds = [each.write_seconds for each in tried]
    return {
        "patients": patients.astype(object).where(patients.notna(), None).to_dict("list"),
        "note": note,
        "generated": bool(generated) and not note,
        "generate_seconds": seconds[-1],
        "generate_once": max(0.0, seconds[0] - seconds[-1]),
        "audit_seconds": tried[-1].audit_seconds,
        "image_bytes": image_bytes,
        "decoded_bytes": _size(folder / "decoded") / len(tried),
        "slices": float(series["n_slices"].mean()) if series["n_slices"].notna().any() else 0.0,
        "inputs": made,
    }


def _patients(cohort: str, settings: Mapping[str, Any]) -> tuple[pd.DataFrame, str | None, Mapping[str, Any]]:
    """Return the patients of a cohort without their images, what had to be assumed, and the settings of the sample."""
    kind = settings["kind"]
    if kind in GENERATED:
        return _drawn(settings), None, settings
    try:
        found = layout(kind).read_patients(settings["folder"], settings["sites"], settings["settings"])
        return divide(found, cohort)[0], None, settings
    except (GlioBenchError, OSError) as reason:
        if not settings["stands_in"]:
            raise GlioBenchError(UNCOUNTED.format(cohort=cohort, reason=reason)) from None
    standing = {**settings, **settings["stands_in"]}
    patients = _drawn(standing)
    return patients, ASSUMED.format(cohort=cohort, patients=len(patients)), standing


def _drawn(settings: Mapping[str, Any]) -> pd.DataFrame:
    """Draw a generated cohort's patients, the complete ones first."""
    drawn = _module(settings).draw_patients(settings["generator"], settings["seed"])
    drawn = drawn.reindex(columns=[*drawn.columns, *({"site", "lacking"} - set(drawn))])
    return drawn.sort_values("lacking", na_position="first", kind="stable", ignore_index=True)


def _module(settings: Mapping[str, Any]) -> Any:
    return import_module(f"gliobench.cohorts.{settings['kind'].replace('-', '_')}")


@dataclass(frozen=True)
class _Tried:
    """A patient of the sample: the table ``series``, and the seconds that generating and auditing took."""

    patient_id: str
    series: pd.DataFrame
    write_seconds: float
    audit_seconds: float


def _try(
    patient_ids: Iterable[str], settings: Mapping[str, Any], inputs: Mapping[str, Any], folder: Path
) -> list[_Tried]:
    """Generate and audit patients one after the other, until enough of them have all that is asked for."""
    tried: list[_Tried] = []
    complete = 0
    for patient_id in list(patient_ids)[:TRIED]:
        begun = time.perf_counter()
        if settings.get("generator"):
            _write(settings, patient_id)
        written = time.perf_counter()
        series = _audit(patient_id, settings, folder)
        tried.append(_Tried(patient_id, series, written - begun, time.perf_counter() - written))
        complete += all(_usable(series, asked).get(patient_id, []) == asked["series"] for asked in inputs.values())
        if complete == PATIENTS:
            break
    return tried


def _usable(series: pd.DataFrame, asked: Mapping[str, Any]) -> dict[str, list[str]]:
    return usable_series(series, asked["series"], asked["settings"])


def _write(settings: Mapping[str, Any], patient_id: str) -> None:
    drawn = _drawn(settings)
    patient: dict[Any, Any] = drawn[drawn["patient_id"] == patient_id].iloc[0].to_dict()
    _module(settings).write_patient(patient, settings["generator"], settings["seed"], settings["folder"])


def _audit(patient_id: str, settings: Mapping[str, Any], folder: Path) -> pd.DataFrame:
    """Audit a patient, keep what is decoded if the study does, and return the table ``series``."""
    kind, place = settings["kind"], settings["folder"]
    keep = partial(keep_series, folder / "decoded") if settings["decoded"] else None
    images, _ = audit_patients([patient_id], settings["series"], place, {}, kind, keep)
    if keep:
        for name in settings["masks"]:
            keep(patient_id, name, *read_patient_series(kind, place, patient_id, name))
    return join_tables([images, audit_features([patient_id], settings["features"])], "series")


def _make(
    cohort: str,
    tried: Sequence[_Tried],
    name: str,
    asked: Mapping[str, Any],
    settings: Mapping[str, Any],
    folder: Path,
) -> dict[str, Any]:
    """Make one input of the sample; return what a patient took, and what was made of each series."""
    series = join_tables([each.series for each in tried], "series")
    usable = _usable(series, asked)
    made = dict(asked["settings"])
    if asked["fitted"]:
        made["spacing"] = choose_field({"sample": made}, {"sample": series})["spacing"]
    decoded, own = (folder / "decoded", DECODED_KIND), (settings["folder"], settings["kind"])
    tables = (settings["features"], FEATURES_KIND)
    place, kind = tables if asked["features"] else decoded if settings["decoded"] else own
    path, seconds = folder / f"{name}.npy", 0.0
    with shard_writer(path) as append:
        for patient_id in (each.patient_id for each in tried if each.patient_id in usable):
            begun = time.perf_counter()
            append(*make_inputs(patient_id, usable[patient_id], place, kind, made))
            seconds = time.perf_counter() - begun
    stored, index = np.load(path, mmap_mode="r"), read_table(path.with_suffix(".tsv"), "index")
    there = index[index["reason"].isna()]
    if there.empty and asked["series"]:  # a baseline may need no image
        reason = next(iter([*series["reason"].dropna(), *index["reason"]]), "no such series was found")
        raise GlioBenchError(UNTIMED.format(cohort=cohort, tried=len(tried), name=name, reason=reason))
    patients = max(1, there["patient_id"].nunique())
    return {
        "kind": made["kind"],
        "seconds": seconds,
        "bytes": path.stat().st_size / patients,
        "shape": list(stored.shape[1:]),
        "dtype": str(stored.dtype),
        "rows": {str(modality): len(rows) / patients for modality, rows in there.groupby("modality")},
    }


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _size_of_own(settings: Mapping[str, Any], chosen: list[str]) -> int:
    """Return the bytes of a sample's files, where they are the user's."""
    reader, found = layout(settings["kind"]), 0
    for patient_id in chosen:
        for name in settings["series"]:
            try:
                place = Path(reader.locate(settings["folder"], patient_id, name))
            except (GlioBenchError, OSError):
                continue
            found += _size(place) if place.is_dir() else place.stat().st_size
    return found
