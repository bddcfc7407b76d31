"""Every patient's probability by every method, as tables: averaged over runs, and the most confident mistakes."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from gliobench.evaluation.columns import BASELINE, CELL, RUN, THRESHOLD, shown_part

OUT_OF_FOLD = "test"  # the part of patients whom no training is to have seen
MOST = 10  # mistakes shown of a method
PROBABILITIES = [*CELL, "part", "seen", "patient_id", "label", "n_runs", "mean", "low", "high"]


def patient_probabilities(rows: pd.DataFrame, phase: str, person: pd.Series) -> pd.DataFrame:
    """
    Average each patient's probability over the runs of one cell.

    Parameters
    ----------
    rows : pandas.DataFrame
        The cell's predictions of patients (`gliobench.evaluation.runs.patient_rows`), all phases and parts.
    phase : str
        The phase to show.
    person : pandas.Series
        The patient behind each ``patient_id``, which names a scan where patients have several.

    Returns
    -------
    pandas.DataFrame
        One row per patient of the part that figures show (`shown_part`): part; seen: whether a run that scored the
        patient also had slices or scans of the same patient among those for training or validation; patient_id,
        label, n_runs; mean, low and high of the probability over the runs that scored the patient.
    """
    of_phase = rows[rows["phase"] == phase]
    part = shown_part(of_phase["part"])
    keys = pd.MultiIndex.from_frame(of_phase[RUN].assign(person=of_phase["patient_id"].map(person)))
    seen = keys.isin(keys[of_phase["part"] != part])
    shown = of_phase.assign(seen=seen)[of_phase["part"] == part]
    return (
        shown.groupby("patient_id", sort=True)
        .agg(
            part=("part", "first"),
            seen=("seen", "any"),
            label=("label", "first"),
            n_runs=("probability", "size"),
            mean=("probability", "mean"),
            low=("probability", "min"),
            high=("probability", "max"),
        )
        .reset_index()
    )


def join_probabilities(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join the probabilities of several cells, each with the columns that name it; no table gives no row."""
    filled = [table[PROBABILITIES] for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=PROBABILITIES)


def is_wrong(mean: Any, label: Any) -> Any:
    """Whether mean probabilities, one or many, are on the wrong side of the threshold; on it they are on no side."""
    return (mean - THRESHOLD) * (0.5 - label) > 0


def out_of_fold(probabilities: pd.DataFrame, baselines: bool) -> pd.DataFrame:
    """Return the rows of test patients whom no run has seen: those of the baselines, or those of all other methods."""
    chosen = probabilities["approach"].eq(BASELINE) == baselines
    return probabilities[chosen & probabilities["part"].eq(OUT_OF_FOLD) & ~probabilities["seen"].astype(bool)]


def count_wrong(probabilities: pd.DataFrame) -> pd.DataFrame:
    """
    Count, for each patient, the methods that scored the patient, and those that were wrong.

    Parameters
    ----------
    probabilities : pandas.DataFrame
        As `out_of_fold` returns them.

    Returns
    -------
    pandas.DataFrame
        By patient_id: wrong, scored, mean (of the methods' means), low and high (of them).
    """
    grouped = probabilities.assign(wrong=is_wrong(probabilities["mean"], probabilities["label"])).groupby("patient_id")
    return grouped.agg(
        wrong=("wrong", "sum"),
        scored=("wrong", "size"),
        mean=("mean", "mean"),
        low=("mean", "min"),
        high=("mean", "max"),
    )


def confident_mistakes(probabilities: pd.DataFrame, most: int = MOST) -> pd.DataFrame:
    """
    Choose the most confident mistakes of each method that is no baseline, by the rule of `mistakes_rule`.

    Parameters
    ----------
    probabilities : pandas.DataFrame
        As `join_probabilities` returns them.
    most : int
        Most mistakes of one method.

    Returns
    -------
    pandas.DataFrame
        Its rows that were chosen: methods in their order, of each the most confident mistake first.
    """
    tested = out_of_fold(probabilities, baselines=False)
    wrong = tested[is_wrong(tested["mean"], tested["label"])]
    wrong = wrong.assign(distance=(wrong["mean"] - THRESHOLD).abs())
    ranked = wrong.sort_values(["distance", "patient_id"], ascending=[False, True], kind="stable")
    first = ranked.groupby(CELL, sort=False).head(most)
    order = {cell: place for place, cell in enumerate(dict.fromkeys(map(tuple, tested[CELL].to_numpy())))}
    places = [order[tuple(cell)] for cell in first[CELL].to_numpy()]
    return first.assign(place=places).sort_values("place", kind="stable").drop(columns=["place", "distance"])


def mistakes_rule(most: int = MOST) -> str:
    """State in a sentence which mistakes `confident_mistakes` chooses."""
    return (
        f"For every method that is no baseline, the {most} patients whose out-of-fold probability, averaged over all "
        f"runs that tested the patient, lies furthest on the wrong side of {THRESHOLD:g}; equal ones in the order of "
        "their ids."
    )
