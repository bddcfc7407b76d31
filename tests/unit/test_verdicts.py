"""Verdicts: the stated rule and nothing else, judged only where a figure and its error are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from gliobench.evaluation.verdicts import (
    counted,
    difference_interval,
    last_training_scores,
    published_interval,
    verdict,
    verdict_table,
)
from gliobench.files import check_table, read_table, table_schema
from gliobench.reporting.tables import write_formats
from gliobench.reporting.terminal import print_verdicts

PUBLISHED = Path(__file__).parents[2] / "config" / "published.tsv"
RSNA = {"rsna": {"kind": "rsna", "like": "rsna", "generated": False}}
PLANTED = {"planted": {"kind": "synthetic", "like": "rsna", "generated": True}}
METHOD = {"approach": "cnn3d", "variant": "main", "modality": "FLAIR"}
RANK = {"lower": -1, "consistent": 0, "cannot tell": 0, "higher": 1}
ENDS = st.integers(-100, 100).map(lambda percent: percent / 100)


def figures(**changes):
    """One published figure: an accuracy of 0.6 of 100 patients, 50 positive."""
    row = METHOD | {"protocol": "published", "phase": "final", "part": "test", "cohort_kind": "rsna", "n": 100,
                    "n_positive": 50, "unit": "patient", "averaging": None, "selected_on": "no", "accuracy": 0.6,
                    "source": "a paper, Table I"}  # fmt: skip
    table = pd.DataFrame([row | changes], columns=list(table_schema("published")["properties"]))
    return check_table(table, "published", "the test")


def scores(*rows):
    """Rows of the table comparison: our accuracy under the paper's protocol, with its interval."""
    base = METHOD | {"cohort": "rsna", "protocol": "published", "weights": "none", "phase": "final", "part": "test",
                     "unit": "patient", "status": "ok", "accuracy": 0.6, "accuracy_low": 0.5,
                     "accuracy_high": 0.7}  # fmt: skip
    table = pd.DataFrame([base | row for row in rows or [{}]], columns=list(table_schema("comparison")["properties"]))
    return check_table(table, "comparison", "the test")


def judged(published, comparison, cohorts=RSNA, **settings):
    return verdict_table(published, comparison, cohorts, settings.pop("groups", {}), **settings)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.3, -0.01, "lower"),
        (0.01, 0.3, "higher"),
        (-0.04, 0.05, "consistent"),
        (-0.06, 0.02, "cannot tell"),
        (-0.2, 0.2, "cannot tell"),
        (0.01, 0.02, "higher"),
        (0.0, 0.02, "consistent"),
        (np.nan, np.nan, "cannot tell"),
    ],
)
def test_the_verdict_follows_the_interval_of_the_difference(low, high, expected):
    assert verdict(low, high) == expected


@given(ENDS, ENDS, st.floats(0, 1))
def test_a_higher_interval_never_gives_a_lower_verdict(one, other, shift):
    low, high = sorted((one, other))
    assert RANK[verdict(low, high)] <= RANK[verdict(low + shift, high + shift)]


@given(ENDS, ENDS, st.floats(0, 1))
def test_a_narrower_interval_never_unmakes_a_verdict(one, other, share):
    low, high = sorted((one, other))
    middle = (low + high) / 2
    narrow = verdict(middle - share * (middle - low), middle + share * (high - middle))
    before = verdict(low, high)
    assume(before != "cannot tell")
    assert narrow == before if before != "consistent" else narrow != "cannot tell"


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 0.2))
def test_the_interval_of_a_difference_is_wider_than_that_of_either_score(first, second, half, other):
    low, high = difference_interval(first, (first - half, first + half), second, (second - other, second + other))
    assert low <= first - second <= high
    assert high - low >= 2 * max(half, other) - 1e-12


def test_the_interval_of_a_difference_is_newcombes_for_two_wilson_intervals():
    # Newcombe, Statistics in Medicine 17 (1998), 873-890, Table II, method 10: 56/70 against 48/80.
    first, second = 56 / 70, 48 / 80
    ends = [stats.binomtest(*counts).proportion_ci(method="wilson") for counts in ((56, 70), (48, 80))]
    low, high = difference_interval(first, (ends[0].low, ends[0].high), second, (ends[1].low, ends[1].high))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_a_published_accuracy_has_wilsons_interval():
    (low, high), why = published_interval(figures().iloc[0].to_dict(), "accuracy")
    expected = stats.binomtest(60, 100).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert why is None


def test_recall_and_specificity_count_the_patients_of_their_label():
    row = figures(recall=0.5, specificity=0.8, n_positive=20).iloc[0].to_dict()
    recall, specificity = (published_interval(row, name)[0] for name in ("recall", "specificity"))
    assert recall == pytest.approx(tuple(stats.binomtest(10, 20).proportion_ci(method="wilson")))
    assert specificity == pytest.approx(tuple(stats.binomtest(64, 80).proportion_ci(method="wilson")))


def test_a_published_auc_has_the_interval_of_hanley_and_mcneil():
    row = figures(auc=0.525, n=59, n_positive=31).iloc[0].to_dict()
    (low, high), _ = published_interval(row, "auc")
    assert (high - low) / 2 / 1.959964 == pytest.approx(0.0757, abs=1e-4)  # by hand: Q1 = 0.3559, Q2 = 0.3615


@pytest.mark.parametrize("auc", [0.0, 1.0])
def test_an_auc_at_the_edge_has_an_unknown_error(auc):
    row = figures(auc=auc, n=24, n_positive=12).iloc[0].to_dict()
    ends, why = published_interval(row, "auc")
    assert np.isnan(ends).all()
    assert f"the error of an AUC of {auc:g} is unknown" in why


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(1, 500), st.integers(1, 500))
def test_the_interval_of_an_auc_stays_within_0_and_1_and_holds_it(auc, positive, negative):
    row = figures(auc=auc, n=positive + negative, n_positive=positive).iloc[0].to_dict()
    (low, high), _ = published_interval(row, "auc")
    assert 0 <= low <= auc <= high <= 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"n": None}, "does not state how many patients"),
        ({"unit": "unstated"}, "whether its n = 100 counts patients or slices"),
        ({"unit": "slice"}, "slices of a patient are not independent"),
        ({"accuracy": None, "precision": 0.5}, "the error of precision is unknown"),
        ({"accuracy": None, "recall": 0.5, "n_positive": None}, "how many of its patients are positive"),
    ],
)
def test_a_figure_of_unknown_error_cannot_be_judged_and_says_why(changes, reason):
    ours = {"precision": 0.9, "precision_low": 0.8, "precision_high": 0.95, "recall": 0.9, "recall_low": 0.8,
            "recall_high": 0.95, "accuracy": 0.95, "accuracy_low": 0.9, "accuracy_high": 0.99}  # fmt: skip
    unit = "slice" if changes.get("unit") == "slice" else "patient"
    row = judged(figures(**changes), scores(ours | {"unit": unit})).iloc[0]
    assert row["verdict"] == "cannot tell"
    assert reason in row["reason"]
    assert np.isnan([row["published_low"], row["difference_low"]]).all()
    assert row["difference"] > 0


@pytest.mark.parametrize(
    ("n", "ours", "expected"),
    [
        (100, (0.9, 0.85, 0.94), "higher"),
        (100, (0.4, 0.35, 0.45), "lower"),
        (100, (0.6, 0.5, 0.7), "cannot tell"),
        (100_000, (0.6, 0.595, 0.605), "consistent"),
    ],
)
def test_a_figure_of_the_papers_own_cohort_is_judged(n, ours, expected):
    score = dict(zip(("accuracy", "accuracy_low", "accuracy_high"), ours, strict=True))
    row = judged(figures(n=n), scores(score)).iloc[0]
    assert row["verdict"] == expected
    assert row["difference"] == pytest.approx(ours[0] - 0.6)
    assert ("too few patients" in str(row["reason"])) == (expected == "cannot tell")


def test_only_the_same_phase_part_unit_and_protocol_reproduce_a_figure():
    others = [{"phase": "transfer"}, {"part": "validation"}, {"unit": "slice"}, {"protocol": "harmonised"}]
    row = judged(figures(), scores(*(other | {"accuracy": 0.9} for other in others))).iloc[0]
    assert np.isnan(row["reproduced"])
    assert row["harmonised"] == 0.9
    assert row["verdict"] == "not run"


def test_a_generated_cohort_is_shown_and_not_compared():
    row = judged(figures(), scores({"cohort": "planted"}), PLANTED).iloc[0]
    assert row["verdict"] == "not comparable: generated"
    assert row["reproduced"] == 0.6
    assert np.isnan(row["difference"])


def test_a_figure_beside_a_cohort_of_another_kind_is_not_run():
    stem = {"rsna": {"kind": "brainstem", "like": "brainstem", "generated": False}}
    row = judged(figures(), scores(), stem).iloc[0]
    assert (row["verdict"], row["cohort"]) == ("not run", None) or pd.isna(row["cohort"])
    assert row["cohort_kind"] == "rsna"


def test_replicated_cohorts_are_one_row():
    names = ["null-01", "null-02", "null-03"]
    cohorts = dict.fromkeys(names, PLANTED["planted"])
    table = judged(figures(), scores(*({"cohort": name} for name in names)), cohorts, groups={"null": names})
    assert table[["cohort", "verdict"]].to_numpy().tolist() == [["null", "not comparable: generated"]]


def test_another_average_than_the_positive_class_cannot_be_judged():
    ours = {"recall": 0.9, "recall_low": 0.85, "recall_high": 0.95}
    table = judged(figures(accuracy=None, recall=0.5, averaging="macro"), scores(ours))
    assert table["verdict"].tolist() == ["cannot tell"]
    assert "macro average" in table["reason"].iloc[0]


def test_a_training_that_failed_cannot_tell():
    gone = {"accuracy": None, "phase": None, "part": None, "unit": None, "status": "failed", "reason": "no memory"}
    row = judged(figures(), scores(gone)).iloc[0]
    assert (row["verdict"], row["reason"]) == ("cannot tell", "no memory")


def test_the_accuracy_on_the_training_part_is_that_of_the_last_epoch():
    history = pd.DataFrame({"fold": [0, 0, 1, 1], "epoch": [1, 2, 1, 2], "phase": "final"})
    record = {**METHOD, "cohort": "rsna", "protocol": "published", "repeat": 0, "seed_index": 0}
    training = last_training_scores([history.assign(accuracy=[0.5, 0.8, 0.6, 1.0])], [record])
    row = judged(figures(part="train", unit="slice"), scores(), training=training).iloc[0]
    assert row["reproduced"] == pytest.approx(0.9)
    assert row["verdict"] == "cannot tell"
    assert last_training_scores([], []).empty


def test_every_published_figure_has_its_row_in_every_study():
    published = read_table(PUBLISHED, "published")
    metrics = ["accuracy", "auc", "precision", "recall", "specificity", "f1"]
    table = judged(published, scores({"cohort": "planted"}), PLANTED)
    assert len(table) == published[metrics].notna().sum().sum()
    assert set(table["verdict"]) == {"not comparable: generated", "not run"}


def test_a_figure_counts_once_or_where_it_is_judged():
    table = judged(figures(), scores({}, {"cohort": "planted"}), RSNA | PLANTED)
    assert len(table) == 2
    assert counted(table)["cohort"].tolist() == ["rsna"]
    generated = judged(
        figures(), scores({"cohort": "planted"}, {"cohort": "other"}), PLANTED | {"other": PLANTED["planted"]}
    )
    assert len(counted(generated)) == 1


def test_the_verdicts_stand_in_every_format(tmp_path):
    table = judged(read_table(PUBLISHED, "published"), scores())
    write_formats(table, tmp_path / "verdicts", "published_vs_reproduced")
    back = read_table(tmp_path / "verdicts.tsv", "published_vs_reproduced")
    pd.testing.assert_frame_equal(back, table, check_dtype=False)
    assert "swapped" in (tmp_path / "verdicts.md").read_text(encoding="utf-8")


def test_a_terminal_shows_a_line_a_judged_figure():
    printed = print_verdicts(judged(read_table(PUBLISHED, "published"), scores({}, {"part": "validation"})))
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 120
    assert sum(line.endswith(("consistent", "lower", "higher", "cannot tell")) for line in lines) == 4
    assert "not run" in lines[-1]


def test_a_terminal_shows_what_was_run_and_that_it_can_judge_nothing_where_every_cohort_is_generated():
    printed = print_verdicts(judged(read_table(PUBLISHED, "published"), scores({"cohort": "planted"}), PLANTED))
    assert "this study can judge none of them" in " ".join(printed.split())
    assert sum(line.endswith("not comparable: generated") for line in printed.splitlines()) == 4
