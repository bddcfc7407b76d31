"""How much of a score is leakage: slices split freely, by date or by patient, scored on validation or test part."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from gliobench.evaluation.columns import LEAKAGE_KEY, RUN, THRESHOLD
from gliobench.evaluation.t_intervals import t_interval
from gliobench.files import check_table, table_schema
from gliobench.terms import labels_of, parent_cohort

SPLITS = {"slice_split": "slice", "date_split": "date", "patient_split": "patient"}  # variant -> unit that is split
COMPARED_PARTS = ("validation", "test")
UNITS = ("slice", "patient")
NAMES = ["approach", "modality", "protocol"]

Record = Mapping[str, Any]


def leakage_table(
    predictions: Sequence[pd.DataFrame],
    records: Sequence[Record],
    replicates_of: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """
    Score each combination of split (slice, date or patient) and part (best validation epoch or untouched test).

    The validation part is predicted at the epoch that it chose, as in a paper that reports its best epoch.

    Parameters
    ----------
    predictions : sequence of pandas.DataFrame
        The ``predictions.tsv`` of all batches of the variants in `SPLITS`, on cohorts and their copies with permuted
        labels.
    records : sequence of dict
        Their ``run.json``, in the same order.
    replicates_of : mapping of str to sequence of str, optional
        Replicated cohorts: a group's name -> its cohorts. They share rows, under the group's name.

    Returns
    -------
    pandas.DataFrame
        Table ``leakage``: means over runs, with 95 % t intervals over independent cohorts, or over label permutations
        of one cohort. Of a single cohort they are over its runs, which share patients: such an interval is conditional
        on them.
    """
    group_of = {member: name for name, members in (replicates_of or {}).items() for member in members}
    tables = [
        table.assign(repeat=record["repeat"], seed_index=record["seed_index"], variant=record["variant"])
        .assign(**{name: record[name] for name in NAMES}, member=record["cohort"], labels=labels_of(record["cohort"]))
        .assign(cohort=group_of.get(parent_cohort(record["cohort"]), parent_cohort(record["cohort"])))
        .assign(unit=np.where(table["slice_index"].isna(), "patient", "slice"))
        .merge(_training_rows(record), on="fold", how="left")
        for table, record in zip(predictions, records, strict=True)
    ]
    rows = list(_rows(pd.concat(tables, ignore_index=True))) if tables else []
    table = pd.DataFrame(rows, columns=list(table_schema("leakage")["properties"]))
    return check_table(table, "leakage", "the leakage table")


def _training_rows(record: Record) -> pd.DataFrame:
    return pd.DataFrame([(fold["fold"], fold.get("n_train")) for fold in record["folds"]], columns=["fold", "n_train"])


def _rows(predictions: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for names, group in predictions.groupby([*LEAKAGE_KEY, "phase"], sort=False):
        for unit in UNITS:
            for variant, split in SPLITS.items():
                for part in COMPARED_PARTS:
                    chosen = (group["unit"] == unit) & (group["variant"] == variant) & (group["part"] == part)
                    if chosen.any():
                        head = dict(zip([*LEAKAGE_KEY, "phase"], names, strict=True))
                        yield head | {"unit": unit, "split": split, "part": part} | _scores(group[chosen])


def _scores(rows: pd.DataFrame) -> dict[str, Any]:
    runs = [run for _, run in rows.groupby(["member", *RUN])]
    members = [run["member"].iloc[0] for run in runs]
    scores: dict[str, Any] = {
        "n_cohorts": len(set(members)),
        "n_runs": len(runs),
        "n_train": round(float(np.mean([run["n_train"].iloc[0] for run in runs]))),
        "n_scored": round(float(np.mean([len(run) for run in runs]))),
        "majority": float(np.mean([run["label"].value_counts(normalize=True).max() for run in runs])),
    }
    for name, score in (("accuracy", _accuracy), ("auc", _auc)):
        values = pd.Series([score(run) for run in runs])
        independent = values.groupby(members).mean() if len(set(members)) > 1 else values
        found = t_interval(independent).bounded()
        scores |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
    return scores


def _accuracy(run: pd.DataFrame) -> float:
    return float(np.mean((run["probability"] >= THRESHOLD) == (run["label"] == 1)))


def _auc(run: pd.DataFrame) -> float:
    if run["label"].nunique() < 2:
        return float("nan")
    return float(roc_auc_score(run["label"].to_numpy(int), run["log_odds"].to_numpy(float)))
