"""Expected figures: over our own repeats, and by prediction, against direct simulation and the sums by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from gliobench.evaluation.grim import MACRO, NEGATIVE, POSITIVE
from gliobench.evaluation.prediction import POWER, Ours, by_prediction, needed, over_repeats

SCORES = ("accuracy", "auc", "recall", "specificity")
RATES = st.floats(0.05, 0.9)


def ours(low, high, sd_trainings=0.0):
    return dict.fromkeys(SCORES, Ours(low, high, sd_trainings))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40))
def test_the_interval_over_repeats_is_that_of_the_formula(values):
    found, n = over_repeats(values), len(values)
    spread = np.std(values, ddof=1) * np.sqrt(1 + 1 / n)
    half = stats.t.ppf(0.975, n - 1) * spread
    assert (found.low, found.high) == pytest.approx((np.mean(values) - half, np.mean(values) + half))
    assert found.detectable == pytest.approx(2.8 * spread)


def test_the_interval_over_repeats_holds_the_next_repeat_in_19_of_20_cases():
    rng = np.random.default_rng(1)
    missed = []
    for values in rng.normal(0.6, 0.05, (4000, 21)):
        found = over_repeats(values[:20])
        missed.append(not found.low <= values[20] <= found.high)
    assert 0.04 < np.mean(missed) < 0.06


def published_auc(truth, positives, negatives, rng):
    label = np.repeat([1, 0], [positives, negatives])
    score = rng.normal(label * np.sqrt(2) * stats.norm.ppf(truth), 1)
    return roc_auc_score(label, score)


@pytest.mark.parametrize(
    ("metric", "truth", "n", "positive", "sd_ours", "sd_trainings"),
    [("accuracy", 0.7, 53, None, 0.03, 0.03), ("auc", 0.75, 59, 31, 0.03, 0.04), ("recall", 0.8, 24, 15, 0.06, 0.0),
     ("specificity", 0.6, 53, 26, 0.04, 0.02)],
)  # fmt: skip
def test_the_predicted_interval_misses_one_figure_in_twenty_or_fewer(metric, truth, n, positive, sd_ours, sd_trainings):
    # Our estimate, the training of theirs and their test set are drawn anew each time, by scikit-learn and scipy.
    rng = np.random.default_rng(2)
    missed = []
    for _ in range(400):
        centre = stats.logistic.ppf(truth) + rng.normal() * sd_ours / (truth * (1 - truth))
        half = 1.96 * sd_ours / (truth * (1 - truth))
        mine = {metric: Ours(*stats.logistic.cdf([centre - half, centre + half]), sd_trainings)}
        theirs = np.clip(truth + rng.normal(0, sd_trainings), 0, 1)
        counted = {"accuracy": n, "recall": positive, "specificity": n - (positive or 0)}.get(metric)
        figure = (
            rng.binomial(counted, theirs) / counted if counted else published_auc(theirs, positive, n - positive, rng)
        )
        found = by_prediction(metric, mine, n, positive, 4, seed=1, draws=500)
        missed.append(not found.low <= round(figure, 4) <= found.high)
    assert 0.01 < np.mean(missed) < 0.075


def test_without_an_error_of_ours_the_interval_is_that_of_the_binomial():
    found = by_prediction("accuracy", ours(0.6, 0.6), 100, None, 4, seed=1)
    assert (found.low, found.high) == pytest.approx(stats.binom.interval(0.95, 100, 0.6) / np.array(100.0), abs=0.011)
    assert found.sd == pytest.approx(np.sqrt(0.6 * 0.4 / 100), rel=0.02)


def test_without_an_error_of_ours_the_spread_of_an_auc_is_that_of_hanley_and_mcneil():
    found = by_prediction("auc", ours(0.525, 0.525), 59, 31, 6, seed=1)
    assert found.sd == pytest.approx(0.0757, rel=0.03)  # by hand: Q1 = 0.3559, Q2 = 0.3615


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(["accuracy", "recall", "specificity", "precision", "f1"]), RATES, st.floats(0.01, 0.09))
def test_a_higher_score_of_ours_never_lowers_the_interval(metric, low, shift):
    before = by_prediction(metric, ours(low, low + 0.01), 60, 30, 3, seed=1)
    after = by_prediction(metric, ours(low + shift, low + shift + 0.01), 60, 30, 3, seed=1)
    assert after.low >= before.low - 0.02  # draws of a binomial do not move with its probability one by one
    assert after.high >= before.high - 0.02


@pytest.mark.parametrize("metric", ["accuracy", "auc", "recall", "precision", "f1"])
def test_less_knowledge_makes_the_interval_wider(metric):
    known = by_prediction(metric, ours(0.59, 0.61), 60, 30, 4, seed=1)
    for other in (
        by_prediction(metric, ours(0.45, 0.75), 60, 30, 4, seed=1),
        by_prediction(metric, ours(0.59, 0.61, sd_trainings=0.1), 60, 30, 4, seed=1),
        by_prediction(metric, ours(0.59, 0.61), 20, 10, 4, seed=1),
    ):
        assert other.high - other.low > known.high - known.low
        assert other.detectable > known.detectable


@pytest.mark.parametrize("decimals", [1, 2])
def test_the_ends_are_figures_as_printed(decimals):
    found = by_prediction("accuracy", ours(0.5, 0.6), 53, None, decimals, seed=1)
    assert [round(end, decimals) for end in (found.low, found.high)] == [found.low, found.high]


def test_an_end_of_1_still_predicts():
    found = by_prediction("recall", ours(0.4, 1.0), 24, 15, 2, seed=1)
    assert 0 < found.low < found.high == 1


@pytest.mark.parametrize(
    ("metric", "averaging", "scores"),
    [("recall", NEGATIVE, ("specificity",)), ("recall", MACRO, ("recall", "specificity")),
     ("precision", POSITIVE, ("recall", "specificity")), ("auc", POSITIVE, ("auc",))],
)  # fmt: skip
def test_each_figure_is_predicted_from_scores_that_the_table_holds(metric, averaging, scores):
    assert needed(metric, averaging) == scores


def test_a_recall_of_the_negative_class_is_predicted_from_specificity():
    mine = {"specificity": Ours(0.79, 0.81, 0.0)}
    found = by_prediction("recall", mine, 53, 26, 2, seed=1, averaging=NEGATIVE)
    low, high = stats.binom.interval(0.95, 27, 0.8)
    assert (found.low, found.high) == pytest.approx((low / 27, high / 27), abs=0.04)


def test_a_score_of_one_label_needs_the_number_of_its_patients():
    with pytest.raises(ValueError, match="auc needs the number of positive patients"):
        by_prediction("auc", ours(0.5, 0.6), 59, None, 3, seed=1)


def test_the_power_of_the_detectable_difference_is_80_percent():
    # A figure that is off by the detectable difference leaves the interval in four of five cases.
    rng = np.random.default_rng(3)
    found = by_prediction("auc", ours(0.55, 0.6), 400, 200, 6, seed=1)
    off = rng.normal(found.detectable, found.sd, 20000) + (found.low + found.high) / 2
    assert np.mean(off > found.high) == pytest.approx(0.8, abs=0.02)
    assert stats.norm.ppf(0.975) + stats.norm.ppf(0.8) == pytest.approx(POWER, abs=0.01)
