"""Ranks survive saturation: scores are those that scikit-learn makes of the stored log odds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score

from gliobench.evaluation.cells import score_cell
from gliobench.files import read_table, write_table
from gliobench.training.parts import prediction_rows
from gliobench.training.scores import mean_log_odds, rounded

RECORD = {
    "cohort": "planted", "approach": "resnet18", "variant": "main", "modality": "FLAIR", "protocol": "published",
    "weights": "none", "repeat": 0, "seed_index": 0, "folds": [{"fold": 0, "status": "ok", "reason": None}],
}  # fmt: skip
PATIENTS, SLICES = 16, 3


def written(log_odds, path):
    """The predictions file of a run that gave each slice of each test patient these log odds."""
    patients = np.repeat([f"{number:03d}" for number in range(PATIENTS)], SLICES)
    index = pd.DataFrame({"patient_id": patients, "label": np.repeat(np.arange(PATIENTS) % 2, SLICES)})
    index = index.assign(modality="FLAIR", slice_index=np.tile(np.arange(SLICES), PATIENTS))
    roles = {"test": index, "validation": index.iloc[:0], "train": index.iloc[:0]}
    rows = prediction_rows(roles, {role: log_odds[: len(part)] for role, part in roles.items()}, 0, "final")
    write_table(rows, path, "predictions")
    return read_table(path, "predictions")


@settings(deadline=None, max_examples=20)
@given(
    centre=st.sampled_from([-700.0, -40.0, -25.0, 0.0, 25.0, 40.0, 700.0]),
    spread=st.sampled_from([1e-3, 0.1, 5.0]),
    seed=st.integers(0, 1000),
)
def test_the_auc_of_a_saturated_network_is_that_of_the_stored_values(tmp_path_factory, centre, spread, seed):
    log_odds = np.random.default_rng(seed).normal(centre, spread, PATIENTS * SLICES)
    table = written(log_odds, tmp_path_factory.mktemp("run") / "predictions.tsv")
    scores = score_cell([table], [RECORD], base_seed=1, resamples=2).set_index("unit")
    for unit, rows in (("patient", table["slice_index"].isna()), ("slice", table["slice_index"].notna())):
        of_unit = table[rows]
        assert of_unit["log_odds"].nunique() == len(of_unit), "no two share a rank"
        assert scores.loc[unit, "auc"] == pytest.approx(roc_auc_score(of_unit["label"], of_unit["log_odds"]))
        expected = average_precision_score(of_unit["label"], of_unit["log_odds"])
        assert scores.loc[unit, "pr_auc"] == pytest.approx(expected)
    assert scores.loc["slice", "auc"] == pytest.approx(roc_auc_score(np.repeat(np.arange(16) % 2, 3), log_odds))


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=20))
def test_a_patients_log_odds_are_those_of_its_mean_probability(log_odds):
    assert expit(mean_log_odds(np.array(log_odds))) == pytest.approx(expit(np.array(log_odds)).mean(), rel=1e-12)


@given(st.floats(-1e6, 1e6), st.integers(1, 50))
def test_means_over_equal_slices_are_equal_however_many(value, n):
    assert rounded(mean_log_odds(np.full(n, value))) == rounded(value)


@given(st.floats(-1e6, 1e6))
def test_rounding_keeps_twelve_digits(value):
    assert rounded(value) == pytest.approx(value, rel=1e-11, abs=1e-11)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20))
def test_rounding_never_turns_an_order_round(values):
    ordered = np.sort(values)
    assert (np.diff(rounded(ordered)) >= 0).all()
