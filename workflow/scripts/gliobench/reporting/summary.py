"""A study in sentences: what was found, whether it says anything about the papers, its progress, and its cost."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from gliobench.evaluation.columns import BASELINE, BLIND, CELL, HARMONISED, LEAKAGE_KEY, OWN, SEEN
from gliobench.evaluation.cost import FITTING
from gliobench.evaluation.replicates import ABOVE, BELOW, EQUIVALENT, NOT_SHOWN
from gliobench.evaluation.tested import asked_methods, harmonised_methods
from gliobench.evaluation.verdicts import JUDGED, ON_GENERATED, ON_OTHERS, VERDICTS, counted
from gliobench.terms import GENERATED, OF_PAPERS, PERMUTATIONS
from gliobench.wording import method_name, plural

SIDE = ["approach", "variant", "modality", "protocol", "phase"]

Tables = Mapping[str, pd.DataFrame]


def sentences(tables: Tables, replicates_of: Mapping[str, Sequence[str]] | None = None, own: bool = False) -> list[str]:
    """
    Say what was run, what was found, which published figures hold up, what the controls show, and how precise it is.

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        ``comparison``, and any others of the study by the names of their schemas. The sentences say if a table is
        missing or has no rows.
    replicates_of : dict of str to sequence of str, optional
        Replicated cohorts, which are reported together, in the table ``replicates``.
    own : bool
        Whether the study is of patients other than the papers': nothing is said of published figures.
    """
    there = {name: table for name, table in tables.items() if len(table)}
    members = {cohort for cohorts in (replicates_of or {}).values() for cohort in cohorts}
    papers = [] if own else [published_sentence(there.get("published_vs_reproduced"))]
    return [
        _run(there["comparison"]),
        _found(there, members),
        *papers,
        _controls(there.get("leakage"), there.get("replicates"), bool(members)),
        _precision(harmonised_methods(there["comparison"]).dropna(subset="auc_low"), there.get("cost")),
    ]


def _run(comparison: pd.DataFrame) -> str:
    approaches = set(comparison["approach"])
    methods = plural(len(approaches - {BASELINE}), "approach", "es")
    beside = " and the baselines" if BASELINE in approaches else " without a baseline"
    cohorts = plural(comparison["cohort"].nunique(), "cohort")
    return f"{methods}{beside} on {cohorts}; {count_sentence(comparison)}"


def _found(tables: Tables, members: set[str]) -> str:
    methods = harmonised_methods(tables["comparison"])
    if not methods["auc_low"].notna().any():
        return "No method has an AUC with an interval under the harmonised protocol."
    single = methods[~methods["cohort"].isin(members)]
    rows = single[single["auc_low"].notna()]
    if rows.empty:
        return _only_replicated(tables["comparison"], members)
    above = rows[rows["auc_low"] > 0.5]
    names = (_placed_name(row) for row in above.to_dict("records"))
    which = f" ({', '.join(names)})" if len(above) else ""
    bare = len(single) - len(rows)
    without = f"; {bare} more {'has' if bare == 1 else 'have'} no interval" if bare else ""
    asked = asked_methods(tables["comparison"]).drop_duplicates(CELL)
    asked = asked[~asked["cohort"].isin(members) & asked["status"].ne("missing")]
    lost = int(asked["status"].ne("ok").sum())
    without += f"; folds of {lost} of {plural(len(asked), 'method')} diverged or failed" if lost else ""
    return (
        f"Better than chance (interval of the AUC above 0.5, harmonised protocol): {len(above)} of "
        f"{plural(len(rows), 'method')}{which}{without}. {_beaten(rows, tables.get('pairwise'))}{_by_site(single)}"
    )


def _only_replicated(comparison: pd.DataFrame, members: set[str]) -> str:
    """Say why only replicated cohorts have methods with an interval: no other was asked for, or none came out."""
    others = comparison[~comparison["cohort"].isin(members) & comparison["protocol"].eq(HARMONISED)]
    if others["approach"].ne(BASELINE).any():
        return (
            "No method has an AUC with an interval under the harmonised protocol, except on replicated cohorts; see "
            "the controls."
        )
    return "Under the harmonised protocol, methods ran only on replicated cohorts; see the controls."


def _by_site(methods: pd.DataFrame) -> str:
    """Say how many methods lose AUC where only patients of one site are compared, by the paired interval."""
    rows = methods[methods["auc_minus_within_site_low"].notna()]
    if rows.empty:
        return ""
    lower = rows[rows["auc_minus_within_site_low"] > 0]
    higher = int((rows["auc_minus_within_site_high"] < 0).sum())
    named = "; ".join(
        f"{_placed_name(row)}, {row['auc']:.2f} and {row['auc_within_site']:.2f}" for row in lower.to_dict("records")
    )
    which = f" ({named})" if named else ""
    return (
        f" Where patients of a known site are compared only with each other, the AUC is lower for {len(lower)} of "
        f"{plural(len(rows), 'method')}{which}, higher for {higher}, and not shown to differ for "
        f"{len(rows) - len(lower) - higher}."
    )


def _placed_name(row: Mapping[Hashable, Any]) -> str:
    return f"{method_name(row)} on {row['cohort']}"


def _beaten(rows: pd.DataFrame, pairwise: pd.DataFrame | None) -> str:
    """Say how many methods are better than every baseline they were compared with, patient by patient."""
    margins = [] if pairwise is None else _margins(rows, pairwise)
    if not margins:
        return "No method could be compared with a baseline by patient."
    better = sum(margin > 0 for margin in margins)
    return f"Better than every baseline on the same patients: {better} of {plural(len(margins), 'method')}."


def _margins(rows: pd.DataFrame, pairwise: pd.DataFrame) -> list[float]:
    """
    Return for each method the lowest end of its differences from the baselines.

    A difference without an interval, such as a tie, is not distinguishable from 0, so its end counts as 0.
    """
    both = []
    for ours, theirs, sign, end in (("first", "second", 1, "low"), ("second", "first", -1, "high")):
        pairs = pairwise[
            pairwise[f"{theirs}_approach"].eq(BASELINE) & pairwise[["difference", end]].notna().any(axis=1)
        ]
        names = {f"{ours}_{name}": name for name in SIDE}
        both.append(pairs.rename(columns=names)[["cohort", *SIDE]].assign(margin=(sign * pairs[end]).fillna(0.0)))
    joined = pd.concat(both).merge(rows[["cohort", *SIDE]], on=["cohort", *SIDE])
    return joined.groupby(["cohort", *SIDE])["margin"].min().tolist()


def published_sentence(verdicts: pd.DataFrame | None) -> str:
    """Count the published figures by verdict, in words; `verdicts` is the table ``published_vs_reproduced``, if any."""
    if verdicts is None:
        return "Nothing about the papers has been found yet: no published figure was compared with this study's scores."
    rows = counted(verdicts)
    counts = {name: int(rows["verdict"].eq(name).sum()) for name in VERDICTS}
    judged = sum(counts[name] for name in JUDGED)
    if not judged:
        return (
            f"Nothing about the papers has been found yet: none of {plural(len(rows), 'published figure')} can be "
            f"judged here. Only scores of generated patients: {counts[ON_GENERATED]}; only of patients other than the "
            f"paper's: {counts[ON_OTHERS]}; not run: {counts['not run']}."
        )
    return (
        f"Of {plural(judged, 'comparison')} of a published figure with our score on the paper's own patients, the "
        f"verdict is consistent (not contradicted) for {counts['consistent']}, lower for {counts['lower']}, higher for "
        f"{counts['higher']}, and cannot tell for {counts['cannot tell']}; not judged here: "
        f"{plural(len(rows) - judged, 'figure')}."
    )


def _controls(leakage: pd.DataFrame | None, replicates: pd.DataFrame | None, replicated: bool) -> str:
    parts = [_leaks(leakage)] if leakage is not None else []
    if replicates is not None:
        means = replicates[replicates["control"].eq("mean") & replicates["metric"].eq("auc")]
        last = means.drop_duplicates(["cohort_group", *CELL[1:]], keep="last")
        parts += [_group(str(name), rows) for name, rows in last.groupby("cohort_group", sort=False)]
    said = list(filter(None, parts))
    if said:
        return f"Controls. {' '.join(said)}"
    if replicated or leakage is not None:
        return "The controls of this study have no result yet."
    return "This study has neither replicated cohorts nor a pair of slice splits: its controls are its baselines."


def _group(name: str, rows: pd.DataFrame) -> str:
    counts = rows["verdict"].value_counts()
    said = [f"{verdict} for {counts.get(verdict, 0)}" for verdict in (EQUIVALENT, ABOVE, BELOW, NOT_SHOWN)]
    bare = int(rows["verdict"].isna().sum())
    return (
        f"Replicated cohorts {name}: of {plural(len(rows), 'method')} the mean AUC is {', '.join(said[:-1])} "
        f"and {said[-1]}" + (f" ({bare} without an interval)." if bare else ".")
    )


def _leaks(leakage: pd.DataFrame) -> str:
    """
    Give the scores of slices in the untouched test part, averaged over the methods that have both splits.

    Permuted labels, where a method has them: there nothing but the leak can be learnt.
    """
    tested = leakage[(leakage["unit"] == "slice") & (leakage["part"] == "test")]
    permuted = tested[tested["labels"] == PERMUTATIONS]
    pairs = _paired(permuted)
    labels = "" if pairs.empty else "permuted labels, "
    pairs = _paired(tested[tested["labels"] == OWN]) if pairs.empty else pairs
    if pairs.empty:
        return ""
    means = pairs.groupby("split")[["accuracy", "auc"]].mean()
    free, apart = means.loc["slice"], means.loc["patient"]
    fewest, most = pairs["n_runs"].min(), pairs["n_runs"].max()
    runs = plural(fewest, "run") if fewest == most else f"{fewest} to {most} runs"
    return (
        f"Slice leak: {labels}where slices of one patient lie in training and test, the accuracy of slices is "
        f"{free['accuracy']:.2f} (AUC {free['auc']:.2f}); where they do not, {apart['accuracy']:.2f} (AUC "
        f"{apart['auc']:.2f}), over {runs}, without an interval here."
    )


def _paired(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the methods whose slices were split freely and by patient, and these two rows of each."""
    both = rows[rows["split"].isin(["slice", "patient"])]
    return both[both.groupby([*LEAKAGE_KEY, "phase"])["split"].transform("nunique").eq(2)]


def _precision(rows: pd.DataFrame, cost: pd.DataFrame | None) -> str:
    took = "" if cost is None else f" {cost_sentence(cost)}"
    if rows.empty:
        return f"No result has an interval that would show its precision.{took}"
    width = rows["auc_high"] - rows["auc_low"]
    if len(rows) == 1:
        return f"The 95 % interval of the method's AUC has a width of {width.iloc[0]:.2f}.{took}"
    return (
        f"The 95 % interval of a method's AUC has a median width of {width.median():.2f} (from {width.min():.2f} to "
        f"{width.max():.2f}).{took}"
    )


def status_sentence(cohort_kinds: Mapping[str, str]) -> str:
    """Say which cohorts are real, and that generated ones say nothing about the papers."""
    generated = [name for name, kind in cohort_kinds.items() if kind in GENERATED]
    papers = [name for name, kind in cohort_kinds.items() if kind in OF_PAPERS]
    others = [name for name in cohort_kinds if name not in [*papers, *generated]]
    controls = f" Generated cohorts serve as controls: {', '.join(generated)}." if generated else ""
    if papers or others:
        own = f" Further cohorts: {', '.join(others)}." if papers and others else ""
        return f"Cohorts of real patients: {', '.join(papers or others)}.{own}{controls}"
    return (
        f"Nothing about the papers has been found yet: every cohort here ({', '.join(generated)}) is generated. "
        "These results show whether the methods find a planted signal, and find nothing where there is none."
    )


def count_sentence(comparison: pd.DataFrame) -> str:
    """Count the cells of the study by status."""
    cells = comparison.drop_duplicates(CELL)
    counts = cells["status"].value_counts()
    shares = [f"{counts[name]} {name}" for name in ("ok", "diverged", "failed", "missing") if name in counts]
    return f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} in the table: {', '.join(shares)}."


def duration(seconds: float) -> str:
    """Format seconds for reading: 12 s, 3.4 min, 5.6 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def cost_sentence(cost: pd.DataFrame) -> str:
    """
    Say in a sentence what a study cost.

    Parameters
    ----------
    cost : pandas.DataFrame
        Table ``cost``, not empty.
    """
    whole = cost.iloc[-1]
    trained = cost.loc[cost["stage"].isin(FITTING), "seconds"].sum()
    share = f"{trained / whole['seconds']:.0%}".replace("%", " %")
    device = "" if pd.isna(whole["device"]) else f" (trained on {whole['device']})"
    memory = whole["peak_memory_mb"]
    largest = "" if pd.isna(memory) else f"; the largest needed {memory:,.0f} MiB of memory"
    estimate = whole.get("estimated_seconds")
    estimated = "" if estimate is None or pd.isna(estimate) else f" The estimate was {duration(estimate)}."
    return (
        f"{plural(whole['n_jobs'], 'job')} took {duration(whole['seconds'])} in total{device}, {share} of it for "
        f"training and tuning{largest}; scores, figures and pages are not timed.{estimated}"
    )


def visible_in_words(table: pd.DataFrame) -> str:
    """Say which methods see the easiest label, and what those that do reach on their own labels."""
    methods = [rows.to_dict("records") for _, rows in table.groupby([*CELL, "phase"], sort=False)]
    blind = [method_name(rows[0]) for rows in methods if rows[0]["network"] == BLIND]
    seeing = [rows for rows in methods if rows[0]["network"] != BLIND]
    own = [sum(row["labels"] == OWN and row["verdict"] == SEEN for row in rows) for rows in seeing]
    verb = "sees" if len(seeing) == 1 else "see"
    found = f"{len(seeing)} of {plural(len(methods), 'method')} {verb} the easiest label"
    found += f", {sum(own)} of them the cohort's own labels" if seeing else ""
    return f"{found}. Not shown to see: {', '.join(dict.fromkeys(blind))}." if blind else f"{found}."
