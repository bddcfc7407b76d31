"""AUC of the test patients of each subgroup: of a site, of a plane, and of what the user's own columns say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.columns import CELL
from gliobench.evaluation.delong import auc_influence
from gliobench.evaluation.intervals import auc_interval, default_factor
from gliobench.evaluation.metrics import Sample, auc, make_sample, unit_weights, why_no_auc
from gliobench.evaluation.runs import Record, patient_rows
from gliobench.files import check_table, table_schema
from gliobench.terms import ALL

FEWEST = 20  # patients of each label for an AUC
MOST_VALUES = 50  # of a column: more are no groups
UNKNOWN, MIXED = "unknown", "mixed"
NO_INTERVAL = "no interval: no patient changes the AUC, or a repeat tests a single patient of a label"


def subgroups_table(
    cells: Sequence[tuple[Sequence[pd.DataFrame], Sequence[Record]]],
    columns: Mapping[str, pd.Series],
    series: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """
    Score the test patients of each subgroup.

    Parameters
    ----------
    cells : sequence of (predictions, records)
        The files of each cell, as for `gliobench.evaluation.cells.score_cell`.
    columns : mapping of str to pandas.Series of str
        Name of a column -> its value by patient_id, missing where unknown. A column without a known value is left out.
    series : pandas.DataFrame, optional
        Table ``series``: adds ``plane``, that of the modality that a cell reads; `MIXED` if its modalities differ.

    Returns
    -------
    pandas.DataFrame
        Table ``subgroups``: one row per cell, phase, column and value. The AUC is of pairs of patients of the subgroup
        scored by one run; it is empty with fewer than `FEWEST` patients of a label. The interval of a subgroup that a
        single training tests, such as a site left out, is DeLong's for the fitted models. Subgroups are not compared,
        and nothing is corrected for their number: their intervals say how little is known of each.
    """
    rows = [row for predictions, records in cells for row in _rows_of(predictions, records, columns, series)]
    table = pd.DataFrame(rows, columns=list(table_schema("subgroups")["properties"]))
    return check_table(table, "subgroups", "the subgroups")


def _rows_of(
    predictions: Sequence[pd.DataFrame],
    records: Sequence[Record],
    columns: Mapping[str, pd.Series],
    series: pd.DataFrame | None,
) -> Iterator[dict[str, Any]]:
    rows = patient_rows(predictions, records)
    test = rows[rows["part"] == "test"]
    head = {name: records[0][name] for name in CELL}
    known = dict(columns) | ({} if series is None else {"plane": planes(series, head["modality"])})
    for phase, of_phase in test.groupby("phase", sort=False):
        for column, values in known.items():
            groups = of_phase["patient_id"].map(values)
            if groups.notna().any():
                yield from ({**head, "phase": phase, "column": column} | row for row in _by_value(of_phase, groups))


def planes(series: pd.DataFrame, modality: str) -> pd.Series:
    """Return the plane of each patient's series of a modality; of all, `MIXED` if they differ."""
    read = series[series["plane"].notna() & (series["modality"].eq(modality) | (modality == ALL))]
    return read.groupby("patient_id")["plane"].agg(lambda found: found.iloc[0] if len(set(found)) == 1 else MIXED)


def _by_value(rows: pd.DataFrame, groups: pd.Series) -> Iterator[dict[str, Any]]:
    if groups.nunique() > MOST_VALUES:
        why = f"{groups.nunique()} different values are no groups: join them, such as ages to 60-69"
        yield {"value": None, **_counts(rows), "reason": why}
        return
    filled = groups.fillna(UNKNOWN)
    for value in sorted(filled.unique(), key=lambda name: (name == UNKNOWN, name)):
        yield {"value": value} | _score(rows[filled == value])


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    labels = rows.drop_duplicates("patient_id")["label"]
    return {"n_patients": len(labels), "n_positive": int(labels.sum())}


def _score(rows: pd.DataFrame) -> dict[str, Any]:
    counts = _counts(rows)
    positive, negative = counts["n_positive"], counts["n_patients"] - counts["n_positive"]
    if min(positive, negative) < FEWEST:
        few = f"{positive} patients with label 1 and {negative} with label 0; an AUC needs {FEWEST} of each"
        return counts | {"reason": few}
    sample = make_sample(rows)
    area = float(auc(sample, *unit_weights(sample)))
    if np.isnan(area):
        return counts | {"reason": why_no_auc(sample)}
    low, high = _interval(sample, area)
    reason = NO_INTERVAL if np.isnan(low) else None
    return counts | {"auc": area, "auc_low": low, "auc_high": high, "reason": reason}


def _interval(sample: Sample, area: float) -> tuple[float, float]:
    factor = None if sample.n_splits == 1 else default_factor(sample.n_whole_repeats)
    return auc_interval(sample, area, auc_influence(sample), factor)
