"""The plan of a study times what was timed of it: jobs, seconds, memory, disk and bytes, by stage and approach."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gliobench.estimate.rows import rows_of_patient
from gliobench.evaluation.cost import PERMUTE
from gliobench.files import check_table, table_schema
from gliobench.splits import split_or_reason
from gliobench.terms import OK, parent_cohort
from gliobench.training.needed_memory import HELD
from gliobench.training.parts import ROLES

STAGES = {
    "generate": "generate",
    "audit_series": "audit",
    "preprocess": "preprocess",
    "tune": "tune",
    "explain": "explain",
}  # of rules whose cost is recorded; trainings aside
GATHERED = ("figures", "tables", "report")  # stages of the terminal that keep their name
MIB, MB, HOUR = 2**20, 10**6, 3600
BASIS = {
    "generate": "one patient generated",
    "audit": "one patient read",
    "preprocess": "one patient preprocessed",
    "tune": "timed steps of each network",
    "train": "timed steps of each network",
    PERMUTE: "timed steps of each network",
    "explain": "the start of a job",
    "figures": "the start of a job, and one figure drawn",
    "tables": "the start of a job, and one cell scored",
    "report": "the start of a job",
    "other": "the start of a job",
}


@dataclass
class Amounts:
    """
    What the jobs of a stage and approach take beside their starts.

    `by_memory` is how many seconds its trainings need if nothing but memory limits how many run at once.
    """

    seconds: float = 0.0
    least: float = 0.0
    on_device: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    read: float = 0.0
    longest: float = 0.0
    by_memory: float = 0.0

    def add(self, **amounts: float) -> None:
        """Add amounts; memory and the longest job are largest ones."""
        for name, amount in amounts.items():
            largest = name in ("memory", "longest")
            setattr(self, name, max(getattr(self, name), amount) if largest else getattr(self, name) + amount)


@dataclass
class Timed:
    """
    What was timed.

    Attributes
    ----------
    samples : dict
        By cohort, as `gliobench.estimate.sample.time_sample` returns it, with ``peak_bytes``, which each of
        its inputs has too.
    speeds : DataFrame
        Table ``speed`` of every approach, with ``approach``.
    starts : dict
        Seconds that a job of an approach (by its name), of ``images`` or of ``tables`` needs to start.
    tables : dict
        ``figure_seconds``, ``cell_seconds``, ``pair_seconds`` and ``peak_bytes``.
    """

    samples: Mapping[str, Mapping[str, Any]]
    speeds: pd.DataFrame
    starts: Mapping[str, float]
    tables: Mapping[str, float]


@dataclass
class Capacity:
    """What the study may use: cores, or jobs at once on a cluster; GPUs; and MB of memory that its jobs share."""

    cores: int
    gpus: int
    memory: float = math.inf

    def at_once(self, megabytes: float) -> float:
        """Return how many jobs of a size fit into the memory; one that is too large runs alone."""
        return math.inf if math.isinf(self.memory) else max(1, self.memory // megabytes)


@dataclass
class _Sum:
    """The parts of a study while they are added up."""

    timed: Timed
    capacity: Capacity
    parts: dict[tuple[str, str | None], Amounts] = field(default_factory=dict)

    def part(self, stage: str, approach: str | None = None) -> Amounts:
        return self.parts.setdefault((stage, approach), Amounts())


def estimate(
    jobs: pd.DataFrame,
    cells: Sequence[Mapping[str, Any]],
    cohorts: Mapping[str, str],
    inputs: Iterable[tuple[str, str, str]],
    figures: Mapping[str, int],
    timed: Timed,
    capacity: Capacity,
    seed: int,
) -> pd.DataFrame:
    """
    Add up what a study will take.

    Parameters
    ----------
    jobs : DataFrame
        Table ``jobs``, its approaches without the names of variants' own inputs.
    cells : sequence of dict
        As from `gliobench.estimate.networks.counted_cells`, with ``memory_mb`` that Snakemake counts for a training.
    cohorts : mapping of str to str
        Every cohort of the study, and the one that stands for it in ``samples``.
    inputs : iterable of (str, str, str)
        Cohort, name and approach of each input that is made.
    figures : mapping of str to int
        Figures drawn of each approach, and of none under an empty name.
    timed : Timed
        What was timed.
    capacity : Capacity
        What the study may use.
    seed : int
        Of the splits that are drawn to count patients.

    Returns
    -------
    DataFrame
        Table ``estimate``: a row per stage and approach, then the sum of each approach, and that of everything.
    """
    found = _Sum(timed, capacity)
    for first in cohorts.values():
        _add_images(found, timed.samples[first])
    for cohort, name, approach in inputs:
        _add_input(found, timed.samples[cohorts[cohort]], name, approach)
    for cell in cells:
        _add_trainings(found, cell, seed)
    _add_scores(found, cells, figures)
    rows = _rows(jobs, found)
    return _with_sums(rows, capacity, _one_after_another(found))


def _one_after_another(found: _Sum) -> float:
    """Return the seconds that no number of cores shortens: the longest job, or trainings that wait for memory."""
    parts = found.parts.values()
    return max([sum(part.by_memory for part in parts), *(part.longest for part in parts)])


def _add_images(found: _Sum, sample: Mapping[str, Any]) -> None:
    patients = _patients(sample)
    if sample["generated"]:
        seconds = patients * sample["generate_seconds"] + sample["generate_once"]
        found.part("generate").add(
            seconds=seconds,
            least=seconds,
            longest=seconds,
            disk=patients * sample["image_bytes"],
            memory=sample["peak_bytes"],
        )
    seconds = patients * sample["audit_seconds"]
    found.part("audit").add(
        seconds=seconds,
        least=seconds,
        disk=patients * sample["decoded_bytes"],
        read=patients * sample["image_bytes"],
        memory=sample["peak_bytes"],
    )


def _add_input(found: _Sum, sample: Mapping[str, Any], name: str, approach: str) -> None:
    made, patients = sample["inputs"][name], _patients(sample)
    seconds = patients * made["seconds"]
    found.part("preprocess", approach).add(
        seconds=seconds,
        least=seconds,
        disk=patients * made["bytes"],
        read=patients * (sample["decoded_bytes"] or sample["image_bytes"]),
        memory=made["peak_bytes"],
    )


def _add_trainings(found: _Sum, cell: Mapping[str, Any], seed: int) -> None:
    """Add the trainings of a cell, of its copies and of its tuning."""
    timed, approach = found.timed, cell["approach"]
    sample = timed.samples[cell["first"]]
    made = sample["inputs"][cell["input_name"]]
    speed = timed.speeds[(timed.speeds["approach"] == approach) & (timed.speeds["key"] == cell["key"])]
    folds = _folds(sample, cell["scheme"], seed) * rows_of_patient(made, made["kind"], cell["series"])
    whole, least = (_seconds(speed, folds, cell["epochs"], which) for which in (0, 1))
    once = float(speed["once_seconds"].sum())
    n_folds, on_gpu = len(folds) * cell["seeds"], speed["device"].iloc[0] != "cpu"
    read = sum(made["rows"].get(name, 0) for name in cell["series"]) * _patients(sample) * _row_bytes(made)
    memory = float(speed["peak_bytes"].max()) + HELD * read
    counted = cell["memory_mb"] + HELD * read / MB
    for stage, times, jobs in (("train", 1, cell["jobs"]), (PERMUTE, cell["copies"], cell["copy_jobs"])):
        if jobs:
            seconds, started = times * cell["seeds"] * whole.sum(), jobs * once
            found.part(stage, approach).add(
                seconds=seconds + started,
                least=times * cell["seeds"] * least.sum() + started,
                on_device=seconds if on_gpu else 0.0,
                disk=n_folds * float(speed["model_bytes"].iloc[0]) if stage == "train" else 0.0,
                read=jobs * read,
                memory=memory,
                longest=seconds / jobs + once,
                by_memory=(seconds + started + jobs * timed.starts[approach]) / found.capacity.at_once(counted),
            )
    if cell["trials"]:
        first = speed.iloc[:1]
        whole, least = (_seconds(first, folds.iloc[:1], cell["epochs"], which) for which in (0, 1))
        seconds, started = (cell["trials"] / cell["workers"] * amount for amount in (float(whole.sum()), once))
        found.part("tune", approach).add(
            seconds=seconds + started,
            least=cell["trials"] / cell["workers"] * float(least.sum()) + started,
            on_device=seconds if on_gpu else 0.0,
            read=cell["workers"] * read,
            memory=cell["workers"] * memory,
            longest=seconds + started,
            by_memory=(seconds + started) / found.capacity.at_once(cell["workers"] * counted),
        )


def _seconds(speed: pd.DataFrame, folds: pd.DataFrame, epochs: Mapping[str, Sequence[int]], which: int) -> pd.Series:
    """Return the seconds of each fold; `which`: 0 for the most epochs, 1 for the least."""
    seconds = pd.Series(0.0, index=folds.index)
    for phase in speed.to_dict("records"):
        epoch = folds["train"] * phase["row_seconds"] + folds["validation"] * phase["predict_seconds"]
        seconds += phase["fit_seconds"] + phase["networks"] * epochs[phase["phase"]][which] * epoch
        seconds += folds.sum(axis=1) * phase["predict_seconds"]
    return seconds


def _folds(sample: Mapping[str, Any], scheme: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """Return the patients of each fold by role, from the split as the study draws it; slices count as shares of one."""
    patients = pd.DataFrame(sample["patients"])
    series = _series(patients, max(1, round(sample["slices"])))
    split = split_or_reason(patients, series, dict(scheme), seed)
    roles = {role: split["role"].eq(role) for role in ROLES}
    counts = pd.DataFrame(roles).groupby([split["repeat"], split["fold"]]).sum().astype(float)
    by_slice = split["slice_index"].notna().any()
    return counts / max(1, round(sample["slices"])) if by_slice else counts


def _series(patients: pd.DataFrame, slices: int) -> pd.DataFrame:
    """Return a table ``series`` with one series of each patient; it is unusable where a patient lacks one."""
    lacks = patients["lacking"].notna() if "lacking" in patients else pd.Series(False, index=patients.index)
    status = lacks.map({False: OK, True: "missing"})
    return pd.DataFrame(
        {"patient_id": patients["patient_id"], "modality": "FLAIR", "status": status, "n_slices": slices}
    )


def _row_bytes(made: Mapping[str, Any]) -> float:
    rows = sum(made["rows"].values())
    return made["bytes"] / rows if rows else 0.0


def _add_scores(found: _Sum, cells: Sequence[Mapping[str, Any]], figures: Mapping[str, int]) -> None:
    """Add what scoring and drawing take beside the starts of their jobs."""
    tables, by_cohort = found.timed.tables, pd.Series([cell["cohort"] for cell in cells]).value_counts()
    pairs = (by_cohort * (by_cohort - 1) / 2).sum()
    scored = len(cells) * tables["cell_seconds"] + pairs * tables["pair_seconds"]
    found.part("tables").add(seconds=scored, least=scored, memory=tables["peak_bytes"])
    for approach, count in figures.items():
        drawn = count * tables["figure_seconds"]
        found.part("figures", approach or None).add(seconds=drawn, least=drawn, memory=tables["peak_bytes"])


def _patients(sample: Mapping[str, Any]) -> int:
    return len(sample["patients"]["patient_id"])


def stage_in_estimate(rule: str, shown: str, cohort: str | None) -> str:
    """Return the stage of a job in the table ``estimate``; `shown`: that in the terminal."""
    if rule.startswith("train_"):
        return "train" if cohort in (None, parent_cohort(cohort or "")) else PERMUTE
    return STAGES.get(rule, shown if shown in GATHERED else "other")


def _start(stage: str, approach: str | None, starts: Mapping[str, float]) -> float:
    if stage in ("tune", "train", PERMUTE, "explain"):
        return starts[str(approach)]
    return starts["images" if stage in ("generate", "audit", "preprocess", "other") else "tables"]


def _rows(jobs: pd.DataFrame, found: _Sum) -> list[dict[str, Any]]:
    """Return a row per stage and approach of the plan, with the starts of its jobs."""
    counts: dict[tuple[str, str | None], int] = {}
    for row in jobs.astype(object).where(jobs.notna(), None).to_dict("records"):
        key = (stage_in_estimate(row["rule"], row["stage"], row["cohort"]), row["approach"])
        counts[key] = counts.get(key, 0) + int(row["jobs"])
    speeds = found.timed.speeds
    devices: dict[str | None, str] = dict(zip(speeds["approach"], speeds["device"], strict=True))
    rows = []
    for (stage, approach), count in counts.items():
        part = found.parts.get((stage, approach), Amounts())
        started = count * _start(stage, approach, found.timed.starts)
        trains = stage in ("tune", "train", PERMUTE)
        rows.append(
            {
                "stage": stage,
                "approach": approach,
                "n_jobs": count,
                "seconds": part.seconds + started,
                "seconds_least": part.least + started,
                "device": devices[approach] if trains else None,
                "device_seconds": part.on_device if trains and devices[approach] != "cpu" else None,
                "peak_memory_mb": part.memory / MIB or None,
                "disk_mb": part.disk / MB,
                "read_mb": part.read / MB,
                "basis": BASIS[stage],
            }
        )
    order = list(BASIS)
    return sorted(rows, key=lambda row: (order.index(row["stage"]), row["approach"] or ""))


SUMMED = ("n_jobs", "seconds", "seconds_least", "disk_mb", "read_mb")


def _with_sums(rows: list[dict[str, Any]], capacity: Capacity, at_least: float) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=list(table_schema("estimate")["properties"]))
    sums = [{"approach": name} | _sum(part) for name, part in table.groupby("approach", sort=True)]
    whole = _sum(table)
    busy = max(whole["seconds"] / capacity.cores, at_least)
    on_gpus = whole["device_seconds"] / max(1, capacity.gpus) if whole["device_seconds"] else 0.0
    sums.append(whole | {"hours": max(busy, on_gpus) / HOUR})
    joined = pd.DataFrame([*rows, *({"stage": "study"} | each for each in sums)], columns=list(table))
    return check_table(joined, "estimate", "the estimate").round(6)


def _sum(rows: pd.DataFrame) -> dict[str, Any]:
    gpu = rows["device_seconds"].astype(float).sum(min_count=1)
    return {name: rows[name].sum() for name in SUMMED} | {
        "device": ", ".join(sorted(rows["device"].dropna().unique())) or None,
        "device_seconds": None if pd.isna(gpu) else float(gpu),
        "peak_memory_mb": rows["peak_memory_mb"].astype(float).max(),
    }
