"""Every sentence of the first page agrees with its tables, on drawn ones with ties, empty cells and own approaches."""

import re

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gliobench.files import check_table, table_schema
from gliobench.reporting.own_study import answers
from gliobench.reporting.summary import sentences as all_sentences

COHORTS, GROUP = ("planted", "no-signal"), ("many-01", "many-02")
APPROACHES = ("cnn3d", "resnet18", "mine")  # mine: a user's own, without a variant called main
AUCS = st.sampled_from([None, 0.3, 0.5, 0.6, 0.8, 1.0])
SIDE = ["approach", "variant", "modality", "protocol", "phase"]


def table(schema, rows):
    return check_table(pd.DataFrame(rows, columns=list(table_schema(schema)["properties"])), schema, "the test")


@st.composite
def studies(draw):
    """A comparison, and the pairs of its networks with its baselines; none may be left."""
    rows, pairs = [], []
    baselines = draw(st.sets(st.sampled_from(["prior", "header", "intensity"])))
    for cohort in draw(st.sets(st.sampled_from([*COHORTS, *GROUP]), min_size=1)):
        head = {"cohort": cohort, "weights": "none", "part": "test", "unit": "patient"}
        for variant in sorted(baselines):
            mine = {"approach": "baseline", "variant": variant, "modality": "all", "protocol": "harmonised"}
            rows.append(head | mine | {"phase": "final", "auc": draw(AUCS), "status": "ok"})
        for approach in draw(st.sets(st.sampled_from(APPROACHES))):
            for phase in draw(st.sampled_from([["final"], ["transfer", "finetuned"]])):
                auc = draw(AUCS)
                width = draw(st.sampled_from([None, 0.0, 0.05, 0.2])) if auc is not None else None
                low, high = (None, None) if width is None else (max(auc - width, 0.0), min(auc + width, 1.0))
                mine = {
                    "approach": approach,
                    "variant": "own" if approach == "mine" else "main",
                    "modality": draw(st.sampled_from(["FLAIR", "T1w"])) if phase == "final" else "FLAIR",
                    "protocol": "harmonised",
                    "phase": phase,
                }
                rows.append(head | mine | {"auc": auc, "auc_low": low, "auc_high": high, "status": "ok"})
                for variant in sorted(baselines):
                    pairs.append(draw_pair(draw, cohort, mine, variant))
    if not rows:
        missing = {"cohort": "planted", "approach": "cnn3d", "variant": "main", "modality": "FLAIR"}
        rows = [missing | {"protocol": "harmonised", "weights": "none", "status": "missing"}]
    return {"comparison": table("comparison", rows), "pairwise": table("pairwise", pairs)}


def draw_pair(draw, cohort, network, variant):
    baseline = network | {"approach": "baseline", "variant": variant, "modality": "all", "phase": "final"}
    turned = draw(st.booleans())
    first, second = (baseline, network) if turned else (network, baseline)
    difference = draw(st.sampled_from([None, 0.0, 0.1, -0.1]))
    half = draw(st.sampled_from([None, 0.02, 0.3])) if difference else None  # a tie has no interval
    p = 1.0 if half is None else 2 * stats.norm.sf(abs(difference) / half * stats.norm.ppf(0.975))
    ends = {} if half is None else {"low": difference - half, "high": difference + half, "p": p}
    names = {f"{place}_{key}": side[key] for place, side in (("first", first), ("second", second)) for key in SIDE}
    sizes = {"n_patients": 40, "n_positive": 20}
    return names | sizes | {"cohort": cohort, "family": "exploratory", "metric": "auc", "difference": difference} | ends


def methods(tables):
    """Return the rows that the second sentence is about, by another way."""
    rows = tables["comparison"]
    rows = rows[rows["approach"].ne("baseline") & rows["status"].eq("ok") & ~rows["cohort"].isin(GROUP)]
    return rows.groupby(["cohort", "approach", "variant", "modality", "protocol"], sort=False).tail(1)


def better_than_every_baseline(row, pairs):
    """Return whether a network is better than all it was compared with; None where it was with none."""
    ends = []
    for pair in pairs.to_dict("records"):
        for ours, theirs, sign in (("first", "second", 1), ("second", "first", -1)):
            same = pair["cohort"] == row["cohort"] and all(pair[f"{ours}_{name}"] == row[name] for name in SIDE)
            if same and pair[f"{theirs}_approach"] == "baseline" and pd.notna(pair["difference"]):
                low, high = sign * np.array([pair["low"], pair["high"]], float)
                ends.append(min(low, high) > 0 if not np.isnan(low) else False)
    return all(ends) if ends else None


@settings(max_examples=200, deadline=None)
@given(tables=studies())
def test_what_is_said_of_methods_holds(tables):
    said = all_sentences(tables, {"many": list(GROUP)})
    rows = methods(tables)
    scored = rows[rows["auc_low"].notna()]
    counted = re.search(r"above 0\.5, harmonised protocol\): (\d+) of (\d+) methods?", said[1])
    if not len(scored):
        assert counted is None
        assert said[1].startswith("No method has") or "only on replicated cohorts" in said[1]
        return
    assert (int(counted[1]), int(counted[2])) == ((scored["auc_low"] > 0.5).sum(), len(scored))
    for row in scored.to_dict("records"):
        variant = "" if row["variant"] == "main" else f" {row['variant']}"
        named = f"{row['approach']}{variant} {row['modality']} on {row['cohort']}" in said[1]
        assert named == (row["auc_low"] > 0.5)
    bare = re.search(r"; (\d+) more (has|have) no interval", said[1])
    assert (int(bare[1]) if bare else 0) == len(rows) - len(scored)
    verdicts = [better_than_every_baseline(row, tables["pairwise"]) for row in scored.to_dict("records")]
    compared = [verdict for verdict in verdicts if verdict is not None]
    better = re.search(r"every baseline on the same patients: (\d+) of (\d+) method", said[1])
    assert (better is None) == (not compared)
    if better:
        assert (int(better[1]), int(better[2])) == (sum(compared), len(compared))


@settings(max_examples=200, deadline=None)
@given(tables=studies())
def test_the_answer_is_of_the_highest_auc_of_each_side_and_of_their_difference(tables):
    asked = tables["comparison"][tables["comparison"]["approach"].ne("baseline")]
    cohorts = [name for name in tables["comparison"]["cohort"].unique() if name in {*asked["cohort"]} - {*GROUP}]
    said = answers(tables["comparison"], tables["pairwise"], {}, GROUP)
    baselines = tables["comparison"][tables["comparison"]["approach"].eq("baseline")]
    for cohort, text in zip(cohorts, said, strict=True):
        sides = [rows[rows["cohort"].eq(cohort)].dropna(subset="auc") for rows in (methods(tables), baselines)]
        assert text.startswith(f"{cohort}, ")
        if not len(sides[0]):
            assert text.endswith("no method has an AUC under the harmonised protocol.")
            continue
        best = [side.iloc[side["auc"].to_numpy().argmax()].to_dict() if len(side) else None for side in sides]
        for what, side, row in zip(("method", "baseline"), sides, best, strict=True):
            if row:
                count = f"the only {what}, " if len(side) == 1 else f"of {len(side)} {what}s, "
                name = row["variant"] if what == "baseline" else row["approach"]
                assert re.search(rf"{count}{name}.*? AUC(?: of|,) {row['auc']:.2f}", text)
            assert (f"best {what} " in text) == (len(side) > 1), "a choice is said to be optimistic"
        if best[1]:
            assert_difference(text, *best, tables["pairwise"], *map(len, sides))


def assert_difference(text, method, baseline, pairs, n_methods, n_baselines):
    """Check what is said of the difference of two sides against the row of their pair, in either order."""
    row, sign = next(
        (pair, sign)
        for pair in pairs[pairs["cohort"].eq(method["cohort"])].to_dict("records")
        for ours, theirs, sign in (("first", "second", 1), ("second", "first", -1))
        if all(pair[f"{ours}_{key}"] == method[key] for key in SIDE)
        and pair[f"{theirs}_variant"] == baseline["variant"]
    )
    ends = sorted(sign * np.array([row["low"], row["high"]]))
    if pd.isna(row["difference"]):
        assert "could not be compared" in text
        return
    found = re.search(r"the difference is (-?\d\.\d\d)", text)
    assert float(found[1]) == round(sign * row["difference"], 2)
    sides = [("method", n_methods, ends[0] > 0), ("baseline", n_baselines, ends[1] < 0)]
    ahead = [(name, count) for name, count, is_ahead in sides if is_ahead]
    better = [name for name, count in ahead if count == 1 or count * row["p"] <= 0.05]
    assert (f"the {better[0]} is better" if better else "neither is shown to be better") in text
    assert ("corrected for the choice among" in text) == any(count > 1 for _, count in ahead)


@settings(max_examples=100, deadline=None)
@given(tables=studies())
def test_what_is_counted_and_how_wide_intervals_are_holds(tables):
    said = all_sentences(tables, {"many": list(GROUP)})
    comparison = tables["comparison"]
    methods, cohorts = re.match(r"(\d+) approach(?:es)? .* on (\d+) cohorts?;", said[0]).groups()
    assert int(methods) == comparison.loc[comparison["approach"] != "baseline", "approach"].nunique()
    assert int(cohorts) == comparison["cohort"].nunique()
    assert ("and the baselines" in said[0]) == (comparison["approach"] == "baseline").any()
    cells = comparison.drop_duplicates(["cohort", "approach", "variant", "modality", "protocol"])
    assert f"{len(cells)} cell" in said[0]
    several = r"has a median width of (\d\.\d\d) \(from (\d\.\d\d) to (\d\.\d\d)\)"
    wide = re.search(several, said[4]) or re.search(r"has a width of (\d\.\d\d)", said[4])
    rows = comparison[comparison["approach"].ne("baseline") & comparison["status"].eq("ok")]
    rows = rows.groupby(["cohort", "approach", "variant", "modality", "protocol"], sort=False).tail(1)
    widths = (rows["auc_high"] - rows["auc_low"]).dropna()
    assert (wide is None) == widths.empty
    if wide:
        expected = [widths.median(), widths.min(), widths.max()] if len(widths) > 1 else [widths.iloc[0]]
        assert [float(each) for each in wide.groups()] == [float(f"{value:.2f}") for value in expected]
