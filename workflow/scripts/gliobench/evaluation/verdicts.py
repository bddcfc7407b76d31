"""Which published figures hold up: each with our score, the figures to be expected, and a verdict by a stated rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.columns import CELL, HARMONISED
from gliobench.evaluation.grim import POSITIVE
from gliobench.evaluation.prediction import DRAWS, Expected, Ours, by_prediction, needed, over_repeats
from gliobench.evaluation.published import (
    Figure,
    as_figures,
    assumption,
    grim,
    has_our_score,
    needs_repeats,
    our_name,
    our_unit,
    possible_sizes,
    why_never,
    why_no_prediction,
)
from gliobench.files import check_table, table_schema

ENOUGH_REPEATS = 20  # for an interval over our own
LARGEST_DETECTABLE = 0.2  # a study that would miss more than this cannot say that a figure is consistent
ON_GENERATED, ON_OTHERS = "not comparable: generated", "not comparable: other patients"
VERDICTS = ("consistent", "lower", "higher", "cannot tell", ON_GENERATED, ON_OTHERS, "not run")
JUDGED = VERDICTS[:4]  # on the paper's own patients
GROUPED_BY = ["approach", "variant", "modality"]
FIGURE = [
    *GROUPED_BY,
    *("phase", "part", "epoch", "subgroup", "published_protocol", "metric", "averaging", "published_source"),
]
PRINTED = [*(name for name in FIGURE if name != "variant"), "published", "published_n"]  # whatever it stands beside
SEED = 1  # of every prediction, so that equal scores give equal verdicts
DIGITS = 6

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Scores:
    """
    The tables of a study that verdicts are made from.

    Attributes
    ----------
    comparison, variance : pandas.DataFrame
        The tables of these names.
    repeats : pandas.DataFrame
        Table ``repeats``, from predictions and from training histories.
    """

    comparison: pd.DataFrame
    variance: pd.DataFrame
    repeats: pd.DataFrame

    def of(self, figure: Figure, cohorts: Sequence[str]) -> "Scores":
        """Return the rows of a figure's method, on some cohorts."""
        method = tuple(figure[name] for name in GROUPED_BY)
        tables = zip((self.comparison, self.variance, self.repeats), self._places, strict=True)
        rows = [table.iloc[places.get(method, [])] for table, places in tables]
        return Scores(*(table[table["cohort"].isin(cohorts)] for table in rows))

    @cached_property
    def _places(self) -> list[Mapping[Any, Any]]:
        """Places of each table's rows by method: figures are many."""
        return [table.groupby(GROUPED_BY).indices for table in (self.comparison, self.variance, self.repeats)]


@dataclass(frozen=True)
class Judgement:
    """A verdict, what it was made from, and its reason."""

    verdict: str
    reason: str | None = None
    columns: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Return the columns of the table."""
        return {**self.columns, "verdict": self.verdict, "reason": self.reason}


@dataclass(frozen=True)
class Basis:
    """What a prediction is made from: the name of the rule, our value of the figure, and the scores that it needs."""

    rule: str
    value: float
    ours: dict[str, Ours]


def verdict(figure: float, expected: Expected) -> str:
    """
    Judge a published figure by the figures that a study like the paper's would print if our score is right.

    Parameters
    ----------
    figure : float
        As published.
    expected : Expected
        From `over_repeats` or `by_prediction`.

    Returns
    -------
    str
        ``lower``: ours is, since the figure lies above the interval; ``higher``: below it; ``consistent``: inside, and
        a difference of `LARGEST_DETECTABLE` would be found with a power of 80 %; otherwise ``cannot tell``.
    """
    if figure > expected.high:
        return "lower"
    if figure < expected.low:
        return "higher"
    return "consistent" if expected.detectable <= LARGEST_DETECTABLE else "cannot tell"


def verdict_for_all(figure: float, expected: Sequence[Expected]) -> str | None:
    """Return the verdict that holds for every number of patients that a figure may count; None if they differ."""
    found = {verdict(figure, one) for one in expected}
    return found.pop() if len(found) == 1 else None


def verdict_table(
    published: pd.DataFrame,
    scores: Scores,
    cohorts: Mapping[str, Row],
    replicates_of: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """
    Compare every published figure with the score reproduced here, and judge it.

    Parameters
    ----------
    published : pandas.DataFrame
        Table ``published``.
    scores : Scores
        The study's tables.
    cohorts : dict of str to dict
        For each cohort its ``kind``, the patients it is ``like`` (``rsna`` or ``brainstem``), whether it is
        ``generated``, and the number of its labelled patients, ``n_labelled`` (0 until they are read).
    replicates_of : dict of str to sequence of str
        Replicated cohorts: a group is one row, without scores.

    Returns
    -------
    pandas.DataFrame
        Table ``published_vs_reproduced``: one row per figure and cohort of the paper's kind that runs the method,
        and one for a figure if no such cohort runs its method.
    """
    places = _places(cohorts, replicates_of)
    figures = as_figures(published)
    sizes = possible_sizes(figures)
    rows = [row for figure, ns in zip(figures, sizes, strict=True) for row in _rows_of(figure, ns, scores, places)]
    table = pd.DataFrame(rows, columns=list(table_schema("published_vs_reproduced")["properties"]))
    return check_table(table, "published_vs_reproduced", "the verdicts").round(DIGITS)


def counted(verdicts: pd.DataFrame) -> pd.DataFrame:
    """
    Return the rows of ``published_vs_reproduced`` to count: a printed figure counts per judgement, or once without one.

    Otherwise each variant beside which it stands, and each generated cohort next to the paper's own, would count the
    same figure again.
    """
    judged = verdicts["verdict"].isin(JUDGED)
    # A figure that no real cohort runs is `not run`, even if generated cohorts have rows for it.
    order = verdicts.loc[~judged, "verdict"].ne("not run").sort_values(kind="stable").index
    rest = verdicts.loc[order].drop_duplicates(FIGURE)
    rest = rest.loc[rest["verdict"].eq("not run").sort_values(kind="stable").index].drop_duplicates(PRINTED)
    settled = pd.MultiIndex.from_frame(verdicts.loc[judged, PRINTED].astype(str))
    names = pd.MultiIndex.from_frame(rest[PRINTED].astype(str))
    return pd.concat([verdicts[judged], rest[~names.isin(settled)]]).sort_index()


def _places(cohorts: Mapping[str, Row], replicates_of: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Cohorts by themselves, and each group of replicates as one place with its members."""
    group_of = {member: group for group, members in replicates_of.items() for member in members}
    names = {group_of.get(cohort, cohort): cohort for cohort in cohorts}
    return [
        {
            **cohorts[cohort],
            "name": name,
            "members": replicates_of.get(name, [cohort]),
            "replicated": name in replicates_of,
        }
        for name, cohort in names.items()
    ]


def _rows_of(
    figure: Figure, sizes: Sequence[int], scores: Scores, places: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    names = ["approach", "variant", "modality", "phase", "part", "epoch", "subgroup", "unit", "metric", "averaging"]
    head = {name: figure[name] for name in names} | {
        "published": figure["value"],
        "published_n": figure["n"],
        "possible_n": ", ".join(map(str, sizes)) or None if figure["n"] is None else None,
        "grim": grim(figure, sizes),
        "published_source": figure["source"],
        "note": figure["note"],
        "cohort_kind": figure["cohort_kind"],
        "published_protocol": figure["protocol"],
    }
    found = False
    for place in places:
        mine = scores.of(figure, place["members"])
        if place["like"] == figure["cohort_kind"] and len(mine.comparison):
            found = True
            place_head = head | {"cohort": place["name"], "cohort_kind": place["kind"]}
            yield place_head | _outcome(figure, sizes, mine, place)
    if not found:
        why = "no cohort of this study that is of the paper's kind runs this method"
        yield head | Judgement("not run", why).row()


def _outcome(figure: Figure, sizes: Sequence[int], mine: Scores, place: Mapping[str, Any]) -> dict[str, Any]:
    name = place["name"]
    if place["replicated"]:
        why = f"{name} is a group of generated cohorts: their mean is in the table of replicates"
        return Judgement(ON_GENERATED, why).row()
    values = repeat_values(figure, mine.repeats)
    ours = _score(mine, figure) if figure["epoch"] is None else _of_epoch(values)
    row = {
        **_shown("reproduced", ours),
        **_shown("harmonised", _harmonised(mine, figure)),
        "n_repeats": len(values) if ours else None,
    }
    if place["generated"]:
        return row | Judgement(ON_GENERATED, f"{name} is generated: its scores say nothing about the paper").row()
    if not place["n_labelled"]:
        return row | Judgement("not run", f"the patients of {name} have not been read yet").row()
    if figure["cohort_n"] not in (place["n_labelled"], *mine.comparison["n_patients"].dropna()):
        why = f"{name} has {place['n_labelled']} labelled patients, the paper's cohort {figure['cohort_n']}"
        return row | Judgement(ON_OTHERS, why).row()
    return row | _judge(figure, sizes, mine, ours, values).row()


def repeat_values(figure: Figure, repeats: pd.DataFrame) -> np.ndarray:
    """
    Return our figures of the same protocol, phase, part, unit, epoch and averaging, one per split.

    Parameters
    ----------
    figure : dict
        A row of the table ``published``.
    repeats : pandas.DataFrame
        Rows of the table ``repeats`` for its method, on one cohort.

    Returns
    -------
    numpy.ndarray, shape (R,)
        The defined ones. Where a split was trained from several seeds the first counts, because figures that share a
        split are not independent.
    """
    names = ["protocol", "phase", "part"]
    same = (repeats[names] == [figure[name] for name in names]).all(axis=1) & repeats["metric"].eq(our_name(figure))
    if figure["epoch"] is None:
        same &= repeats["epoch"].isna() & repeats["unit"].eq(our_unit(figure))
    else:
        same &= repeats["epoch"].eq(figure["epoch"])
    first = repeats[same].sort_values(["repeat", "seed_index"]).drop_duplicates("repeat")
    return first["value"].dropna().to_numpy(float)


def _row_under(mine: Scores, figure: Figure, protocol: str, part: str, unit: str) -> Row | None:
    table = mine.comparison
    alike = table[["protocol", "phase", "part", "unit"]] == [protocol, figure["phase"], part, unit]
    rows = table[alike.all(axis=1)].to_dict("records")
    return rows[0] if rows else None


def _score(mine: Scores, figure: Figure) -> dict[str, Any] | None:
    """Return our score of the same phase, part and unit."""
    return _of_row(_row_under(mine, figure, figure["protocol"], figure["part"], our_unit(figure)), figure)


def _harmonised(mine: Scores, figure: Figure) -> dict[str, Any] | None:
    row = _row_under(mine, figure, HARMONISED, "test", "patient")
    return _of_row(row, figure) if figure["epoch"] is None else None


def _of_row(row: Row | None, figure: Figure) -> dict[str, Any] | None:
    if row is None or not has_our_score(figure):
        return None
    name = our_name(figure)
    reason: str = row["reason"] if pd.notna(row["reason"]) else f"{name} is not defined"
    ends = {end: row.get(f"{name}_{end}", np.nan) for end in ("low", "high")}
    return {"value": row[name], **ends, "reason": reason}


def _of_epoch(values: np.ndarray) -> dict[str, Any] | None:
    return {"value": float(values.mean()), "low": np.nan, "high": np.nan} if len(values) else None


def _shown(name: str, score: Row | None) -> dict[str, Any]:
    if score is None:
        return {}
    return {name: score["value"], f"{name}_low": score["low"], f"{name}_high": score["high"]}


def _judge(figure: Figure, sizes: Sequence[int], mine: Scores, ours: Row | None, values: np.ndarray) -> Judgement:
    """Judge a figure on the paper's own patients."""
    under = mine.comparison[mine.comparison["protocol"] == figure["protocol"]]
    if under.empty:
        return Judgement("not run", f"this study does not run the paper's protocol {figure['protocol']}")
    bad = under.loc[under["status"] != "ok", "reason"]
    reasons = [why_never(figure), *bad.head(1).astype(str)]
    if any(reasons):
        return Judgement("cannot tell", _reasons(*reasons))
    if ours is None:
        return Judgement("not run", f"the {figure['part']} part of phase {figure['phase']} is not scored here")
    if pd.isna(ours["value"]):
        return Judgement("cannot tell", ours["reason"])
    if len(values) >= ENOUGH_REPEATS:
        return _by_repeats(figure, values)
    why_repeats = needs_repeats(figure)
    if why_repeats:
        few = f"{ENOUGH_REPEATS} repeats with splits of their own are needed, and there are {len(values)}"
        return Judgement("cannot tell", f"{why_repeats}: {few}", {"difference": ours["value"] - figure["value"]})
    return _by_prediction(figure, sizes, mine)


def _by_repeats(figure: Figure, values: np.ndarray) -> Judgement:
    if np.ptp(values) == 0:
        return Judgement("cannot tell", f"all {len(values)} repeats give the same score, so their spread is unknown")
    expected = over_repeats(values)
    about = {"rule": "repeats", "difference": values.mean() - figure["value"]} | _interval([expected])
    found = verdict(figure["value"], expected)
    return Judgement(found, _reasons(_too_wide(found, expected), assumption(figure)), about)


def _by_prediction(figure: Figure, sizes: Sequence[int], mine: Scores) -> Judgement:
    """Judge by what our interval predicts, for every n that the paper allows."""
    no_prediction = why_no_prediction(figure, sizes)
    if no_prediction:
        return Judgement("cannot tell", no_prediction)
    basis = _basis(figure, mine)
    if isinstance(basis, str):
        return Judgement("cannot tell", basis)
    expected = [predicted(figure, basis.ours, n) for n in sizes]
    found, widest = verdict_for_all(figure["value"], expected), max(expected, key=lambda one: one.sd)
    about = {"rule": basis.rule, "difference": basis.value - figure["value"]} | _interval(expected)
    if found is None:
        by_n = "; ".join(f"{n}: {verdict(figure['value'], one)}" for n, one in zip(sizes, expected, strict=True))
        return Judgement("cannot tell", f"the verdict depends on n, which the paper does not state ({by_n})", about)
    return Judgement(found, _reasons(_too_wide(found, widest), assumption(figure)), about)


def predicted(figure: Figure, ours: Mapping[str, Ours], n: int, draws: int = DRAWS) -> Expected:
    """
    Predict a figure from our scores.

    Parameters
    ----------
    figure : dict
        A row of the table ``published``.
    ours : dict of str to Ours
        The scores that `gliobench.evaluation.prediction.needed` names.
    n : int
        Patients behind the figure.
    draws : int
        As for `gliobench.evaluation.prediction.by_prediction`.
    """
    averaging = figure["averaging"] or POSITIVE
    positive = None if figure["n_positive"] is None else int(figure["n_positive"])
    return by_prediction(figure["metric"], ours, n, positive, int(figure["decimals"]), SEED, averaging, draws)


def _basis(figure: Figure, mine: Scores) -> Basis | str:
    """
    Choose the score to predict from: of the harmonised protocol, which tests every patient, or of the paper's own.

    Returns
    -------
    Basis or str
        If neither serves, why.
    """
    scores = needed(figure["metric"], figure["averaging"] or POSITIVE)
    why = ""
    for protocol, rule in {HARMONISED: "harmonised", figure["protocol"]: "paper's protocol"}.items():
        row = _row_under(mine, figure, protocol, "test", "patient")
        if row is None or row["status"] != "ok" or pd.isna(row[our_name(figure)]):
            continue
        ours = {name: _ours(row, mine.variance, name) for name in scores}
        lacks = _lacks(ours, of_procedure=pd.notna(row["interval_factor"]))
        if not lacks:
            return Basis(f"prediction, {rule}", float(row[our_name(figure)]), ours)
        why = f"under the protocol {protocol} {lacks}"
    return why


def _lacks(ours: Mapping[str, Ours], of_procedure: bool) -> str | None:
    """Say what our scores lack for a prediction."""
    bare = [name for name, one in ours.items() if np.isnan([one.low, one.high]).any()]
    if bare:
        return f"our {' and '.join(bare)} has no interval"
    if not of_procedure:
        return "our interval is for the fitted models of one training part, and says nothing of other trainings"
    unknown = [name for name, one in ours.items() if np.isnan(one.sd_trainings)]
    return f"it is not known how much {' and '.join(unknown)} differs between trainings" if unknown else None


def _ours(row: Row, variance: pd.DataFrame, name: str) -> Ours:
    keys = [*CELL, "phase"]
    same = (variance[keys] == [row[key] for key in keys]).all(axis=1) & variance["metric"].eq(name)
    spread = variance.loc[same, "sd_trainings"]
    return Ours(row[f"{name}_low"], row[f"{name}_high"], float(spread.iloc[0]) if len(spread) else np.nan)


def _interval(expected: Sequence[Expected]) -> dict[str, float]:
    return {
        "expected_low": min(one.low for one in expected),
        "expected_high": max(one.high for one in expected),
        "detectable_difference": max(one.detectable for one in expected),
    }


def _reasons(*reasons: str | None) -> str | None:
    return "; ".join(filter(None, reasons)) or None


def _too_wide(found: str, expected: Expected) -> str | None:
    if found != "cannot tell":
        return None
    return (
        f"the figure lies among the expected ones, but only a difference of {expected.detectable:.2f} would be found, "
        f"and not one of {LARGEST_DETECTABLE:.2f}"
    )
