"""A study of one's own patients: its question, and its best method against its best baseline."""

from collections.abc import Collection, Hashable, Mapping
from typing import Any

import pandas as pd

from gliobench.evaluation.columns import BASELINE, HARMONISED, SIGNIFICANT
from gliobench.evaluation.tested import best_of, harmonised_baselines, harmonised_methods
from gliobench.wording import interval, method_name, reason

SIDE = ("approach", "variant", "modality", "protocol", "phase")

Row = Mapping[Hashable, Any]


def against(label_names: str | None) -> str:
    """Say which labels are told apart, label 1 first; `label_names` as in the table ``cohorts``, None if unknown."""
    names = (label_names or "").split(" / ")
    return f"{names[1]} against {names[0]}" if len(names) == 2 else "label 1 against label 0"


def question(study: Mapping[str, Any], label_names: Mapping[str, str]) -> str | None:
    """
    Return what a study asks, None if it is about the papers' figures alone.

    Parameters
    ----------
    study : dict
        From `gliobench.plan.study_question`.
    label_names : dict of str to str
        By cohort, as in the table ``cohorts``.
    """
    if study["question"] or not study["own"]:
        return study["question"]
    labels = dict.fromkeys(map(against, label_names.values())) or [against(None)]
    return f"Can the labels be told apart ({'; '.join(labels)}), and better than by a baseline?"


def question_and_answers(
    study: Mapping[str, Any],
    comparison: pd.DataFrame,
    pairwise: pd.DataFrame,
    label_names: Mapping[str, str],
    replicates_of: Mapping[str, Collection[str]],
) -> list[str]:
    """
    Return the title and question of a study, if it has them, and the answers if it is of its own patients.

    Parameters
    ----------
    study, label_names
        As for `question`.
    comparison, pairwise : pandas.DataFrame
        As for `answers`.
    replicates_of : dict of str to collection of str
        Replicated cohorts, which are not answered one by one.
    """
    asked = [text for text in (study["title"], question(study, label_names)) if text]
    if not study["own"]:
        return asked
    return asked + answers(
        comparison, pairwise, label_names, [name for names in replicates_of.values() for name in names]
    )


def answers(
    comparison: pd.DataFrame,
    pairwise: pd.DataFrame | None,
    label_names: Mapping[str, str],
    left_out: Collection[str] = (),
) -> list[str]:
    """
    Compare, in words, the best method of each cohort with its best baseline.

    Best is the highest AUC of test patients under the harmonised protocol, among the methods' main variants and among
    all baselines. One of several is called better if its p, times their number, is at most `SIGNIFICANT`.

    Parameters
    ----------
    comparison, pairwise : pandas.DataFrame
        The tables of these names; no `pairwise`, no paired comparison.
    label_names : dict of str to str
        By cohort, as in the table ``cohorts``.
    left_out : collection of str
        Cohorts that are reported elsewhere, such as replicates.

    Returns
    -------
    list of str
        One text per cohort on which a method was to be trained under the harmonised protocol.
    """
    return [
        f"{cohort}, {against(label_names.get(str(cohort)))}: {_answer(rows, pairwise)}"
        for cohort, rows in comparison.groupby("cohort", sort=False)
        if cohort not in left_out and _asked(rows)
    ]


def _asked(comparison: pd.DataFrame) -> bool:
    """Whether any method was to be trained under the harmonised protocol."""
    return bool((comparison["approach"].ne(BASELINE) & comparison["protocol"].eq(HARMONISED)).any())


def _answer(comparison: pd.DataFrame, pairwise: pd.DataFrame | None) -> str:
    methods, baselines = (
        rows[rows["auc"].notna()] for rows in (harmonised_methods(comparison), harmonised_baselines(comparison))
    )
    if methods.empty:
        return "no method has an AUC under the harmonised protocol."
    method = _best(methods)
    found = f"under the harmonised protocol, {_named_best(methods, 'method', method_name(method))}"
    if baselines.empty:
        missing = "There is no baseline to compare it with."
        return " ".join(filter(None, [f"{found}.", missing, _within([method]), _chosen({"method": len(methods)})]))
    baseline = _best(baselines)
    counts = {"method": len(methods), "baseline": len(baselines)}
    parts = [
        f"{found}; {_named_best(baselines, 'baseline', baseline['variant'])}.",
        _difference(method, baseline, pairwise, counts),
        _within([method, baseline]),
        _chosen(counts),
    ]
    return " ".join(filter(None, parts))


def _best(rows: pd.DataFrame) -> dict[Hashable, Any]:
    return best_of(rows).iloc[0].to_dict()


def _named_best(rows: pd.DataFrame, what: str, name: str) -> str:
    best = _best(rows)
    auc = interval(*(best[column] for column in ("auc", "auc_low", "auc_high")))
    lost = "" if best["status"] == "ok" else ", although some of its folds diverged or failed"
    if len(rows) == 1:
        return f"the only {what}, {name}, has an AUC of {auc}{lost}"
    return f"of {len(rows)} {what}s, {name} has the highest AUC, {auc}{lost}"


def _difference(method: Row, baseline: Row, pairwise: pd.DataFrame | None, counts: Mapping[str, int]) -> str:
    """
    Give the difference of two AUCs paired by patient, method minus baseline, and say who is better.

    The p of the better side is multiplied by the number among which it was chosen (Bonferroni).
    """
    row = None if pairwise is None else _pair(method, baseline, pairwise)
    if row is None:
        return "The two were not compared by patient."
    if pd.isna(row["difference"]):
        return f"By patient they could not be compared: {reason(row, 'their difference is undefined')}."
    told = interval(row["difference"], row["low"], row["high"])
    paired = f"Paired over the {row['n_patients']} patients that both scored, the difference is"
    if pd.isna(row["low"]):
        return f"{paired} {told}, without an interval: neither is shown to be better."
    ahead = "method" if row["low"] > 0 else "baseline" if row["high"] < 0 else None
    return f"{paired} {told}: {_verdict(ahead, row['p'], counts)}."


def _verdict(ahead: str | None, p: float, counts: Mapping[str, int]) -> str:
    neither = "neither is shown to be better"
    if ahead is None:
        return neither
    if counts[ahead] == 1:
        return f"the {ahead} is better"
    corrected = min(1.0, counts[ahead] * p)
    verdict = f"the {ahead} is better" if corrected <= SIGNIFICANT else neither
    return f"{verdict} (p {corrected:.2g}, corrected for the choice among {counts[ahead]} {ahead}s)"


def _pair(method: Row, baseline: Row, pairwise: pd.DataFrame) -> dict[Hashable, Any] | None:
    """Return the row of two sides in either order, as difference, low and high of method minus baseline."""
    for ours, theirs, sign in (("first", "second", 1), ("second", "first", -1)):
        same = pairwise["cohort"].eq(method["cohort"])
        for name in SIDE:
            same &= pairwise[f"{ours}_{name}"].eq(method[name]) & pairwise[f"{theirs}_{name}"].eq(baseline[name])
        for row in pairwise[same].to_dict("records"):
            low, high = (row["low"], row["high"]) if sign > 0 else (-row["high"], -row["low"])
            return row | {"difference": sign * row["difference"], "low": low, "high": high}
    return None


def _within(rows: list[dict[Hashable, Any]]) -> str:
    """Give the AUCs within sites, with their p where labels were permuted within sites; nothing without sites."""
    known = [row for row in rows if pd.notna(row["auc_within_site"])]
    if not known:
        return ""
    told = []
    for row in known:
        name = method_name(row) if row is rows[0] else row["variant"]
        auc = interval(*(row[f"auc_within_site{end}"] for end in ("", "_low", "_high")))
        p = row["p_chance_within_site"]
        told.append(f"{auc} for {name}" + ("" if pd.isna(p) else f" (permutation p {p:.2g})"))
    return f"Among patients of the same site, the AUC is {' and '.join(told)}."


def _chosen(counts: Mapping[str, int]) -> str:
    """Say that choosing the best after looking is optimistic; nothing where there was no choice."""
    chosen = [what for what, count in counts.items() if count > 1]
    if not chosen:
        return ""
    optimistic = "the AUCs of both are" if len(chosen) > 1 else "its AUC is"
    plural = "were" if len(chosen) > 1 else "was"
    return f"The best {' and the best '.join(chosen)} {plural} chosen by these scores, so {optimistic} optimistic."
