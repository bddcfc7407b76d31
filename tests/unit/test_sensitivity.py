"""How strong must a planted signal be: slopes and floors of made-up tables."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gliobench.evaluation.sensitivity import GROUPED_BY, reached, sensitivity_table

NAMES = dict(zip(GROUPED_BY, ("cnn3d", "main", "FLAIR", "harmonised", "final"), strict=True))
LEVELS = {"none": 0.5, "weak": 0.65, "middle": 0.8, "strong": 0.95}
SPREAD = (-0.04, 0.0, 0.04)  # of the AUC of a level's cohorts about their mean
GROUPS = {name: [f"{name}-{number}" for number in range(len(SPREAD))] for name in LEVELS}
EACH = {cohort: level for level, cohorts in GROUPS.items() for cohort in cohorts}


def tables(means, oracles=LEVELS, **changes):
    """A comparison whose AUC lie about a mean a level, and the cohorts' summary with a row a modality."""
    rows = [
        NAMES
        | {
            "cohort": cohort,
            "part": "test",
            "unit": "patient",
            "status": "ok",
            "auc": means[level] + SPREAD[int(cohort[-1])],
        }
        for cohort, level in EACH.items()
    ]
    summary = [
        {"cohort": cohort, "modality": modality, "oracle_auc": oracles[level]}
        for cohort, level in EACH.items()
        for modality in ("FLAIR", "T2w")
    ]
    return pd.DataFrame(rows).assign(**changes), pd.DataFrame(summary)


def only_row(*given, groups=GROUPS):
    rows = sensitivity_table(*given, groups).to_dict("records")
    assert len(rows) == 1
    return rows[0]


def test_a_method_as_good_as_the_oracle_has_slope_1_and_its_floor_at_the_first_level_off_chance():
    row = only_row(*tables(LEVELS))
    assert (row["n_cohorts"], row["n_levels"]) == (12, 4)
    assert (row["oracle_low"], row["oracle_high"]) == (0.5, 0.95)
    assert row["slope"] == pytest.approx(1)
    assert 0 < row["slope_low"] < 1 < row["slope_high"]
    assert row["floor"] == pytest.approx(0.65)
    assert "above 0" in row["statement"]
    assert "from a mean oracle AUC of 0.65 on" in row["statement"]


def test_a_blind_method_has_slope_0_and_no_floor():
    row = only_row(*tables(dict.fromkeys(LEVELS, 0.5)))
    assert row["slope"] == pytest.approx(0)
    assert row["slope_low"] < 0 < row["slope_high"]
    assert np.isnan(row["floor"])
    assert "which covers 0" in row["statement"]
    assert "the strongest level of signal is not distinguishable from chance, so there is no floor" in row["statement"]


def test_a_level_found_by_luck_below_one_that_is_not_found_is_no_floor():
    row = only_row(*tables({"none": 0.5, "weak": 0.8, "middle": 0.52, "strong": 0.9}))
    assert row["floor"] == pytest.approx(0.95)


def test_the_order_of_the_levels_is_that_of_their_oracle_and_not_of_the_config():
    comparison, cohorts = tables(LEVELS)
    backwards = dict(reversed(GROUPS.items()))
    assert only_row(comparison, cohorts, groups=backwards)["floor"] == pytest.approx(0.65)


@given(noise=st.lists(st.floats(-0.2, 0.2), min_size=12, max_size=12))
def test_the_slope_and_its_interval_are_those_of_a_regression_with_a_constant(noise):
    comparison, cohorts = tables(LEVELS)
    comparison["auc"] += noise
    row = only_row(comparison, cohorts)
    x = np.array([LEVELS[level] for level in EACH.values()])
    design = np.column_stack([np.ones_like(x), x])
    beta, residual, *_ = np.linalg.lstsq(design, comparison["auc"].to_numpy(), rcond=None)
    error = np.sqrt(residual[0] / 10 * np.linalg.inv(design.T @ design)[1, 1])
    half = stats.t(10).ppf(0.975) * error
    found = (row["slope"], row["slope_low"], row["slope_high"])
    assert found == pytest.approx((beta[1], beta[1] - half, beta[1] + half), abs=1e-9)


def test_rows_of_slices_of_validation_and_without_an_auc_do_not_count():
    comparison, cohorts = tables(LEVELS)
    others = [comparison.assign(part="validation"), comparison.assign(unit="slice"), comparison.assign(auc=np.nan)]
    together = pd.concat([comparison, *others], ignore_index=True)
    pd.testing.assert_frame_equal(reached(together, cohorts, GROUPS), reached(comparison, cohorts, GROUPS))


def test_cohorts_outside_the_levels_do_not_count():
    comparison, cohorts = tables(LEVELS)
    some = {name: GROUPS[name] for name in ("none", "strong")}
    row = only_row(comparison, cohorts, groups=some)
    assert (row["n_cohorts"], row["n_levels"]) == (6, 2)


def test_two_cohorts_give_neither_slope_nor_floor():
    row = only_row(*tables(LEVELS), groups={"none": ["none-0"], "strong": ["strong-0"]})
    assert np.isnan([row["slope"], row["slope_low"], row["slope_high"], row["floor"]]).all()
    assert "too few or alike" in row["statement"]


def test_a_level_without_an_auc_ends_the_search_for_the_floor_and_the_strongest_without_one_is_named():
    comparison, cohorts = tables(LEVELS)
    level = comparison["cohort"].map(EACH)
    lost = comparison.assign(auc=comparison["auc"].mask(level.eq("middle")))
    assert only_row(lost, cohorts)["floor"] == pytest.approx(0.95)
    row = only_row(comparison.assign(auc=comparison["auc"].mask(level.eq("strong"))), cohorts)
    assert np.isnan(row["floor"])
    assert row["statement"].endswith(
        "the strongest level of signal has an AUC on 0 of 3 cohorts, and an interval needs 2, so there is no floor."
    )


def test_a_method_that_is_perfect_at_the_strongest_level_finds_it():
    comparison, cohorts = tables(LEVELS)
    level = comparison["cohort"].map(EACH)
    perfect = comparison.assign(auc=comparison["auc"].mask(level.eq("strong"), 1.0))
    assert only_row(perfect, cohorts)["floor"] == pytest.approx(0.65)
    same_at_chance = comparison.assign(auc=comparison["auc"].mask(level.eq("strong"), 0.5))
    assert np.isnan(only_row(same_at_chance, cohorts)["floor"])


def test_levels_that_a_method_was_not_asked_for_do_not_count_for_it():
    comparison, cohorts = tables(LEVELS)
    level = comparison["cohort"].map(EACH)
    row = only_row(comparison[~level.eq("strong")], cohorts)
    assert row["floor"] == pytest.approx(0.65)
    other = comparison.assign(approach="resnet18")
    both = sensitivity_table(pd.concat([comparison[~level.eq("strong")], other]), cohorts, GROUPS)
    assert both["floor"].tolist() == pytest.approx([0.65, 0.65])


def test_each_method_and_phase_has_a_row_and_no_scores_give_an_empty_table():
    comparison, cohorts = tables(LEVELS)
    both = pd.concat([comparison, comparison.assign(phase="transfer")], ignore_index=True)
    assert sensitivity_table(both, cohorts, GROUPS)["phase"].tolist() == ["final", "transfer"]
    assert len(sensitivity_table(comparison.iloc[:0], cohorts, GROUPS)) == 0


def test_a_method_without_an_auc_on_any_cohort_keeps_its_row_and_says_so():
    comparison, cohorts = tables(LEVELS)
    constant = comparison.assign(approach="densenet121", auc=np.nan)
    failed = comparison.assign(approach="resnet18", auc=np.nan, part=None, unit=None, phase=None)
    together = pd.concat([comparison, constant, failed], ignore_index=True)
    table = sensitivity_table(together, cohorts, GROUPS).set_index("approach")
    assert table["n_cohorts"].to_dict() == {"cnn3d": 12, "densenet121": 0, "resnet18": 0}
    assert table.loc["resnet18", "statement"] == "resnet18 main, FLAIR, harmonised, final: no cohort gives an AUC."
    assert table.loc[["densenet121", "resnet18"], ["oracle_low", "slope", "floor"]].isna().all(axis=None)
