"""The simulation of sites: its shortcuts give what the library gives."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from gliobench.evaluation.metrics import auc, make_sample, unit_weights
from gliobench.evaluation.sites import auc_within_site

sys.path.insert(0, str(Path(__file__).parents[2] / "perf"))

import sites as simulation


def test_its_samples_are_those_of_the_tables():
    patients, features = simulation.draw_table(np.random.default_rng(1), confounded=True, planted=True)
    scored = simulation.scored_folds(features, patients["label"].to_numpy(), 1)
    tables = [
        patients.iloc[test][["patient_id", "label"]].assign(log_odds=log_odds, fold=fold)
        for fold, test, log_odds in scored
    ]
    rows = pd.concat(tables).assign(repeat=0, seed_index=0)
    expected = make_sample(rows.assign(probability=expit(rows["log_odds"])))
    found = simulation.cross_validate(patients, features, 1)
    site = patients.set_index("patient_id")["site"]
    assert auc_within_site(found, site) == pytest.approx(auc_within_site(expected, site))
    assert float(auc(found, *unit_weights(found))) == pytest.approx(float(auc(expected, *unit_weights(expected))))


def test_its_patients_have_the_shape_of_the_crosswalk():
    patients, _ = simulation.draw_table(np.random.default_rng(2), confounded=True, planted=False)
    counts = patients["site"].value_counts()
    assert len(patients) == 585
    assert counts.head(8).tolist() == [247, 207, 35, 28, 14, 13, 12, 6]
    assert patients["site"].isna().sum() == 8
    shares = patients.groupby("site")["label"].mean()
    assert shares["site-00"] - shares["site-01"] == pytest.approx(0.19, abs=0.14)  # three standard errors


def test_without_a_ridge_its_discriminant_ranks_as_scikit_learns(monkeypatch):
    monkeypatch.setattr(simulation, "RIDGE", 0.0)
    rng = np.random.default_rng(3)
    labels = rng.permutation(np.arange(80) % 2)
    train, test = rng.normal(size=(80, 4)) + labels[:, None] * 0.5, rng.normal(size=(30, 4))
    expected = LinearDiscriminantAnalysis().fit(train, labels).decision_function(test)
    found = simulation.discriminant(train, labels, test)
    assert np.array_equal(np.argsort(found), np.argsort(expected))
