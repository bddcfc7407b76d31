"""Intervals: deterministic, named, defined where they can be, and about as wide as they say."""

import numpy as np
import pandas as pd
import pytest
from confidenceinterval import roc_auc_score as roc_auc_score_with_ci
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from cell_files import make_cell
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.columns import METRICS
from gliobench.evaluation.delong import auc_influence, variance_of_repeat
from gliobench.evaluation.intervals import (
    Factor,
    conditional_auc,
    conditional_intervals,
    default_factor,
    intervals,
    permuted_factor,
    retrained_intervals,
)
from gliobench.evaluation.metrics import make_sample, score, unit_weights
from gliobench.evaluation.runs import patient_rows
from gliobench.evaluation.t_intervals import paired_t_interval, t_interval
from test_metrics import rows_of

LIMITS = ["auc_low", "auc_high", "accuracy_low", "accuracy_high", "brier_low", "brier_high"]


def random_rows(auc, n, rng, repeat=0):
    """Scores of n patients a label whose expected AUC is `auc`."""
    shift = np.sqrt(2) * stats.norm.ppf(auc)
    logit = np.concatenate([rng.normal(shift, 1, n), rng.normal(0, 1, n)])
    probability = stats.norm.cdf(logit - shift / 2)
    patients = [(f"{number:04d}", int(number < n), p) for number, p in enumerate(probability)]
    return rows_of(patients, repeat=repeat)


def test_the_same_study_gives_the_same_intervals():
    predictions, records, _ = make_cell(n=60, repeats=2, signal=0.3)
    first, again = (score_cell(predictions, records, base_seed=7, resamples=200) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    other = score_cell(predictions, records, base_seed=8, resamples=200)
    assert first[LIMITS].equals(other[LIMITS]), "nothing is drawn for the intervals of a cross-validation"
    drawn = ["auc_conditional_low", "auc_conditional_high"]
    assert not first[drawn].equals(other[drawn])


@pytest.mark.parametrize("random_seed", range(3))
def test_resamples_and_intervals_are_those_of_scipy(random_seed):
    rng = np.random.default_rng(random_seed)
    rows = random_rows(0.6, 12, rng)
    high, low = (rows.loc[rows["label"] == label, "probability"].to_numpy() for label in (1, 0))

    def plain_auc(positive, negative):
        labels = np.repeat([1, 0], [len(positive), len(negative)])
        return round(roc_auc_score(labels, np.concatenate([positive, negative])), 12)  # equal scores must be equal

    plain = stats.bootstrap(
        (high, low), plain_auc, vectorized=False, n_resamples=200, method="BCa", rng=np.random.default_rng(5)
    )  # fmt: skip
    found = conditional_intervals(make_sample(rows), seed=5, resamples=200)
    assert found.ends["auc"] == pytest.approx(tuple(plain.confidence_interval))
    assert conditional_auc(make_sample(rows), seed=5, resamples=200) == found.ends["auc"]
    assert found.in_words().startswith(
        "BCa bootstrap by patient within label, 200 resamples, conditional on the fitted models"
    )


def test_a_patient_keeps_all_its_repeats_so_that_more_of_the_same_narrow_nothing():
    rng = np.random.default_rng(2)
    once = random_rows(0.7, 15, rng)
    thrice = pd.concat([once.assign(repeat=repeat) for repeat in range(3)])
    first, again = (conditional_intervals(make_sample(rows), seed=3, resamples=200).ends for rows in (once, thrice))
    assert pd.DataFrame(again).to_numpy() == pytest.approx(pd.DataFrame(first).to_numpy())


def test_a_proportion_that_no_resample_moves_gets_wilsons_interval():
    rows = rows_of([(f"p{n}", 1, 0.1 + 0.01 * n) for n in range(9)] + [(f"n{n}", 0, 0.05 * n) for n in range(12)])
    found = conditional_intervals(make_sample(rows), seed=1, resamples=200)
    assert found.ends["recall"] == pytest.approx((0.0, 0.2991), abs=1e-3)  # 0 of 9 is not [0, 0]
    assert {"precision", "recall"} <= set(found.methods["Wilson"])


def test_calling_everyone_positive_does_not_make_accuracy_certain():
    rows = rows_of([(f"{n:02d}", n % 2, 0.6 + 0.01 * n) for n in range(40)])
    found = conditional_intervals(make_sample(rows), seed=1, resamples=200)
    assert found.ends["accuracy"] == pytest.approx((0.352, 0.648), abs=1e-3)
    assert found.methods["Wilson"] == ["accuracy", "precision", "recall", "specificity"]


def test_a_proportion_far_from_the_edge_is_bootstrapped():
    rng = np.random.default_rng(6)
    rows = random_rows(0.6, 30, rng)
    found = conditional_intervals(make_sample(rows), seed=1, resamples=200)
    assert "Wilson" not in found.methods


def test_an_auc_near_1_has_delongs_interval_on_the_logit_scale():
    rng = np.random.default_rng(8)
    rows = random_rows(0.97, 30, rng)
    label, probability = rows["label"].to_numpy(), rows["probability"].to_numpy()
    area, ends = roc_auc_score_with_ci(label, probability)
    found = conditional_intervals(make_sample(rows), seed=1, resamples=200)
    assert found.methods["logit DeLong"] == ["auc"]
    error = (ends[1] - ends[0]) / 2 / stats.norm.ppf(0.975)
    half = stats.norm.ppf(0.975) * error / (area * (1 - area))
    expected = expit(logit(area) + np.array([-half, half]))
    assert found.ends["auc"] == pytest.approx(tuple(expected), abs=1e-6)


def test_a_perfect_auc_gets_the_exact_one_sided_bound():
    rows = rows_of([(f"p{n}", 1, 0.9) for n in range(10)] + [(f"n{n}", 0, 0.1) for n in range(14)])
    found = conditional_intervals(make_sample(rows), seed=1, resamples=200)
    assert found.ends["auc"] == pytest.approx((0.05**0.1, 1.0))
    assert found.methods["exact one-sided bound"] == ["auc"]


def test_what_is_constant_over_repeats_has_no_interval():
    rows = pd.concat([rows_of([(f"{n}", n % 2, 0.9) for n in range(20)], repeat=repeat) for repeat in range(2)])
    found = conditional_intervals(make_sample(rows), seed=1, resamples=100)
    assert np.isnan(found.ends["recall"]).all()
    assert found.methods["undefined"][:4] == ["accuracy", "auc", "precision", "recall"]


def test_a_single_patient_of_a_label_leaves_the_bootstrap_undefined():
    rows = rows_of([("p", 1, 0.9), *((f"n{n}", 0, 0.1 * n) for n in range(6))])
    found = conditional_intervals(make_sample(rows), seed=1, resamples=100)
    assert np.isnan(found.ends["brier"]).all()
    assert found.ends["accuracy"] == pytest.approx(tuple(stats.binomtest(6, 7).proportion_ci(method="wilson")))


@pytest.mark.slow
@pytest.mark.parametrize("auc", [0.5, 0.7, 0.95])
def test_intervals_of_independent_scores_miss_about_one_time_in_twenty(auc):
    rng = np.random.default_rng(21)
    missed = 0
    for number in range(1000):
        low, high = conditional_auc(make_sample(random_rows(auc, 60, rng)), seed=number, resamples=200)
        missed += not low <= auc <= high
    assert 30 <= missed <= 75


def cross_validated(**changes):
    predictions, records, _ = make_cell(**{"n": 60, "folds": 5, "repeats": 2, "signal": 0.6} | changes)
    rows = patient_rows(predictions, records)
    return make_sample(rows[rows["part"] == "test"])


def test_the_interval_of_a_cross_validated_auc_is_symmetric_on_the_logit_scale_with_the_repeats_variance():
    sample = cross_validated()
    found = intervals(sample, seed=1, resamples=200)
    area = score(sample, *unit_weights(sample))[METRICS.index("auc")]
    error = np.sqrt(default_factor(2).value * variance_of_repeat(auc_influence(sample))) / (area * (1 - area))
    expected = expit(logit(area) + stats.norm.ppf(0.975) * np.array([-error, error]))
    assert found.ends["auc"] == pytest.approx(tuple(expected), abs=1e-7)
    assert found.in_words() == (
        "variance by each patient's influence within a repeat, times a factor because training varies; "
        "factor 1.70 (by the number of repeats of all folds, 2)"
    )


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    n=st.sampled_from([12, 24, 60]),
    repeats=st.integers(1, 3),
    signal=st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
)
def test_an_interval_holds_its_score_and_lies_in_the_scores_range(seed, n, repeats, signal):
    sample = cross_validated(n=n, folds=3, repeats=repeats, signal=signal, random_seed=seed)
    values = dict(zip(METRICS, score(sample, *unit_weights(sample)), strict=True))
    found = intervals(sample, seed=1, resamples=200)
    for name, (low, high) in found.ends.items():
        if np.isnan(low):
            assert np.isnan(high)
            assert np.isnan(values[name]) or name in found.methods["undefined"]
        else:
            assert low <= values[name] + 1e-9
            assert values[name] - 1e-9 <= high
            assert (-1 if name == "mcc" else 0) <= low
            assert high <= (np.inf if name == "log_loss" else 1)


def test_intervals_widen_with_fewer_patients_and_with_the_factor():
    def width(sample, factor):
        low, high = retrained_intervals(sample, Factor(factor, "given")).ends["auc"]
        return high - low

    many, few = (np.mean([width(cross_validated(n=n, random_seed=seed), 1.5) for seed in range(5)]) for n in (120, 40))
    assert few > 1.4 * many
    sample = cross_validated()
    assert width(sample, 1.0) < width(sample, 1.5) < width(sample, 3.0)


def test_one_training_part_has_the_interval_of_its_models():
    once, seeds = cross_validated(folds=1, repeats=1), cross_validated(folds=1, repeats=1, seeds=3)
    for sample in (once, seeds):
        found = intervals(sample, seed=1, resamples=200)
        assert found == conditional_intervals(sample, seed=1, resamples=200)
        assert found.factor is None
        assert "conditional on the fitted models" in found.in_words()


def test_repeated_hold_outs_have_the_factor_of_one_repeat_however_many():
    assert intervals(cross_validated(folds=1, repeats=4), seed=1, resamples=200).factor.value == 2.0
    assert intervals(cross_validated(folds=5, repeats=4), seed=1, resamples=200).factor.value == pytest.approx(1.55)


def test_leave_one_out_has_no_interval_and_says_why():
    found = intervals(cross_validated(n=20, folds=20, repeats=1), seed=1, resamples=200)
    assert np.isnan(np.array(list(found.ends.values()))).all()
    assert found.in_words() == (
        "none: leave-one-out does not show how much its models, which share their patients, would vary"
    )


def test_proportions_near_the_edge_have_wilsons_interval_for_so_many_fewer_patients():
    rows = [(f"{n:02d}", n % 2, 0.4 + 0.2 * (n % 2) + 0.001 * n) for n in range(40)]
    sample = make_sample(pd.concat([rows_of(rows[:20], rows[20:], repeat=repeat) for repeat in range(2)]))
    found = retrained_intervals(sample, Factor(2.0, "given"))
    expected = proportion_confint(10, 10, method="wilson")
    assert found.ends["recall"] == pytest.approx(expected), "20 of 20, as if 10 of 10"
    assert found.ends["auc"] == pytest.approx((0.05 ** (2 / 20), 1.0)), "20 pairs that share no patient, as if 10"
    assert found.methods["exact one-sided bound"] == ["auc"]


def test_the_factor_of_permutations_is_their_mean_square_over_their_mean_variance():
    rng = np.random.default_rng(1)
    aucs = rng.normal(0.5, 0.09, 200)
    found = permuted_factor(aucs, np.full(200, 0.06**2), 5)
    assert found.value == pytest.approx(((aucs - 0.5) ** 2).mean() / 0.06**2)
    assert found.source == "from 200 permutations"
    assert permuted_factor([*aucs, np.nan], [*np.full(200, 0.06**2), 1.0], 5) == found, (
        "an undefined one does not count"
    )


def test_permutations_that_are_few_constant_or_hardly_vary_leave_the_default():
    default = default_factor(5)
    assert permuted_factor([0.2, 0.8] * 9, [0.01] * 18, 5) == default
    assert permuted_factor([0.5] * 19, [0.0] * 19, 5) == default
    assert permuted_factor([0.49, 0.51] * 20, [0.01] * 40, 5) == default
    assert permuted_factor([], [], 5) == default
    assert permuted_factor([0.2, 0.8] * 10, [0.01] * 20, 5).value == pytest.approx(9)


def test_permutations_of_a_cell_raise_the_factor_of_its_test_patients_only():
    predictions, records, _ = make_cell(n=60, folds=5)
    copies = [make_cell(n=60, folds=5, signal=(-1) ** number, random_seed=100 + number)[:2] for number in range(20)]
    table = score_cell(predictions, records, base_seed=1, resamples=50, copies=copies).set_index("part")
    assert "from 20 permutations" in table.loc["test", "interval_method"]
    assert "by the number of repeats of all folds, 1" in table.loc["validation", "interval_method"]
    assert table.loc["validation", "interval_factor"] == 2.0
    samples = []
    for copy in copies:
        rows = patient_rows(*copy)
        samples.append(make_sample(rows[rows["part"] == "test"]))
    aucs = np.array([score(sample, *unit_weights(sample))[METRICS.index("auc")] for sample in samples])
    variances = [variance_of_repeat(auc_influence(sample)) for sample in samples]
    assert table.loc["test", "interval_factor"] == pytest.approx(((aucs - 0.5) ** 2).mean() / np.mean(variances))
    assert table.loc["test", "auc_low"] < table.loc["test", "auc_conditional_low"]


def test_t_interval_is_students():
    values = np.random.default_rng(3).normal(0.5, 0.1, 20)
    interval = t_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert (interval.low, interval.high, interval.n) == pytest.approx((expected.low, expected.high, 20))


def test_t_interval_leaves_out_what_is_not_a_number():
    assert t_interval([0.4, np.nan, 0.6]).n == 2


def test_one_value_has_a_mean_but_no_interval():
    interval = t_interval([0.6])
    assert (interval.mean, interval.n) == (0.6, 1)
    assert np.isnan([interval.low, interval.high]).all()


def test_paired_t_interval_is_that_of_the_differences():
    rng = np.random.default_rng(4)
    first, second = rng.normal(size=(2, 10))
    assert paired_t_interval(first, second) == t_interval(first - second)


def test_a_score_that_no_patient_moves_has_no_interval():
    rng = np.random.default_rng(0)
    label = np.arange(40) % 2
    rows = pd.DataFrame({"patient_id": [f"{number:05}" for number in range(40)], "label": label, "repeat": 0})
    rows = rows.assign(seed_index=0, fold=rng.permutation(np.arange(40) % 3), probability=0.525, threshold=np.nan)
    rows["log_odds"] = np.log(0.525 / 0.475) + rows["fold"] / 10
    found = intervals(make_sample(rows), seed=1, resamples=50)
    assert np.isnan(found.ends["auc"]).all()
