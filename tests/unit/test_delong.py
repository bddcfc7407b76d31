"""Influence of patients on scores, and variances from it: they agree with other implementations, repeat by repeat."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from MLstatkit import Delong_test
from scipy import stats

from cell_files import make_cell
from gliobench.evaluation.bootstrap import resample
from gliobench.evaluation.columns import METRICS
from gliobench.evaluation.delong import auc_influence, influences, variance_of_mean, variance_of_repeat
from gliobench.evaluation.metrics import make_sample, score
from gliobench.evaluation.runs import patient_rows
from test_metrics import rows_of


def sample_of(labels, probability):
    return make_sample(rows_of([(f"{n:03d}", *pair) for n, pair in enumerate(zip(labels, probability, strict=True))]))


def scored_rows(**changes):
    predictions, records, _ = make_cell(**changes)
    rows = patient_rows(predictions, records)
    return rows[rows["part"] == "test"]


@pytest.mark.parametrize("random_seed", range(10))
def test_the_variance_of_a_difference_is_that_of_mlstatkit(random_seed):
    rng = np.random.default_rng(random_seed)
    labels = rng.permutation(np.repeat([0, 1], [14, 21]))
    first, second = (np.round(rng.normal(labels * shift, 1), 1) for shift in (0.8, 0.3))  # rounded: with ties
    z, _ = Delong_test(labels, first, second, return_ci=False, return_auc=False)
    influence = auc_influence(sample_of(labels, first)).minus(auc_influence(sample_of(labels, second)))
    difference = [auc_of(labels, scores) for scores in (first, second)]
    expected = abs((difference[0] - difference[1]) / z)
    assert np.sqrt(variance_of_mean(influence)) == pytest.approx(expected, abs=1e-9)


def auc_of(labels, scores):
    return (
        stats.mannwhitneyu(scores[labels == 1], scores[labels == 0]).statistic
        / (labels == 1).sum()
        / (labels == 0).sum()
    )


def test_the_variance_of_one_auc_is_that_of_the_placements():
    rng = np.random.default_rng(1)
    labels = np.repeat([1, 0], [20, 30])
    scores = rng.normal(labels, 1)
    wins = np.greater.outer(scores[:20], scores[20:])
    expected = wins.mean(axis=1).var(ddof=1) / 20 + wins.mean(axis=0).var(ddof=1) / 30
    influence = auc_influence(sample_of(labels, scores))
    assert variance_of_mean(influence) == pytest.approx(expected)
    assert variance_of_repeat(influence) == pytest.approx(expected), "one training: no repeats to average"


def ledell(rows):
    """LeDell's variance of one repeat, written as in the paper: around the AUC of each fold, without a correction."""
    n, n_high = len(rows), int(rows["label"].sum())
    total = 0.0
    for _, fold in rows.groupby("fold"):
        scores, label = fold["log_odds"].to_numpy(), fold["label"].to_numpy()
        area = auc_of(label, scores)
        for own, is_high in zip(scores, label, strict=True):
            others = scores[label != is_high]
            beaten = np.mean(others < own) if is_high else np.mean(others > own)
            total += ((beaten - area) * n / (n_high if is_high else n - n_high)) ** 2
    return total / n**2


@pytest.mark.parametrize("folds", [1, 3, 5])
def test_the_variance_of_a_repeat_is_ledells_plus_what_the_folds_differ_by(folds):
    rng = np.random.default_rng(folds)
    runs = np.array_split(rng.normal(0.5 * (np.arange(60) % 2), 1), folds)
    rows = rows_of(*([(f"{fold}-{n}", n % 2, score) for n, score in enumerate(run)] for fold, run in enumerate(runs)))
    areas = np.array([auc_of(run["label"].to_numpy(), run["log_odds"].to_numpy()) for _, run in rows.groupby("fold")])
    between = 2 * np.sum((30 / folds) * (areas - areas.mean()) ** 2) / 30**2
    assert variance_of_repeat(auc_influence(make_sample(rows))) == pytest.approx((ledell(rows) + between) * 30 / 29)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 2))
def test_numerical_influence_on_the_auc_is_the_exact_one(seed, repeats, seeds):
    sample = make_sample(scored_rows(random_seed=seed, repeats=repeats, seeds=seeds))
    numerical, exact = influences(sample)[METRICS.index("auc")], auc_influence(sample)
    np.testing.assert_allclose(numerical.positive, exact.positive, atol=1e-8)
    np.testing.assert_allclose(numerical.negative, exact.negative, atol=1e-8)


def test_the_influence_on_accuracy_and_brier_is_a_patients_excess():
    rows = scored_rows(n=30, folds=3)
    sample = make_sample(rows)
    by_patient = rows.set_index("patient_id").sort_index()
    right = ((by_patient["probability"] >= 0.5) == by_patient["label"]).astype(float)
    square = (by_patient["probability"] - by_patient["label"]) ** 2
    for name, value in (("accuracy", right), ("brier", square)):
        excess = (value - value.mean()) / 30
        influence = influences(sample)[METRICS.index(name)]
        for side, patients in ((influence.positive, sample.positive), (influence.negative, sample.negative)):
            np.testing.assert_allclose(side[:, 0], excess.loc[patients.patients], atol=1e-8)


@pytest.mark.parametrize("name", ["accuracy", "auc", "f1", "brier", "pr_auc", "mcc", "log_loss", "balanced_accuracy"])
def test_variances_agree_with_the_bootstrap(name):
    sample = make_sample(scored_rows(n=200, folds=1, signal=0.4))
    drawn = resample(lambda *weights: score(sample, *weights), (100, 100), 1, 2000).drawn[METRICS.index(name)]
    variance = variance_of_repeat(influences(sample)[METRICS.index(name)])
    assert np.sqrt(variance) == pytest.approx(drawn.std(ddof=1), rel=0.08)


def test_repeats_of_the_same_scores_narrow_nothing_and_others_do():
    once = scored_rows(n=60, folds=3)
    thrice = pd.concat([once.assign(repeat=repeat) for repeat in range(3)])
    others = scored_rows(n=60, folds=3, repeats=3)
    of_once, of_thrice, of_others = (auc_influence(make_sample(rows)) for rows in (once, thrice, others))
    assert variance_of_mean(of_thrice) == pytest.approx(variance_of_mean(of_once))
    assert variance_of_mean(of_others) < 0.7 * variance_of_repeat(of_others)
    assert variance_of_repeat(of_thrice) == pytest.approx(variance_of_repeat(of_once))


def test_seeds_of_a_repeat_are_averaged_before_the_variance_is_taken():
    rows = scored_rows(n=60, folds=3, seeds=4)
    each = [variance_of_repeat(auc_influence(make_sample(seed))) for _, seed in rows.groupby("seed_index")]
    assert variance_of_repeat(auc_influence(make_sample(rows))) < np.mean(each)


def test_repeated_hold_outs_count_with_the_share_of_patients_that_they_test():
    rows = scored_rows(n=60, folds=4, signal=0.0, random_seed=3)
    held_out = rows.assign(repeat=rows["fold"], fold=0)  # four hold-outs that test each patient once
    whole, parts = (variance_of_repeat(auc_influence(make_sample(one))) for one in (rows, held_out))
    assert parts == pytest.approx(whole, rel=0.25)


def test_constant_scores_have_no_variance():
    influence = auc_influence(sample_of([0, 0, 1, 1], [0.5] * 4))
    assert variance_of_mean(influence) == variance_of_repeat(influence) == 0


def test_a_single_patient_of_a_label_has_no_variance():
    assert np.isnan(variance_of_repeat(auc_influence(sample_of([0, 0, 1], [0.1, 0.2, 0.3]))))
