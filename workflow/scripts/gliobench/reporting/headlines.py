"""The first tables of the report: one row per cell, and a paper's own figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gliobench.evaluation.columns import BASELINE, CELL, HARMONISED, MAIN, PUBLISHED
from gliobench.evaluation.verdicts import ON_GENERATED, VERDICTS, counted
from gliobench.reporting.display import CHANGED, MARK, Display, changed_settings
from gliobench.wording import EMPTY, interval, method_name, published_name, title

NEEDLESS = {"Published": {EMPTY}, "Verdict": {EMPTY, ON_GENERATED}, "Status": {"ok"}}

Row = Mapping[Any, Any]


def headline_rows(comparison: pd.DataFrame, left_out: Sequence[str] = ()) -> pd.DataFrame:
    """
    Choose one row per cell: the approaches as in their papers, and the baselines, scored by patient.

    Parameters
    ----------
    comparison : pandas.DataFrame
        Table ``comparison``.
    left_out : sequence of str
        Cohorts that are shown elsewhere, such as replicates.

    Returns
    -------
    pandas.DataFrame
        The rows of variant ``main`` (all variants of the baselines), each cell in its last phase, with its test
        part or else the first part it has; cohort by cohort, the baselines last.
    """
    mains = comparison["variant"].eq(MAIN) | comparison["approach"].eq(BASELINE)
    chosen = comparison[mains & comparison["unit"].ne("slice") & ~comparison["cohort"].isin(list(left_out))]
    last = chosen.groupby(CELL, sort=False)["phase"].transform("last")
    # A cell without scores is one row without a phase.
    rows = chosen[chosen["phase"].eq(last) | last.isna()].drop_duplicates(CELL)
    cohorts = list(dict.fromkeys(comparison["cohort"]))
    place = pd.DataFrame({"cohort": rows["cohort"].map(cohorts.index), "baseline": rows["approach"].eq(BASELINE)})
    return rows.loc[place.sort_values(["cohort", "baseline"], kind="stable").index]


def show_headlines(rows: pd.DataFrame, verdicts: pd.DataFrame | None, own: bool = False) -> Display:
    """
    Lay out the main results.

    Parameters
    ----------
    rows : pandas.DataFrame
        From `headline_rows`.
    verdicts : pandas.DataFrame or None
        Table ``published_vs_reproduced``.
    own : bool
        Whether the study is of patients other than the papers'.
    """
    records = rows.to_dict("records")
    columns = {
        "Cohort": [row["cohort"] for row in records],
        "Approach": [_name(row) for row in records],
        "Modality": [row["modality"] for row in records],
        "AUC": [interval(row["auc"], row["auc_low"], row["auc_high"]) for row in records],
        "Accuracy": [interval(row["accuracy"], row["accuracy_low"], row["accuracy_high"]) for row in records],
        "Published": [_published(row) for row in records],
        "Verdict": [_verdict(row, verdicts) for row in records],
        "n": [EMPTY if pd.isna(row["n_patients"]) else str(row["n_patients"]) for row in records],
        "Protocol": [row["protocol"] for row in records],
        "Status": [row["status"] for row in records],
    }
    shown = {name: cells for name, cells in columns.items() if not set(cells) <= NEEDLESS.get(name, set())}
    caption = f"{_whose_settings(rows, own)}: 95 % intervals by patient, threshold 0.5."
    return Display(pd.DataFrame(shown), frozenset(["n", "AUC", "Accuracy"]), caption, 3, _notes(records))


def _whose_settings(rows: pd.DataFrame, own: bool) -> str:
    """Say which of the approaches shown have their papers' settings; in a study of its own, the usual ones."""
    methods = rows[rows["approach"] != BASELINE]
    beside = ", and the baselines" if len(methods) < len(rows) else ""
    if methods.empty:
        return "The baselines"
    if not methods["settings"].eq(CHANGED).any():
        whose = "usual" if own else "paper's"
        return f"Each approach with its {whose} settings{beside}"
    return f"Each approach{beside}; those with {MARK} have {changed_settings(own)}"


def _name(row: Row) -> str:
    variant = "" if row["variant"] == MAIN else f" {row['variant']}"
    return f"{row['approach']}{variant}{MARK if row['settings'] == CHANGED else ''}"


def _notes(records: Sequence[Row]) -> tuple[str, ...]:
    """Explain the rows that have a caveat, a status other than ok, or no AUC."""
    found: dict[str, list[str]] = {}
    for row in records:
        why_no_auc: str | None = f"no AUC: {row['auc_reason']}" if pd.notna(row["auc_reason"]) else None
        facts = [row["caveat"], row["reason"] if row["status"] != "ok" else why_no_auc]
        for fact in filter(pd.notna, facts):
            cell = f"{method_name(row)} on {row['cohort']}, {row['protocol']}"
            found.setdefault(fact, []).append(cell)
    return tuple(f"{'; '.join(cells)}: {fact}" for fact, cells in found.items())


def _published(row: Row) -> str:
    figures = [(name, row[f"published_{name}"]) for name in PUBLISHED if name in ("auc", "accuracy")]
    return ", ".join(f"{title(name)} {value:g}" for name, value in figures if pd.notna(value)) or EMPTY


def _verdict(row: Row, verdicts: pd.DataFrame | None) -> str:
    """Join the verdicts on the figures that this row reproduces; one word if all agree."""
    if verdicts is None or row["protocol"] == HARMONISED:
        return EMPTY
    names = {"published_protocol": "protocol"} | {name: name for name in (*CELL[:-1], "phase", "part")}
    same = pd.concat([verdicts[theirs].eq(row[ours]) for theirs, ours in names.items()], axis=1).all(axis=1)
    mine = verdicts[same & verdicts["unit"].ne("slice") & verdicts[["epoch", "subgroup"]].isna().all(axis=1)]
    if len(mine["verdict"].unique()) == 1:
        return str(mine["verdict"].iloc[0])
    told = dict.fromkeys(f"{published_name(one)}: {one['verdict']}" for one in mine.to_dict("records"))
    return ", ".join(told) or EMPTY


def verdict_counts(verdicts: pd.DataFrame) -> dict[str, int]:
    """Count the published figures by verdict, in a fixed order; a figure counts per judgement, or once without one."""
    counts = counted(verdicts)["verdict"].value_counts()
    return {name: int(counts.get(name, 0)) for name in VERDICTS}


def show_claims(published: pd.DataFrame) -> Display:
    """Lay out a paper's figures, each with its source and its doubts: rows of table ``published``."""
    records = published.to_dict("records")
    names = ["variant", "modality", "protocol", "phase", "part", "unit"]
    columns = {title(name): [str(row[name]) for row in records] for name in names}
    columns["n"] = [EMPTY if pd.isna(row["n"]) else str(row["n"]) for row in records]
    columns["Score"] = [published_name(row) for row in records]
    columns["Published"] = ["NaN" if pd.isna(row["value"]) else f"{row['value']:g}" for row in records]
    columns["Source"] = [row["source"] for row in records]
    caption = "The paper's figures, as printed; percentages as shares."
    return Display(pd.DataFrame(columns), frozenset(["n", "Published"]), caption, len(names), _doubts(records))


def _doubts(records: Sequence[Row]) -> tuple[str, ...]:
    """Collect the doubts about printed figures, each once with the figures it applies to."""
    found: dict[str, list[str]] = {}
    for row in records:
        if pd.notna(row["note"]):
            names = [row[name] for name in ("variant", "modality", "phase", "part") if row[name] != "final"]
            found.setdefault(row["note"], []).append(" ".join(names))
    return tuple(f"{'; '.join(dict.fromkeys(figures))}: {note}" for note, figures in found.items())
