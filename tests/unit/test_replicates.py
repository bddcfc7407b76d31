"""Controls over independent cohorts: means, differences, and what they show about chance."""

import re
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from gliobench.evaluation.replicates import EQUIVALENCE, chance_verdict, replicates_table
from gliobench.evaluation.t_intervals import t_interval
from gliobench.figures.controls import replicates_figure
from gliobench.figures.overview import points_of
from gliobench.reporting.tables import write_formats
from gliobench.sources import SCRIPTS
from gliobench.wording import EMPTY

sys.path.insert(0, str(SCRIPTS.parents[1]))

from perf import equivalence


def cell(cohort, variant="main"):
    return {
        "cohort": cohort,
        "approach": "cnn3d",
        "variant": variant,
        "modality": "FLAIR",
        "protocol": "harmonised",
        "weights": "none",
    }


def control(aucs):
    """Test rows of two variants, main and as_coded, over cohorts no-signal-0, no-signal-1, ..."""
    rows = [
        {
            **cell(f"no-signal-{number}", variant),
            "phase": "final",
            "part": "test",
            "unit": "patient",
            "auc": auc,
            "status": "ok",
        }
        for variant, values in aucs.items()
        for number, auc in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_replicates_say_whether_the_interval_covers_chance(tmp_path):
    table = control({"main": [0.7, 0.8, 0.75, 0.72], "as_coded": [0.52, 0.47, 0.55, 0.45]})
    replicates = replicates_table(table, {"no-signal": [f"no-signal-{number}" for number in range(4)]})
    assert replicates[["control", "variant", "n"]].to_numpy().tolist() == [
        ["mean", "main", 4], ["mean", "as_coded", 4], ["difference", "main", 4],
    ]  # fmt: skip
    above, covers, apart = replicates["statement"]
    assert above.endswith("above chance: the interval lies above 0.5.")
    assert re.search(r"not shown: the 90 % interval, 0\.\d{3} to 0\.\d{3}, does not lie inside 0.45 to 0.55.$", covers)
    assert replicates["verdict"].tolist()[:2] == ["above chance", "not shown"]
    assert replicates["verdict"].isna().tolist() == [False, False, True]
    assert "cnn3d main minus as_coded over 4 cohorts" in apart
    assert apart.endswith("the interval lies above 0.")
    write_formats(replicates, tmp_path / "replicates", "replicates")


def test_several_approaches_widen_the_interval_that_decides():
    aucs = [0.56, 0.52, 0.60, 0.58]
    alone = control({"main": aucs})
    groups = {"no-signal": [f"no-signal-{number}" for number in range(4)]}
    both = pd.concat([alone, alone.assign(approach="resnet18")], ignore_index=True)
    one, two = replicates_table(alone, groups), replicates_table(both, groups)
    assert one.loc[0, "family_low"] == one.loc[0, "low"] > 0.5
    assert one.loc[0, "verdict"] == "above chance"
    half = stats.t.ppf(1 - 0.05 / 4, 3) * stats.sem(aucs)
    assert two.loc[0, "family_low"] == pytest.approx(np.mean(aucs) - half)
    assert two.loc[0, "family_low"] < 0.5 < two.loc[0, "low"]
    assert two.loc[0, "verdict"] == "not shown"
    clear = pd.concat([control({"main": [0.9, 0.91, 0.92, 0.9]}), both[both["approach"] == "resnet18"]])
    said = replicates_table(clear, groups).loc[0, "statement"]
    assert said.endswith("above chance: the interval corrected for 2 approaches lies above 0.5.")


def test_the_baseline_prior_is_no_member_of_the_family():
    groups = {"no-signal": [f"no-signal-{number}" for number in range(4)]}
    network = control({"main": [0.56, 0.52, 0.60, 0.58]})
    prior = control({"prior": [0.5] * 4}).assign(approach="baseline")
    header = control({"header": [0.4, 0.5, 0.6, 0.45]}).assign(approach="baseline")
    rows = replicates_table(pd.concat([prior, network], ignore_index=True), groups)
    assert rows["family"].tolist() == [1, 1]
    assert rows["verdict"].isna().tolist() == [True, False]
    more = replicates_table(pd.concat([prior, header, network], ignore_index=True), groups)
    assert set(more["family"]) == {2}


@given(st.lists(st.floats(0.3, 0.7), min_size=2, max_size=60))
def test_equivalence_is_two_one_sided_tests_at_5_percent(aucs):
    assume(np.ptp(aucs) > 1e-6)
    below = stats.ttest_1samp(aucs, 0.45, alternative="greater").pvalue
    above = stats.ttest_1samp(aucs, 0.55, alternative="less").pvalue
    assume(abs(max(below, above) - 0.05) > 1e-6)
    found = chance_verdict(t_interval(aucs, EQUIVALENCE), t_interval(aucs))
    assert (found == "equivalent to chance") == (max(below, above) < 0.05)


def test_seventy_cohorts_show_equivalence_nine_times_in_ten():
    rng = np.random.default_rng(3)
    pool = equivalence.null_aucs(10_000, rng)
    assert pool.mean() == pytest.approx(0.5, abs=0.005), "within runs there is no bias below 0.5"
    assert pool.std() == pytest.approx(0.125, abs=0.006)
    assert equivalence.power(pool, 70, rng) == pytest.approx(0.9, abs=0.04)
    assert equivalence.power(pool + 0.05, 70, rng) < 0.07, "at the margin it is an error of 5 %"


def test_a_statement_on_replicates_names_the_phase_of_approaches_that_have_several():
    table = control({"main": [0.7, 0.8]})
    phases = pd.concat([table.assign(phase=phase) for phase in ("transfer", "finetuned")], ignore_index=True)
    first, second = replicates_table(phases, {"no-signal": ["no-signal-0", "no-signal-1"]})["statement"]
    assert "mean AUC of cnn3d main (transfer) over 2 cohorts" in first
    assert "mean AUC of cnn3d main (finetuned) over 2 cohorts" in second
    assert "(final)" not in replicates_table(table, {"no-signal": ["no-signal-0", "no-signal-1"]})["statement"].iloc[0]


def test_variants_that_share_no_cohort_have_no_difference():
    table = control({"main": [0.7, np.nan], "as_coded": [np.nan, 0.5]})
    replicates = replicates_table(table, {"no-signal": ["no-signal-0", "no-signal-1"]})
    assert replicates["control"].tolist() == ["mean", "mean"]


def test_cohorts_that_agree_have_no_interval_and_a_failed_approach_stays_in_the_family():
    table = control({"main": [0.52, 0.52]})
    failed = table.assign(approach="resnet18", auc=np.nan, part=None, status="failed")
    row = replicates_table(pd.concat([table, failed]), {"no-signal": ["no-signal-0", "no-signal-1"]}).iloc[0]
    assert row["statement"].endswith("is 0.520; all alike, so there is no basis for an interval.")
    assert row["family"] == 2


def test_an_approach_without_an_auc_in_any_cohort_keeps_its_row(tmp_path):
    table = control({"main": [0.52, 0.55]})
    failed = table.assign(approach="resnet18", auc=np.nan, part=None, phase=None, status="failed")
    groups = {"no-signal": ["no-signal-0", "no-signal-1"]}
    replicates = replicates_table(pd.concat([table, failed], ignore_index=True), groups)
    assert replicates[["approach", "n"]].to_numpy().tolist() == [["cnn3d", 2], ["resnet18", 0]]
    assert replicates["statement"].iloc[1] == "no-signal, FLAIR, harmonised: no cohort gives an AUC of resnet18 main."
    write_formats(replicates, tmp_path / "replicates", "replicates")
    assert points_of(table, replicates, groups)["note"].tolist() == ["", "no cohort gives one"]
    drawn = [text.get_text() for text in replicates_figure(table, replicates, groups).axes[0].texts]
    assert drawn[1] == f"{EMPTY}, n = 0"


def test_what_splitting_by_slice_adds_is_paired_by_cohort():
    table = control({"slice_split": [0.8, 0.7], "patient_split": [0.5, 0.6]})
    replicates = replicates_table(table, {"no-signal": ["no-signal-0", "no-signal-1"]})
    last = replicates.iloc[-1]
    assert last[["control", "variant", "contrast"]].tolist() == ["difference", "slice_split", "patient_split"]
    assert last["mean"] == pytest.approx(0.2)


def test_a_cohort_that_failed_leaves_the_phases_of_the_others_alone():
    one, other = (control({"main": [0.7]}).assign(phase=phase) for phase in ("transfer", "finetuned"))
    failed = one.assign(cohort="no-signal-1", auc=np.nan, part=None, phase=None, status="failed")
    table = pd.concat([one, other, failed], ignore_index=True)
    replicates = replicates_table(table, {"no-signal": ["no-signal-0", "no-signal-1"]})
    assert replicates[["phase", "n"]].to_numpy().tolist() == [["transfer", 1], ["finetuned", 1]]


def test_replicates_pair_only_cohorts_that_have_both_variants():
    table = control({"main": [0.7, 0.8, 0.75], "as_coded": [0.5, np.nan, 0.5]})
    replicates = replicates_table(table, {"no-signal": ["no-signal-0", "no-signal-1", "no-signal-2"]})
    assert replicates["n"].tolist() == [3, 2, 2]
    assert replicates["mean"].iloc[-1] == pytest.approx(0.225)


def test_one_cohort_is_too_few_for_an_interval():
    replicates = replicates_table(control({"main": [0.7]}), {"no-signal": ["no-signal-0"]})
    assert replicates["statement"].iloc[0].endswith("is 0.700; too few for an interval.")


def test_the_auc_within_sites_has_rows_of_its_own_where_sites_are_known(tmp_path):
    table = control({"main": [0.7, 0.8, 0.75, 0.72]})
    groups = {"sites": [f"no-signal-{number}" for number in range(4)]}
    assert set(replicates_table(table.assign(auc_within_site=np.nan), groups)["metric"]) == {"auc"}
    within = table.assign(auc_within_site=[0.5, 0.4, 0.6, 0.55])
    replicates = replicates_table(within, groups)
    assert replicates["metric"].tolist() == ["auc", "auc_within_site"]
    assert replicates["mean"].tolist() == pytest.approx([0.7425, 0.5125])
    assert "mean AUC within sites of cnn3d main over 4 cohorts is 0.512" in replicates["statement"].iloc[1]
    figure = replicates_figure(within, replicates, groups)
    assert "within sites" in figure.axes[0].get_yticklabels()[1].get_text()
    assert sorted(figure.axes[0].lines[5].get_xdata()) == [0.4, 0.5, 0.55, 0.6]
    assert points_of(within, replicates, groups)["auc"].tolist() == pytest.approx([0.7425])
    write_formats(replicates, tmp_path / "replicates", "replicates")


def test_the_figure_leaves_out_what_cannot_vary_and_what_repeats_another_score():
    table = control({"main": [0.7, 0.8, 0.75, 0.72], "prior": [0.5, 0.5, 0.5, 0.5]})
    within = table.assign(auc_within_site=table["auc"])  # as where one site is left out after the other
    groups = {"sites": [f"no-signal-{number}" for number in range(4)]}
    replicates = replicates_table(within, groups)
    assert len(replicates) > 1
    drawn = replicates_figure(within, replicates, groups).axes[0].get_yticklabels()
    assert [name.get_text() for name in drawn] == ["sites: cnn3d main"]
