"""Making inputs: each patient's series are read and turned into the arrays an approach needs."""

from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from gliobench.cohorts import FEATURES_KIND, read_patient_series
from gliobench.cohorts.features import read_features
from gliobench.errors import GlioBenchError
from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.imaging.volume import windowed
from gliobench.inputs.read import NotCovered, Read
from gliobench.inputs.store import SHARD_INDEX
from gliobench.terms import OK, USABLE


def usable_patients(series: pd.DataFrame, name: str, settings: dict[str, Any]) -> list[str]:
    """
    Return the patients with all series usable that the input of one series needs.

    Series without a position in millimetres are usable for kinds of input that do not need one.

    Parameters
    ----------
    series : DataFrame
        As in the schema ``series``.
    name : str
        The series: a modality, ``segmentation`` or ``lesion``.
    settings : dict
        ``input`` of the approach.
    """
    needed = needed_series(name, settings)
    usable = series[series["status"].isin(usable_statuses(settings)) & series["modality"].isin(needed)]
    counts = usable.groupby("patient_id")["modality"].nunique()
    return sorted(counts.index[counts == len(needed)])


def needed_series(name: str, settings: dict[str, Any]) -> list[str]:
    """Return the series that the input of series `name` is made from: itself, unless its kind says otherwise."""
    kind = _kind(settings)
    return kind.needs(name, settings) if hasattr(kind, "needs") else [name]


def usable_statuses(settings: dict[str, Any]) -> tuple[str, ...]:
    """Return the statuses of series that an input can be made from: some inputs need a position in millimetres."""
    kind = _kind(settings)
    return (OK,) if hasattr(kind, "in_millimetres") and kind.in_millimetres(settings) else USABLE


def usable_series(series: pd.DataFrame, names: Iterable[str], settings: dict[str, Any]) -> dict[str, list[str]]:
    """Return of which series each patient's input can be made, in the order of `names`; see `usable_patients`."""
    found: dict[str, list[str]] = {}
    for name in names:
        for patient_id in usable_patients(series, name, settings):
            found.setdefault(patient_id, []).append(name)
    return found


def shared(read: Read, settings: dict[str, Any]) -> Any:
    """Return how an input reads a patient: `read`, or the space that its kind makes once for all of the series."""
    kind = _kind(settings)
    return kind.Space(read, settings) if hasattr(kind, "Space") else read


def make_inputs(
    patient_id: str, names: Iterable[str], folder: Any, layout: str, settings: dict[str, Any]
) -> tuple[list[np.ndarray], pd.DataFrame]:
    """
    Make the inputs of a patient from several series.

    Parameters
    ----------
    patient_id : str
        The patient.
    names : iterable of str
        Series for which it can be made (see `usable_series`): modalities, ``segmentation`` or ``lesion``; or groups of
        features.
    folder : path
        The cohort; for features what `gliobench.cohorts.features.read_features` takes.
    layout : str
        Kind of what lies there: ``decoded``, what the audit kept; the cohort's own kind; or ``features``.
    settings : dict
        ``input`` of the approach: ``kind`` names the module of `gliobench.inputs` whose ``make_input(read, name,
        settings)`` makes the arrays of one series; ``voi_lut`` asks for the VOI LUT.

    Returns
    -------
    arrays : list of ndarray
        One per index row without a reason.
    index : DataFrame
        patient_id, modality and slice_index (empty for whole volumes) of each array; and the reason, where a series is
        not covered (`NotCovered`) and has no array. Further rows with a reason are remarks on arrays that there are.

    Raises
    ------
    GlioBenchError
        An input cannot be made; the message names the patient.
    """
    kind_of_input = _kind(settings)
    arrays: list[np.ndarray] = []
    rows: list[tuple[str, str, int | None, str | None]] = []

    def read(name: str) -> tuple[Any, SeriesFacts]:
        if layout == FEATURES_KIND:
            return read_features(folder, patient_id, name)
        volume, facts = read_patient_series(layout, folder, patient_id, name)
        return windowed(volume) if settings.get("voi_lut") else volume, facts

    reader = shared(read, settings)
    for name in names:
        try:
            made, slice_indexes = kind_of_input.make_input(reader, name, settings)
        except NotCovered as error:
            rows.append((patient_id, name, None, str(error)))
            continue
        except SeriesError as error:
            raise GlioBenchError(f"patient {patient_id}, {name}: {error}") from error
        arrays += made
        rows += [(patient_id, name, slice_index, None) for slice_index in slice_indexes]
    rows += [(patient_id, name, None, remark) for name, remark in getattr(reader, "remarks", ())]
    return arrays, pd.DataFrame(rows, columns=SHARD_INDEX)


def _kind(settings: dict[str, Any]) -> ModuleType:
    return import_module(f"gliobench.inputs.{settings['kind']}")
