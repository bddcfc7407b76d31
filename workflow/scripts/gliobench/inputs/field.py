"""The field of view of a grid around the brain: chosen once per study, before any label is read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gliobench.files import read_json
from gliobench.terms import OK

MARGIN = 1.0  # free voxels on each side of the largest brain
STEP = 0.05  # mm; spacings are rounded up to it
AXES = {"brain_x": "from right to left", "brain_y": "from front to back", "brain_z": "from top to bottom"}


def choose_field(inputs: Mapping[str, Mapping[str, Any]], cohorts: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """
    Choose the spacing of a grid so that it holds the brains of a study.

    Parameters
    ----------
    inputs : mapping of str to mapping
        ``input`` of an approach for each cohort: ``reference``, the series that shows the brain; and, the same for all,
        ``shape``, ``spacing`` and ``field``: with ``study`` the spacing grows, equally along all axes, until every
        brain in its reference fits with a voxel to spare; with ``fixed`` it does not change.
    cohorts : mapping of str to DataFrame
        Table ``series`` of each cohort.

    Returns
    -------
    dict
        ``spacing`` and ``field`` (mm along x, y, z), and ``cut``: cohort, patient_id, modality and reason of every
        brain that does not fit the field.
    """
    settings = next(iter(inputs.values()))
    spacing = np.broadcast_to(np.asarray(settings["spacing"], float), 3)
    shape = np.array(settings["shape"])
    tables = [table.assign(cohort=cohort) for cohort, table in cohorts.items()]
    series = pd.concat(tables, ignore_index=True)
    references = series["cohort"].map({cohort: made["reference"] for cohort, made in inputs.items()})
    brains = series[(series["status"] == OK) & (series["modality"] == references)].dropna(subset=list(AXES))
    sizes = brains[list(AXES)].to_numpy(float)
    if settings["field"] == "study" and len(sizes):
        growth = (sizes.max(axis=0) / ((shape - 2 * MARGIN) * spacing)).max()
        if growth > 1:
            spacing = np.ceil(np.round(spacing * growth / STEP, 6)) * STEP
    field = spacing * shape
    return {
        "spacing": np.round(spacing, 4).tolist(),
        "field": np.round(field, 2).tolist(),
        "cut": [
            {"cohort": row["cohort"], "patient_id": row["patient_id"], "modality": row["modality"], "reason": reason}
            for row in brains.to_dict("records")
            if (reason := _what_is_cut(row, field))
        ],
    }


def _what_is_cut(row: Mapping[Any, Any], field: np.ndarray) -> str | None:
    """Say how much of a brain lies beyond the field, None if it fits."""
    parts = [
        f"{row[name] - side:.0f} of {row[name]:.0f} mm {way}"
        for (name, way), side in zip(AXES.items(), field, strict=True)
        if row[name] > side
    ]
    return f"its brain is larger than the field of view: {', '.join(parts)} are cut." if parts else None


def with_chosen_spacing(settings: Mapping[str, Any], path: str | Path | Sequence[str]) -> dict[str, Any]:
    """Return the settings of an input with the spacing in the file of `choose_field`, as they are without one."""
    return dict(settings) | ({"spacing": read_json(str(path))["spacing"]} if path else {})
