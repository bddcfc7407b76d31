"""Which published figures hold up: each with the reproduced score, the difference, and a verdict by a stated rule."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from gliobench.evaluation.columns import CELL, HARMONISED
from gliobench.files import check_table, table_schema

MARGIN = 0.05  # a smaller difference does not matter
METRICS = ("accuracy", "auc", "precision", "recall", "specificity", "f1")
VERDICTS = ("consistent", "lower", "higher", "cannot tell", "not comparable: generated", "not run")
JUDGED = VERDICTS[:4]  # on the paper's own kind of cohort
METHOD = ["approach", "variant", "modality"]
FIGURE = [*METHOD, "phase", "part", "published_protocol", "metric"]
Z = 1.959964  # of a 95 % normal interval
DIGITS = 6

Row = Mapping[Any, Any]
Ends = tuple[float, float]
UNKNOWN: Ends = (float("nan"), float("nan"))


def verdict(low: float, high: float) -> str:
    """
    Judge the interval of a difference, reproduced minus published.

    Parameters
    ----------
    low, high : float
        Its 95 % interval, the published error included; not numbers if unknown.

    Returns
    -------
    str
        ``higher`` or ``lower`` if the interval excludes 0, ``consistent`` if it lies within `MARGIN` of 0,
        otherwise ``cannot tell``.
    """
    if low > 0:
        return "higher"
    if high < 0:
        return "lower"
    return "consistent" if low >= -MARGIN and high <= MARGIN else "cannot tell"


def difference_interval(first: float, first_ends: Ends, second: float, second_ends: Ends) -> Ends:
    """
    Interval of the difference of two independent scores, from their own intervals.

    The method of variance estimates recovery, MOVER (Zou and Donner, Stat Med 2008; for two Wilson intervals it is
    Newcombe's method 10, Stat Med 1998). If both scores share patients it is too wide, not too narrow, as long
    as the scores are positively correlated.

    Parameters
    ----------
    first, second : float
        The scores; the difference is first minus second.
    first_ends, second_ends : (float, float)
        Their intervals, of the same level; not numbers if unknown.
    """
    below = np.hypot(first - first_ends[0], second_ends[1] - second)
    above = np.hypot(first_ends[1] - first, second - second_ends[0])
    difference = first - second
    return float(difference - below), float(difference + above)


def published_interval(figure: Row, metric: str) -> tuple[Ends, str | None]:
    """
    95 % interval of a published figure, as far as the paper says what it counts.

    Wilson's interval for a proportion (JASA 1927); for an AUC the normal interval with the standard error of Hanley
    and McNeil (Radiology 1982).

    Parameters
    ----------
    figure : dict
        A row of the table ``published``.
    metric : str
        One of `METRICS`.

    Returns
    -------
    (float, float)
        Not numbers if unknown.
    str or None
        Why it is unknown.
    """
    value = float(figure[metric])
    n, positive = _known(figure["n"]), _known(figure["n_positive"])
    if figure["unit"] == "slice":
        return UNKNOWN, "slices of a patient are not independent, so the published figure has no interval"
    if np.isnan(n):
        return UNKNOWN, "the paper does not state how many patients its figure counts, so its error is unknown"
    if figure["unit"] == "unstated":
        return UNKNOWN, f"the paper does not state whether its n = {n:.0f} counts patients or slices"
    if metric == "accuracy":
        return _wilson(value, n), None
    if metric in ("precision", "f1"):
        return UNKNOWN, f"the error of {metric} is unknown: the paper does not state what it counts"
    if np.isnan(positive):
        return UNKNOWN, "the paper does not state how many of its patients are positive, so its error is unknown"
    if metric == "auc" and value in (0, 1):
        return UNKNOWN, f"the error of an AUC of {value:g} is unknown: its formula gives none at 0 and 1"
    if metric == "auc":
        return _hanley_mcneil(value, positive, n - positive), None
    return _wilson(value, positive if metric == "recall" else n - positive), None


def _known(count: Any) -> float:
    return float("nan") if pd.isna(count) else float(count)


def _wilson(value: float, n: float) -> Ends:
    low, high = proportion_confint(value * n, n, method="wilson")
    return float(low), float(high)


def _hanley_mcneil(auc: float, positive: float, negative: float) -> Ends:
    both_positive, both_negative = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positive - 1) * (both_positive - auc**2) + (negative - 1) * (both_negative - auc**2)
    half = Z * float(np.sqrt(variance / (positive * negative)))
    return max(auc - half, 0.0), min(auc + half, 1.0)


def last_training_scores(histories: Sequence[pd.DataFrame], records: Sequence[Row]) -> pd.DataFrame:
    """
    Accuracy on the training part at the last epoch, as papers report it, mean over the runs of a cell.

    Parameters
    ----------
    histories : sequence of pandas.DataFrame
        Tables ``history``.
    records : sequence of dict
        Their ``run.json``, in the same order.

    Returns
    -------
    pandas.DataFrame
        One row per cell and phase: cohort, approach, variant, modality, protocol, phase, part, unit, accuracy, status.
    """
    tables = [
        history.assign(**{name: record[name] for name in [*CELL, "repeat", "seed_index"]})
        for history, record in zip(histories, records, strict=True)
    ]
    head = [*CELL, "phase"]
    columns = [*head, "accuracy", "part", "unit", "status", "reason"]
    if not tables:
        return pd.DataFrame(columns=columns)
    last = pd.concat(tables).groupby([*head, "repeat", "seed_index", "fold"], sort=False)["accuracy"].last()
    means = last.groupby(head, sort=False).mean().reset_index()
    return means.assign(part="train", unit="slice", status="ok", reason=None)[columns]


def verdict_table(
    published: pd.DataFrame,
    comparison: pd.DataFrame,
    cohorts: Mapping[str, Row],
    groups: Mapping[str, Sequence[str]],
    training: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """
    Compare every published figure with the score reproduced here, and judge it.

    Parameters
    ----------
    published : pandas.DataFrame
        Table ``published``.
    comparison : pandas.DataFrame
        Table ``comparison``.
    cohorts : dict of str to dict
        For each cohort its ``kind``, the patients it is ``like`` (``rsna`` or ``brainstem``) and whether it is
        ``generated``.
    groups : dict of str to sequence of str
        Replicated cohorts: a group is one row, without scores.
    training : pandas.DataFrame, optional
        From `last_training_scores`.

    Returns
    -------
    pandas.DataFrame
        Table ``published_vs_reproduced``: one row per figure and cohort of the paper's kind that runs the method,
        and one for a figure if no such cohort runs its method.
    """
    scores = pd.concat([comparison, training]) if training is not None and len(training) else comparison
    places = _places(cohorts, groups)
    rows = [
        row
        for figure in published.to_dict("records")
        for metric in METRICS
        if pd.notna(figure[metric])
        for row in _rows_of(figure, metric, scores, places)
    ]
    table = pd.DataFrame(rows, columns=list(table_schema("published_vs_reproduced")["properties"]))
    return check_table(table, "published_vs_reproduced", "the verdicts").round(DIGITS)


def counted(verdicts: pd.DataFrame) -> pd.DataFrame:
    """
    Return the rows of ``published_vs_reproduced`` to count: a figure counts per judgement, or once without one.

    Otherwise each generated cohort next to the paper's own would count the same figure again.
    """
    judged = verdicts["verdict"].isin(JUDGED)
    # A figure that no real cohort runs is `not run`, even if generated cohorts have rows for it.
    order = verdicts.loc[~judged, "verdict"].ne("not run").sort_values(kind="stable").index
    rest = verdicts.loc[order].drop_duplicates(FIGURE)
    settled = pd.MultiIndex.from_frame(verdicts.loc[judged, FIGURE])
    return pd.concat([verdicts[judged], rest[~pd.MultiIndex.from_frame(rest[FIGURE]).isin(settled)]]).sort_index()


def _places(cohorts: Mapping[str, Row], groups: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Cohorts by themselves, and each group of replicates as one place with its members."""
    group_of = {member: group for group, members in groups.items() for member in members}
    names = {group_of.get(cohort, cohort): cohort for cohort in cohorts}
    return [
        {**cohorts[cohort], "name": name, "members": groups.get(name, [cohort]), "replicated": name in groups}
        for name, cohort in names.items()
    ]


def _rows_of(
    figure: Row, metric: str, scores: pd.DataFrame, places: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    names = ["approach", "variant", "modality", "phase", "part", "unit"]
    ends, why_unknown = published_interval(figure, metric)
    head = {name: figure[name] for name in names} | {
        "metric": metric,
        **_interval("published", figure[metric], ends),
        "published_n": figure["n"],
        "published_source": figure["source"],
        "note": figure["note"],
        "cohort_kind": figure["cohort_kind"],
        "published_protocol": figure["protocol"],
    }
    method = scores[(scores[METHOD] == [figure[name] for name in METHOD]).all(axis=1)]
    found = False
    for place in places:
        mine = method[method["cohort"].isin(place["members"])]
        if place["like"] == figure["cohort_kind"] and len(mine):
            found = True
            place_head = head | {"cohort": place["name"], "cohort_kind": place["kind"]}
            yield place_head | _outcome(figure, metric, mine, place, ends, why_unknown)
    if not found:
        yield head | {
            "verdict": "not run",
            "reason": "no cohort of this study that is of the paper's kind runs this method",
        }


def _interval(name: str, value: float, ends: Ends) -> dict[str, float]:
    return {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}


def _outcome(
    figure: Row, metric: str, mine: pd.DataFrame, place: Mapping[str, Any], ends: Ends, why_unknown: str | None
) -> dict[str, Any]:
    if place["replicated"]:
        reason = f"{place['name']} is a group of generated cohorts: their mean is in the table of replicates"
        return {"verdict": "not comparable: generated", "reason": reason}
    ours = _score(mine, metric, figure, figure["protocol"], figure["part"])
    row = {
        **_shown("reproduced", ours),
        **_shown("harmonised", _score(mine, metric, {**figure, "unit": "patient"}, HARMONISED, "test")),
    }
    if place["generated"]:
        reason = f"{place['name']} is generated: its scores say nothing about the paper"
        return row | {"verdict": "not comparable: generated", "reason": reason}
    return row | _judge(figure, metric, mine, ours, ends, why_unknown)


def _score(mine: pd.DataFrame, metric: str, figure: Row, protocol: str, part: str) -> dict[str, Any] | None:
    """Return our row of the same phase, part and unit; an unstated unit is taken as the patient."""
    unit = "slice" if figure["unit"] == "slice" else "patient"
    alike = mine[["protocol", "phase", "part", "unit"]] == [protocol, figure["phase"], part, unit]
    rows = mine[alike.all(axis=1)].to_dict("records")
    if not rows:
        return None
    row = rows[0]
    ends = {end: row.get(f"{metric}_{end}", float("nan")) for end in ("low", "high")}
    reason = row["reason"] if pd.notna(row["reason"]) else f"{metric} is not defined"
    return {"value": row[metric], **ends, "status": row["status"], "reason": reason}


def _shown(name: str, score: Row | None) -> dict[str, Any]:
    return {} if score is None else _interval(name, score["value"], (score["low"], score["high"]))


def _judge(
    figure: Row, metric: str, mine: pd.DataFrame, ours: Row | None, ends: Ends, why_unknown: str | None
) -> dict[str, Any]:
    """Judge a figure on the paper's own kind of cohort."""
    if ours is None:
        return _without_score(figure, mine)
    if pd.isna(ours["value"]):
        return {"verdict": "cannot tell", "reason": ours["reason"]}
    difference = ours["value"] - figure[metric]
    own = (ours["low"], ours["high"])
    low, high = difference_interval(ours["value"], own, figure[metric], ends)
    reasons = [why_unknown, _other_average(figure, metric), None if pd.notna(own[0]) else "ours has no interval"]
    if ours["status"] != "ok":
        reasons.append(str(ours["reason"]))
    known = not any(reasons)
    return {
        **_interval("difference", difference, (low, high)),
        "verdict": verdict(low, high) if known else "cannot tell",
        "reason": "; ".join(filter(None, reasons)) or _too_wide(low, high),
    }


def _without_score(figure: Row, mine: pd.DataFrame) -> dict[str, Any]:
    under = mine[mine["protocol"] == figure["protocol"]]
    if under.empty:
        return {"verdict": "not run", "reason": f"this study does not run the paper's protocol {figure['protocol']}"}
    wrong = under[under["status"] != "ok"]
    if len(wrong):
        return {"verdict": "cannot tell", "reason": str(wrong["reason"].iloc[0])}
    return {"verdict": "not run", "reason": f"the {figure['part']} part of phase {figure['phase']} is not scored here"}


def _other_average(figure: Row, metric: str) -> str | None:
    if metric in ("accuracy", "auc", "specificity") or pd.isna(figure["averaging"]):
        return None
    average = figure["averaging"]
    return (
        None if average == "positive class" else f"the paper's {metric} is a {average} average, ours the positive class"
    )


def _too_wide(low: float, high: float) -> str | None:
    if verdict(low, high) != "cannot tell":
        return None
    return f"the interval of the difference covers 0 and reaches beyond {MARGIN:g}: too few patients for a verdict"
