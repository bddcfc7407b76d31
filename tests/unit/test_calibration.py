"""Calibration and thresholds: as another fit finds them, and empty with a reason where there is no finite one."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from cell_files import make_cell
from gliobench.evaluation.calibration import calibration
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.metrics import at_validation_threshold, majority_accuracy
from gliobench.evaluation.runs import patient_rows
from test_metrics import rows_of


def rows_from(labels, probability, **names):
    patients = [(f"{n:03d}", *pair) for n, pair in enumerate(zip(labels, probability, strict=True))]
    return rows_of(patients, **names)


@pytest.mark.parametrize("random_seed", range(5))
def test_slope_and_intercept_are_those_of_an_unpenalised_regression(random_seed):
    rng = np.random.default_rng(random_seed)
    labels = rng.integers(0, 2, 80)
    evidence = rng.normal(labels - 0.2, 2)
    plain = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(evidence[:, None], labels)
    values, reason = calibration(rows_from(labels, expit(evidence)))
    assert reason is None
    assert values["calibration_slope"] == pytest.approx(plain.coef_[0, 0], rel=1e-4)
    assert values["calibration_intercept"] == pytest.approx(plain.intercept_[0], rel=1e-3, abs=1e-4)


def test_probabilities_that_mean_what_they_say_have_slope_1_and_intercept_0():
    rng = np.random.default_rng(1)
    probability = expit(rng.normal(0, 2, 40_000))
    values, _ = calibration(rows_from(rng.random(40_000) < probability, probability))
    assert list(values.values()) == pytest.approx([1, 0], abs=0.05)


def test_answers_of_0_and_1_are_still_fitted():
    values, reason = calibration(rows_from([0, 1, 1, 0, 1, 0, 1], [0, 1, 0, 1, 1, 0, 0.5]))
    assert reason is None
    assert np.isfinite(list(values.values())).all()


def test_rounds_are_averaged():
    rng = np.random.default_rng(2)
    rounds = [rows_from(rng.permutation(20) % 2, rng.random(20), repeat=repeat) for repeat in range(3)]
    each = [calibration(rows)[0]["calibration_slope"] for rows in rounds]
    assert calibration(pd.concat(rounds))[0]["calibration_slope"] == pytest.approx(np.mean(each))


@pytest.mark.parametrize(
    ("labels", "probability", "why"),
    [
        ([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.3], "all probabilities are the same"),
        ([1, 1, 1, 1], [0.3, 0.4, 0.5, 0.6], "only one label occurs"),
        ([0, 0, 1, 1], [0.3, 0.4, 0.4, 0.6], "the probabilities separate the labels without overlap"),
        ([1, 1, 0, 0], [0.3, 0.4, 0.5, 0.6], "the probabilities separate the labels without overlap"),
    ],
)
def test_what_has_no_finite_fit_is_empty_and_says_why(labels, probability, why):
    values, reason = calibration(rows_from(labels, probability))
    assert np.isnan(list(values.values())).all()
    assert reason == f"calibration_slope and calibration_intercept are empty: {why}"


def test_the_majority_is_that_of_the_scored_patients():
    assert majority_accuracy(rows_from([1, 1, 1, 0], [0.1] * 4)) == 0.75
    assert majority_accuracy(rows_from([0, 0, 1], [0.1] * 3)) == pytest.approx(2 / 3)


def test_each_run_is_called_at_its_own_threshold():
    rows = rows_of([("a", 1, 0.3), ("b", 0, 0.1)], [("c", 1, 0.7), ("d", 0, 0.6)])
    rows["threshold"] = [0.2, 0.2, 0.8, 0.8]
    assert at_validation_threshold(rows) == pytest.approx(
        {"threshold_validation": 0.5, "accuracy_validation_threshold": 0.75}
    )


def test_one_run_without_a_threshold_leaves_all_empty():
    rows = rows_of([("a", 1, 0.3), ("b", 0, 0.1)], [("c", 1, 0.7), ("d", 0, 0.6)])
    rows["threshold"] = [0.2, 0.2, np.nan, np.nan]
    assert np.isnan(list(at_validation_threshold(rows).values())).all()


def test_the_table_holds_all_of_it():
    predictions, records, _ = make_cell(n=60)
    predictions = [table.assign(threshold=0.4) for table in predictions]
    table = score_cell(predictions, records, base_seed=1, resamples=50)
    row = table[table["part"] == "test"].iloc[0]
    rows = patient_rows(predictions, records)
    test = rows[rows["part"] == "test"]
    assert row["majority_accuracy"] == 0.5
    assert row["threshold_validation"] == pytest.approx(0.4)
    right = (test["probability"] >= 0.4) == (test["label"] == 1)
    assert row["accuracy_validation_threshold"] == pytest.approx(right.mean())
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(test[["probability"]].to_numpy()), test["label"])
    assert row["calibration_slope"] == pytest.approx(fit.coef_[0, 0], rel=1e-3)
