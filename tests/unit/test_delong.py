"""DeLong's test and variance: they agree with other implementations, and repeats are averaged by patient."""

import numpy as np
import pandas as pd
import pytest
from MLstatkit import Delong_test

from gliobench.evaluation.delong import components, difference_p, logit_interval, variance
from gliobench.evaluation.metrics import make_sample
from test_metrics import rows_of


def sample_of(labels, probability):
    return make_sample(rows_of([(f"{n:03d}", *pair) for n, pair in enumerate(zip(labels, probability, strict=True))]))


@pytest.mark.parametrize("random_seed", range(10))
def test_the_p_of_a_difference_is_that_of_mlstatkit(random_seed):
    rng = np.random.default_rng(random_seed)
    labels = rng.permutation(np.repeat([0, 1], [14, 21]))
    first, second = (np.round(rng.normal(labels * shift, 1), 1) for shift in (0.8, 0.3))  # rounded: with ties
    _, expected = Delong_test(labels, first, second, return_ci=False, return_auc=False)
    assert difference_p(sample_of(labels, first), sample_of(labels, second)) == pytest.approx(expected, abs=1e-9)


def test_the_variance_of_one_auc_is_that_of_the_placements():
    rng = np.random.default_rng(1)
    labels = np.repeat([1, 0], [20, 30])
    scores = rng.normal(labels, 1)
    wins = np.greater.outer(scores[:20], scores[20:])
    expected = wins.mean(axis=1).var(ddof=1) / 20 + wins.mean(axis=0).var(ddof=1) / 30
    assert variance(components(sample_of(labels, scores))) == pytest.approx(expected)


def test_the_same_scores_twice_do_not_differ():
    labels, scores = np.repeat([0, 1], 6), np.linspace(0, 1, 12) ** 2
    assert difference_p(sample_of(labels, scores), sample_of(labels, scores)) == 1.0
    assert difference_p(sample_of(labels, scores), sample_of(labels, scores / 2)) == 1.0  # the same order


def test_two_certain_and_opposite_answers_have_no_p():
    labels = np.repeat([0, 1], 6)
    assert np.isnan(difference_p(sample_of(labels, labels), sample_of(labels, 1 - labels)))


def test_repeats_of_the_same_scores_narrow_nothing():
    rng = np.random.default_rng(2)
    once = rows_of([(f"{n:03d}", n % 2, rng.random() * 0.5 + 0.4 * (n % 2)) for n in range(40)])
    thrice = pd.concat([once.assign(repeat=repeat) for repeat in range(3)])
    assert logit_interval(make_sample(thrice)) == pytest.approx(logit_interval(make_sample(once)))


def test_a_perfect_auc_has_no_logit():
    labels = np.repeat([0, 1], 6)
    assert np.isnan(logit_interval(sample_of(labels, labels))).all()


def test_constant_scores_have_no_interval():
    assert np.isnan(logit_interval(sample_of([0, 0, 1, 1], [0.5] * 4))).all()
