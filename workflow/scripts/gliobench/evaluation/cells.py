"""One cell of the study (cohort, approach, variant, modality, protocol): from its runs' files to its scores."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.evaluation.calibration import calibration
from gliobench.evaluation.chance import permutation_p
from gliobench.evaluation.columns import CELL, METRICS, PARTS, RUN
from gliobench.evaluation.intervals import conditional_auc, intervals
from gliobench.evaluation.metrics import (
    Sample,
    at_validation_threshold,
    auc,
    majority_accuracy,
    make_sample,
    pooled_auc,
    score,
    unit_weights,
    why_empty,
    why_no_auc,
)
from gliobench.evaluation.runs import Record, all_rows, patient_rows
from gliobench.evaluation.sites import site_scores, sites_together
from gliobench.evaluation.slice_scores import score_slices
from gliobench.files import check_table, table_schema
from gliobench.seeds import derive_seed

Copy = tuple[Sequence[pd.DataFrame], Sequence[Record]]  # predictions and records of a cell on a copy of its cohort


def score_cell(
    predictions: Sequence[pd.DataFrame],
    records: Sequence[Record],
    base_seed: int,
    resamples: int,
    caveat: str | None = None,
    copies: Sequence[Copy] = (),
    sites: pd.Series | None = None,
    within: Sequence[Copy] = (),
) -> pd.DataFrame:
    """
    Score one cell: one row per phase and part (test, validation, whole), and another if slices were scored.

    Parameters
    ----------
    predictions : sequence of pandas.DataFrame
        The ``predictions.tsv`` of the cell's batches of folds.
    records : sequence of dict
        Their ``run.json``, in the same order.
    base_seed : int
        The study's base seed; the seed of the resampling is derived from it and the cell's name.
    resamples : int
        Number of resamples for each interval.
    caveat : str, optional
        A warning about this protocol or variant.
    copies : sequence of (predictions, records)
        The same cell re-trained on permuted labels, one pair per permutation, for the `p_chance` of the test
        patients.
    sites : pandas.Series of str, optional
        Site by patient_id, missing where unknown, for the AUC within sites.
    within : sequence of (predictions, records)
        The same cell re-trained on labels permuted within sites, for the `p_chance_within_site`.

    Returns
    -------
    pandas.DataFrame
        Rows of the table ``metrics``. A cell without any prediction is one row with empty scores.

    Raises
    ------
    GlioBenchError
        The files belong to different cells, or a run scores a patient twice.
    """
    cell = _cell_of(records)
    rows = all_rows(predictions, records)
    status, reason = cell_status(records)
    head = {**cell, "weights": records[0]["weights"], "caveat": caveat}
    scored = []
    for (phase, part), part_rows in _by_phase_and_part(rows):
        place = head | {"phase": phase, "part": part, "status": status}
        is_slice = part_rows["slice_index"].notna()
        seed = derive_seed(base_seed, "bootstrap", *cell.values(), phase, part)
        samples, inside = (_permuted_samples(each, phase) if part == "test" else [] for each in (copies, within))
        together = sites_together(part_rows, sites, cell["protocol"]) if part == "test" else None
        why = "; ".join(filter(None, [reason, together])) or None
        of_patients = _score_patients(part_rows[~is_slice], why, resamples, seed, samples, sites, inside)
        scored.append(place | of_patients)
        if is_slice.any():
            scored.append(place | _score_slices(part_rows[is_slice], reason))
    why = reason or "no predictions"
    nothing = {"n_runs": 0, "status": "missing" if status == "ok" else status, "reason": why, "auc_reason": why}
    return as_metrics(scored or [head | nothing])


def as_metrics(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make the table ``metrics`` from rows; columns that a row lacks are empty."""
    table = pd.DataFrame(list(rows), columns=list(table_schema("metrics")["properties"]))
    return check_table(table, "metrics", "the scores of a cell")


def _cell_of(records: Sequence[Record]) -> dict[str, str]:
    if not records:
        raise GlioBenchError("a cell without run records cannot be scored; train it first.")
    cells = {tuple(record[name] for name in [*CELL, "weights"]) for record in records}
    if len(cells) > 1:
        raise GlioBenchError(f"run records of different cells were given to be scored as one: {sorted(cells)}.")
    return {name: records[0][name] for name in CELL}


def _by_phase_and_part(rows: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """Phases in the order of training, and within each the test part before the validation part."""
    groups = dict(list(rows.groupby(["phase", "part"], sort=False)))
    phases = rows["phase"].unique()
    keys = [(phase, part) for phase in phases for part in PARTS if (phase, part) in groups]
    return [(key, groups[key]) for key in keys]


def _score_slices(rows: pd.DataFrame, reason: str | None) -> dict[str, Any]:
    return _counts(rows) | score_slices(rows) | {"unit": "slice", "p_chance": np.nan, "reason": reason}


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    patients = rows.drop_duplicates("patient_id")
    n_runs = len(rows.groupby(RUN))
    return {"n_patients": len(patients), "n_positive": int(patients["label"].sum()), "n_runs": n_runs}


def _score_patients(
    rows: pd.DataFrame,
    reason: str | None,
    resamples: int,
    seed: int,
    permuted_samples: Sequence[Sample | None],
    sites: pd.Series | None,
    samples_within_site: Sequence[Sample | None],
) -> dict[str, Any]:
    sample = make_sample(rows)
    values = dict(zip(METRICS, score(sample, *unit_weights(sample)).tolist(), strict=True))
    found = intervals(sample, seed, resamples, [each for each in permuted_samples if each])
    conditional = conditional_auc(sample, seed, resamples) if found.factor else found.ends["auc"]
    calibrated, not_calibrated = calibration(rows)
    against_chance, no_chance = _p_chance(values["auc"], [_auc(each) for each in permuted_samples])
    of_sites, not_by_site = site_scores(sample, sites, found.factor, samples_within_site)
    reasons = [reason, *why_empty(sample, values), not_calibrated, no_chance, *not_by_site]
    return {
        "unit": "patient",
        **_counts(rows),
        **values,
        **{f"{name}_low": low for name, (low, _) in found.ends.items()},
        **{f"{name}_high": high for name, (_, high) in found.ends.items()},
        "auc_conditional_low": conditional[0],
        "auc_conditional_high": conditional[1],
        "auc_pooled": pooled_auc(rows),
        "majority_accuracy": majority_accuracy(rows),
        **calibrated,
        **at_validation_threshold(rows),
        "interval_method": found.in_words(),
        "interval_scores": json.dumps(found.methods),
        "interval_factor": found.factor.value if found.factor else np.nan,
        **against_chance,
        **of_sites,
        "reason": "; ".join(filter(None, reasons)) or None,
        "auc_reason": why_no_auc(sample) if np.isnan(values["auc"]) else None,
    }


def _permuted_samples(copies: Sequence[Copy], phase: str) -> list[Sample | None]:
    """Return the test patients of each permutation in a phase, None if it has none."""
    samples = []
    for predictions, records in copies:
        rows = patient_rows(predictions, records)
        rows = rows[(rows["phase"] == phase) & (rows["part"] == "test")]
        samples.append(make_sample(rows) if len(rows) else None)
    return samples


def _auc(sample: Sample | None) -> float:
    return float(auc(sample, *unit_weights(sample))) if sample else float("nan")


def _p_chance(observed: float, permuted_aucs: Sequence[float]) -> tuple[dict[str, Any], str | None]:
    p, count = permutation_p(observed, permuted_aucs)
    lost = len(permuted_aucs) - count
    reason = f"{lost} of {len(permuted_aucs)} permutations have no AUC and do not count" if lost else None
    return {"p_chance": p, "n_permutations": count if permuted_aucs else None}, reason


def cell_status(records: Sequence[Record]) -> tuple[str, str | None]:
    """
    Status of a cell from its folds: ``ok`` only if all are.

    Returns
    -------
    str
        ``ok``, ``diverged`` or ``failed`` (which outweighs diverged).
    str or None
        For example ``2 of 5 folds diverged: loss is NaN``.
    """
    folds = [fold for record in records for fold in record["folds"]]
    phrases, status = [], "ok"
    for kind in ("diverged", "failed"):
        reasons = Counter(fold["reason"] or "no reason given" for fold in folds if fold["status"] == kind)
        if reasons:
            status = kind
            phrases.append(f"{reasons.total()} of {len(folds)} folds {kind}: {', '.join(reasons)}")
    return status, "; ".join(phrases) or None
