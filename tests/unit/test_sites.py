"""The AUC within sites, against counting every pair by hand and scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from cell_files import make_cell
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.delong import auc_influence
from gliobench.evaluation.intervals import default_factor
from gliobench.evaluation.metrics import auc, make_sample, unit_weights
from gliobench.evaluation.sites import (
    auc_within_site,
    divide_auc,
    site_scores,
    sites_together,
    within_influence,
    within_sites,
)


def predicted(log_odds, labels, folds, repeat=0):
    """Predictions of one repeat: a row a patient."""
    n = len(labels)
    rows = pd.DataFrame({"patient_id": [f"{number:03}" for number in range(n)], "label": labels, "fold": folds})
    return rows.assign(log_odds=log_odds, probability=expit(log_odds), repeat=repeat, seed_index=0)


def by_hand(rows, sites, inside):
    """Count the pairs of each repeat; each repeat's pairs weigh the same."""
    won = weight = 0.0
    for _, repeat in rows.groupby("repeat"):
        wins, kept, pairs = 0.0, 0, 0
        for high in repeat[repeat["label"] == 1].itertuples():
            for low in repeat[(repeat["label"] == 0) & (repeat["fold"] == high.fold)].itertuples():
                pairs += 1
                there = sites[high.patient_id]
                if (pd.notna(there) and there == sites[low.patient_id]) == inside:
                    kept += 1
                    wins += (high.log_odds > low.log_odds) + 0.5 * (high.log_odds == low.log_odds)
        won, weight = won + wins / pairs, weight + kept / pairs
    return won / weight, weight / rows["repeat"].nunique()


@st.composite
def predictions(draw):
    n, repeats = draw(st.integers(8, 20)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    labels = rng.permutation(np.arange(n) % 2)
    rows = [predicted(rng.integers(-2, 3, n).astype(float), labels, rng.integers(0, 2, n), r) for r in range(repeats)]
    sites = pd.Series(rng.choice(np.array(["a", "b", "c", None]), n), index=rows[0]["patient_id"])
    return pd.concat(rows, ignore_index=True), sites


@given(predictions())
@settings(max_examples=60, deadline=None)
def test_the_auc_is_divided_into_pairs_of_one_known_site_and_all_others(made):
    rows, sites = made
    sample = make_sample(rows)
    divided = divide_auc(sample, within_sites(sample, sites))
    assume(not np.isnan([divided.within, divided.between]).any())
    within, weight = by_hand(rows, sites, inside=True)
    between, rest = by_hand(rows, sites, inside=False)
    assert (divided.within, divided.between) == (pytest.approx(within), pytest.approx(between))
    assert (divided.weight, 1 - divided.weight) == (pytest.approx(weight), pytest.approx(rest))
    assert divided.auc == pytest.approx(float(auc(sample, *unit_weights(sample))))
    assert divided.auc == pytest.approx(divided.weight * divided.within + (1 - divided.weight) * divided.between)


def test_with_one_site_and_one_run_it_is_scikit_learns_auc():
    rng = np.random.default_rng(1)
    labels, scores = rng.permutation(np.arange(30) % 2), rng.normal(size=30)
    rows = predicted(scores, labels, 0)
    sites = pd.Series("here", index=rows["patient_id"])
    assert auc_within_site(make_sample(rows), sites) == pytest.approx(roc_auc_score(labels, scores))
    sites[:] = ["here", "there"] * 15
    parts = [
        (labels[place::2], scores[place::2], (labels[place::2] == 1).sum() * (labels[place::2] == 0).sum())
        for place in (0, 1)
    ]
    expected = np.average([roc_auc_score(y, s) for y, s, _ in parts], weights=[pairs for *_, pairs in parts])
    assert auc_within_site(make_sample(rows), sites) == pytest.approx(expected)


def test_a_method_that_recognises_the_site_alone_has_no_auc_within():
    sites = np.repeat(["north", "south"], 40)
    labels = np.r_[np.arange(40) < 30, np.arange(40) < 10].astype(int)
    rows = predicted((sites == "north") * 1.0, labels, np.arange(80) % 4)
    columns, reasons = site_scores(make_sample(rows), pd.Series(sites, index=rows["patient_id"]), None)
    assert reasons == []
    assert columns["auc_within_site"] == 0.5
    assert columns["auc_minus_within_site_low"] > 0.1
    assert columns["n_within_site"] == 80


@given(predictions())
@settings(max_examples=25, deadline=None)
def test_influence_is_the_derivative_by_each_patients_weight(made):
    rows, sites = made
    sample = make_sample(rows)
    inside = within_sites(sample, sites)
    divided = divide_auc(sample, inside)
    assume(not np.isnan(divided.within))
    _, pairs = (np.asarray(x) for x in _won_and_pairs(sample))
    influence = within_influence(sample, inside, divided)
    for side, found in enumerate((influence.positive, influence.negative)):
        for patient in range(len(found)):
            ends = [_weighted(inside, pairs, side, patient, step) for step in (1e-6, -1e-6)]
            assert found[patient].mean() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


def _won_and_pairs(sample, weights=None):
    from gliobench.evaluation.metrics import won_and_pairs

    return won_and_pairs(sample, *(weights or unit_weights(sample)))


def _weighted(inside, pairs, side, patient, step):
    weights = unit_weights(inside)
    weights[side][patient] += step
    won, kept = _won_and_pairs(inside, weights)
    return (won / pairs).mean() / (kept / pairs).mean()


def test_intervals_cover_what_they_should():
    """Scores that know the site only, or the label only: the true difference is known."""
    rng = np.random.default_rng(2)
    sites = np.repeat(["north", "south"], 60)
    known = pd.Series(sites, index=[f"{number:03}" for number in range(120)])
    missed = {"site": 0, "within": 0}
    for _ in range(300):
        labels = (rng.random(120) < np.where(sites == "north", 0.7, 0.3)).astype(int)
        rows = predicted(labels * 0.7 + rng.normal(size=120), labels, 0)
        columns, _ = site_scores(make_sample(rows), known, None)
        truth = 0.6897  # Phi(0.7 / sqrt(2)): the score depends on the label alone, so the difference is 0
        missed["within"] += not columns["auc_within_site_low"] <= truth <= columns["auc_within_site_high"]
        missed["site"] += not columns["auc_minus_within_site_low"] <= 0 <= columns["auc_minus_within_site_high"]
    assert max(missed.values()) <= 30, "nominal 15; 30 is four standard errors"
    assert min(missed.values()) >= 3


def test_unknown_sites_give_no_pair_and_nothing_known_gives_no_score():
    rows = predicted(np.arange(8.0), [0, 1] * 4, 0)
    unknown = pd.Series([None] * 8, index=rows["patient_id"], dtype="str")
    assert site_scores(make_sample(rows), unknown, None) == ({}, [])
    assert site_scores(make_sample(rows), None, None) == ({}, [])
    assert "no patient has a known site" in site_scores(make_sample(rows), unknown, None, [None])[1][0]
    apart = pd.Series(["a", "b"] * 4, index=rows["patient_id"])
    columns, reasons = site_scores(make_sample(rows), apart, None)
    assert (columns["n_within_site"], columns["weight_within_site"], columns["auc_between_sites"]) == (
        0,
        0,
        1 * 10 / 16,
    )
    assert reasons == ["auc_within_site is empty: no run scores patients of both labels of one known site"]


def test_the_factor_of_the_procedure_widens_both_intervals():
    rng = np.random.default_rng(3)
    labels = np.arange(100) % 2
    rows = pd.concat([predicted(rng.normal(size=100), labels, rng.integers(0, 5, 100), r) for r in range(2)])
    sites = pd.Series(rng.choice(["a", "b"], 100), index=rows["patient_id"].unique())
    sample = make_sample(rows)
    factor = default_factor(2)
    columns, _ = site_scores(sample, sites, factor)
    narrow, _ = site_scores(sample, sites, None)
    for name in ("auc_within_site", "auc_minus_within_site"):
        widths = [one[f"{name}_high"] - one[f"{name}_low"] for one in (columns, narrow)]
        assert widths[0] > widths[1]


def test_a_cell_is_scored_within_sites_with_its_own_permutations():
    predictions_, records, _ = make_cell(n=40, signal=2.0, repeats=2)
    ids = sorted(predictions_[0]["patient_id"].unique())
    sites = pd.Series((["a", "a", "b", "b"] * 10), index=ids)
    copies = [make_cell(n=40, signal=0.0, repeats=2, random_seed=seed)[:2] for seed in range(1, 20)]
    table = score_cell(predictions_, records, 0, 100, sites=sites, within=copies).set_index("part")
    row = table.loc["test"]
    assert (row["p_chance_within_site"], row["n_permutations_within_site"]) == (pytest.approx(1 / 20), 19)
    assert np.isnan(row["p_chance"])
    assert row["auc_within_site"] > 0.8
    assert row["auc"] - row["auc_within_site"] == pytest.approx(row["auc_minus_within_site"])
    assert np.isnan(table.loc["validation", "p_chance_within_site"])
    bare = score_cell(predictions_, records, 0, 100).set_index("part").loc["test"]
    assert np.isnan(bare["auc_within_site"])
    assert bare["auc"] == row["auc"]


def test_what_is_sites_together_is_said_for_left_out_sites_only():
    rows = predicted(np.arange(8.0), [0, 1] * 4, [0, 0, 0, 0, 1, 1, 1, 1])
    sites = pd.Series(["a"] * 4 + ["b", "b", "c", None], index=rows["patient_id"])
    said = "3 patients of 2 small sites and 1 of unknown site are tested together as `other`"
    assert sites_together(rows, sites, "leave-one-site-out") == said
    assert sites_together(rows, sites, "harmonised") is None
    assert sites_together(rows, None, "leave-one-site-out") is None
    assert sites_together(rows.head(4), sites, "leave-one-site-out") is None


def test_influence_of_one_site_is_that_of_the_auc():
    rng = np.random.default_rng(4)
    rows = predicted(rng.normal(size=30), np.arange(30) % 2, rng.integers(0, 3, 30))
    sample = make_sample(rows)
    inside = within_sites(sample, pd.Series("a", index=rows["patient_id"]))
    divided = divide_auc(sample, inside)
    assert np.isnan(divided.between)
    mine, whole = within_influence(sample, inside, divided), auc_influence(sample)
    np.testing.assert_allclose(mine.positive, whole.positive)
    np.testing.assert_allclose(mine.negative, whole.negative)
