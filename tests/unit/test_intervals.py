"""Intervals: deterministic, named, defined where they can be, and about as wide as they say."""

import numpy as np
import pandas as pd
import pytest
from confidenceinterval import roc_auc_score as roc_auc_score_with_ci
from scipy import stats
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from cell_files import make_cell
from gliobench.evaluation.bootstrap import bca_intervals, bca_p, resample
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.intervals import methods_in_words, paired_t_interval, patient_intervals, t_interval
from gliobench.evaluation.metrics import make_sample
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
    predictions, records, _ = make_cell(repeats=2)
    first, again = (score_cell(predictions, records, base_seed=7, resamples=200) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    other = score_cell(predictions, records, base_seed=8, resamples=200)
    assert not first[LIMITS].equals(other[LIMITS])


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
    intervals, methods = patient_intervals(make_sample(rows), seed=5, resamples=200)
    assert intervals["auc"] == pytest.approx(tuple(plain.confidence_interval))
    words = methods_in_words(methods)
    assert words.startswith("BCa bootstrap by patient within label, 200 resamples, conditional on the fitted models")


def test_the_p_value_is_where_the_interval_ends():
    rng = np.random.default_rng(3)
    high, low = rng.exponential(size=(2, 30))

    def mean_difference(positive, negative):
        return ((positive @ high) / positive.sum(axis=-1) - (negative @ low) / negative.sum(axis=-1))[None]

    resampled = resample(mean_difference, (30, 30), seed=1, resamples=4000)
    for null in np.quantile(resampled.drawn[0], [0.02, 0.3, 0.6, 0.95]):
        p = bca_p(resampled, null)[0]
        ends = bca_intervals(resampled, confidence=1 - p)[0]
        assert np.abs(ends - null).min() < 0.02


def test_no_p_value_is_0():
    resampled = resample(lambda high, low: (5 + high[..., 0] - low[..., 0])[None], (9, 9), seed=1, resamples=99)
    assert bca_p(resampled, null=-100)[0] >= 1 / 100


def test_a_patient_keeps_all_its_repeats_so_that_more_of_the_same_narrow_nothing():
    rng = np.random.default_rng(2)
    once = random_rows(0.7, 15, rng)
    thrice = pd.concat([once.assign(repeat=repeat) for repeat in range(3)])
    first, _ = patient_intervals(make_sample(once), seed=3, resamples=200)
    again, _ = patient_intervals(make_sample(thrice), seed=3, resamples=200)
    assert pd.DataFrame(again).to_numpy() == pytest.approx(pd.DataFrame(first).to_numpy())


def test_a_proportion_that_no_resample_moves_gets_wilsons_interval():
    rows = rows_of([(f"p{n}", 1, 0.1 + 0.01 * n) for n in range(9)] + [(f"n{n}", 0, 0.05 * n) for n in range(12)])
    intervals, methods = patient_intervals(make_sample(rows), seed=1, resamples=200)
    assert intervals["recall"] == pytest.approx((0.0, 0.2991), abs=1e-3)  # 0 of 9 is not [0, 0]
    assert {"precision", "recall"} <= set(methods["Wilson"])


def test_calling_everyone_positive_does_not_make_accuracy_certain():
    rows = rows_of([(f"{n:02d}", n % 2, 0.6 + 0.01 * n) for n in range(40)])
    intervals, methods = patient_intervals(make_sample(rows), seed=1, resamples=200)
    assert intervals["accuracy"] == pytest.approx((0.352, 0.648), abs=1e-3)
    assert methods["Wilson"] == ["accuracy", "precision", "recall", "specificity"]


def test_a_proportion_far_from_the_edge_is_bootstrapped():
    rng = np.random.default_rng(6)
    rows = random_rows(0.6, 30, rng)
    _, methods = patient_intervals(make_sample(rows), seed=1, resamples=200)
    assert "Wilson" not in methods


def test_an_auc_near_1_has_delongs_interval_on_the_logit_scale():
    rng = np.random.default_rng(8)
    rows = random_rows(0.97, 30, rng)
    label, probability = rows["label"].to_numpy(), rows["probability"].to_numpy()
    area, ends = roc_auc_score_with_ci(label, probability)
    intervals, methods = patient_intervals(make_sample(rows), seed=1, resamples=200)
    assert methods["logit DeLong"] == ["auc"]
    error = (ends[1] - ends[0]) / 2 / stats.norm.ppf(0.975)
    half = stats.norm.ppf(0.975) * error / (area * (1 - area))
    expected = expit(logit(area) + np.array([-half, half]))
    assert intervals["auc"] == pytest.approx(tuple(expected), abs=1e-6)


def test_a_perfect_auc_gets_the_exact_one_sided_bound():
    rows = rows_of([(f"p{n}", 1, 0.9) for n in range(10)] + [(f"n{n}", 0, 0.1) for n in range(14)])
    intervals, methods = patient_intervals(make_sample(rows), seed=1, resamples=200)
    assert intervals["auc"] == pytest.approx((0.05**0.1, 1.0))
    assert methods["exact one-sided bound"] == ["auc"]


def test_what_is_constant_over_repeats_has_no_interval():
    rows = pd.concat([rows_of([(f"{n}", n % 2, 0.9) for n in range(20)], repeat=repeat) for repeat in range(2)])
    intervals, methods = patient_intervals(make_sample(rows), seed=1, resamples=100)
    assert np.isnan(intervals["recall"]).all()
    assert methods["undefined"][:4] == ["accuracy", "auc", "precision", "recall"]


def test_a_single_patient_of_a_label_leaves_the_bootstrap_undefined():
    rows = rows_of([("p", 1, 0.9), *((f"n{n}", 0, 0.1 * n) for n in range(6))])
    intervals, _ = patient_intervals(make_sample(rows), seed=1, resamples=100)
    assert np.isnan(intervals["brier"]).all()
    assert intervals["accuracy"] == pytest.approx(tuple(stats.binomtest(6, 7).proportion_ci(method="wilson")))


@pytest.mark.slow
@pytest.mark.parametrize("auc", [0.5, 0.7, 0.95])
def test_intervals_of_independent_scores_miss_about_one_time_in_twenty(auc):
    rng = np.random.default_rng(21)
    missed = 0
    for number in range(1000):
        intervals, _ = patient_intervals(make_sample(random_rows(auc, 60, rng)), seed=number, resamples=200)
        low, high = intervals["auc"]
        missed += not low <= auc <= high
    assert 30 <= missed <= 75


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
