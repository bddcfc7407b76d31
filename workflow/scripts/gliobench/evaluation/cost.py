"""The cost of a study: the benchmark of every job and the record of every training, summed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.evaluation.columns import CELL
from gliobench.files import check_table, read_json, table_schema
from gliobench.terms import parent_cohort

PERMUTE = "permute"  # trainings on copies of a cohort with other labels, counted under the cohort
ORDER = ("generate", "audit", "preprocess", "tune", "train", PERMUTE, "explain")
FITTING = ("tune", "train", PERMUTE)
HEAD = ["cohort", "stage", *CELL[1:]]
UNLIKE = {"samples_per_second": None}  # comparable within one approach, but not over all
MIB = 2**20
DIGITS = 3

Record = Mapping[str, Any]


def job_cost(benchmark: str | Path, job: Mapping[str, Any]) -> dict[str, Any]:
    """
    Read the cost of one job.

    Parameters
    ----------
    benchmark : str or Path
        Snakemake's benchmark of the job.
    job : mapping
        ``stage``, ``cohort`` and its other names, as columns of the table ``cost``.

    Returns
    -------
    dict
        Columns of the table ``cost``.
    """
    measured = pd.read_csv(benchmark, sep="\t", na_values=["-"]).iloc[-1]
    return {name: job[name] for name in HEAD if name in job} | {
        "seconds": float(measured["s"]),
        "cpu_seconds": measured["cpu_time"],
        "peak_memory_mb": measured["max_rss"],
    }


def training_cost(benchmark: str | Path, record: str | Path) -> dict[str, Any]:
    """
    Read the cost of one training; those on copies with other labels count under their cohort.

    Parameters
    ----------
    benchmark : str or Path
        Snakemake's benchmark of the job.
    record : str or Path
        Its ``run.json``.

    Returns
    -------
    dict
        As for `job_cost`, with ``samples``, the training samples seen, and how many of the folds were trained again
        after the GPU's memory was full.
    """
    run = read_json(record)
    cohort = parent_cohort(run["cohort"])
    stage = "train" if cohort == run["cohort"] else PERMUTE
    job = job_cost(benchmark, run | {"stage": stage, "cohort": cohort})
    return job | _training(job, run)


def _training(job: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Add a training's own record; folds that were finished before a resumed job count by their own seconds."""
    folds = [fold for fold in record["folds"] if "seconds" in fold]
    trained = sum(fold["seconds"] for fold in folds)
    on_gpu = record["device"] != "cpu"
    return {
        "seconds": max(job["seconds"], trained),
        "resumed": trained > job["seconds"],
        "device": record["device"],
        "device_seconds": trained if on_gpu else None,
        "trained": trained,
        "folds": len(folds),
        "again": sum("accumulate" in fold for fold in folds),
        "samples": sum(fold["samples_per_second"] * fold["seconds"] for fold in folds),
        "energy_kwh": sum(fold["energy_kwh"] for fold in folds)
        if all("energy_kwh" in fold for fold in folds)
        else None,
        "peak_memory_mb": _largest([job["peak_memory_mb"], *(fold["peak_memory_bytes"] / MIB for fold in folds)]),
    }


def _largest(values: Sequence[Any]) -> float:
    """Return the largest of the known values."""
    return float(pd.Series(values, dtype=float).max())


def cost_table(
    jobs: Sequence[Mapping[str, Any]], replicates_of: Mapping[str, Sequence[str]], estimate: pd.DataFrame | None = None
) -> pd.DataFrame:
    """
    Sum jobs into one row per cohort, stage and purpose, followed by rows for the whole study.

    Parameters
    ----------
    jobs : sequence of dict
        As from `job_cost`.
    replicates_of : dict of str to sequence of str
        Replicated cohorts, which are summed together.
    estimate : pandas.DataFrame, optional
        Table ``estimate`` of the study, if it was made.

    Returns
    -------
    pandas.DataFrame
        Table ``cost``. The last rows have stage ``study``: the sum of each approach, and of everything.
    """
    group_of = {member: group for group, members in replicates_of.items() for member in members}
    columns = [*HEAD, "seconds", "cpu_seconds", "peak_memory_mb", "resumed", "device", "device_seconds", "energy_kwh"]
    table = pd.DataFrame(list(jobs), columns=[*columns, "trained", "samples", "folds", "again"])
    table["cohort"] = table["cohort"].replace(group_of)
    table["place"] = table["stage"].map(ORDER.index)
    parts = table.sort_values("place", kind="stable").groupby(HEAD, sort=False, dropna=False)
    rows = [dict(zip(HEAD, names, strict=True)) | _sum(part) for names, part in parts]
    approaches = table.groupby("approach", sort=True)
    rows += [{"stage": "study", "approach": name} | _sum(part) | UNLIKE for name, part in approaches]
    rows += [{"stage": "study"} | _sum(table) | UNLIKE] if len(table) else []
    summed = pd.DataFrame(rows, columns=list(table_schema("cost")["properties"]))
    if estimate is None:
        summed = summed.drop(columns="estimated_seconds")
    else:
        is_sum = summed["stage"] == "study"
        summed["estimated_seconds"] = [_estimated(estimate, name) for name in summed["approach"]]
        summed["estimated_seconds"] = summed["estimated_seconds"].where(is_sum)
    return check_table(summed, "cost", "the costs").round(DIGITS)


def _sum(jobs: pd.DataFrame) -> dict[str, Any]:
    trained = jobs["trained"].sum()
    return {
        "n_jobs": len(jobs),
        "seconds": jobs["seconds"].sum(),
        "cpu_seconds": _sum_of_known(jobs["cpu_seconds"]),
        "device": ", ".join(sorted(jobs["device"].dropna().unique())) or None,
        "device_seconds": _sum_of_known(jobs["device_seconds"]),
        "energy_kwh": _sum_of_known(jobs["energy_kwh"]),
        "peak_memory_mb": jobs["peak_memory_mb"].astype(float).max(),
        "samples_per_second": jobs["samples"].sum() / trained if trained else None,
        "reason": _reason(jobs),
    }


def _estimated(estimate: pd.DataFrame, approach: Any) -> float:
    """Return the estimated seconds of the jobs whose cost is recorded: of an approach, or of everything."""
    rows = estimate[estimate["stage"].isin(ORDER)]
    return float(rows.loc[pd.isna(approach) | (rows["approach"] == approach), "seconds"].sum())


def _sum_of_known(values: pd.Series) -> float:
    """Sum the known values; unknown if there are none."""
    return float(values.astype(float).sum(min_count=1))


def _reason(jobs: pd.DataFrame) -> str | None:
    short, resumed = int(jobs["cpu_seconds"].isna().sum()), int(jobs["resumed"].eq(True).sum())
    reasons = [f"{short} of {len(jobs)} jobs were too short for processors and memory to be measured"] * bool(short)
    reasons += [f"{resumed} of {len(jobs)} jobs were resumed: their seconds are those of their folds"] * bool(resumed)
    again, folds = int(jobs["again"].sum()), int(jobs["folds"].sum())
    reasons += [f"{again} of {folds} trainings filled the GPU and began again with minibatches in parts"] * bool(again)
    return "; ".join(reasons) or None
