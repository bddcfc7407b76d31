"""Counts and net benefit at every threshold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from gliobench.evaluation.thresholds import COUNTS, THRESHOLDS, threshold_scores, treat_all

ROUNDS = st.lists(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1) | st.sampled_from(THRESHOLDS.tolist())), min_size=1),
    min_size=1,
    max_size=3,
)


def rows_of(rounds: list[list[tuple[int, float]]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"repeat": repeat, "seed_index": 0, "label": label, "probability": probability}
            for repeat, patients in enumerate(rounds)
            for label, probability in patients
        ]
    )


@given(ROUNDS, st.sampled_from(range(len(THRESHOLDS))))
def test_counts_are_those_of_scikit_learn_averaged_over_rounds(rounds: list, place: int):
    threshold = THRESHOLDS[place]
    expected = np.mean(
        [
            confusion_matrix([y for y, _ in each], [int(p >= threshold) for _, p in each], labels=[0, 1]).ravel()
            for each in rounds
        ],
        axis=0,
    )
    row = threshold_scores(rows_of(rounds)).iloc[place]
    assert row[["tn", "fp", "fn", "tp"]].to_numpy(float) == pytest.approx(expected)


@given(ROUNDS)
def test_scores_follow_from_the_counts(rounds: list):
    table = threshold_scores(rows_of(rounds))
    tp, fp, fn, tn = (table[name].to_numpy(float) for name in COUNTS)
    assert (table["sensitivity"] * (tp + fn)).fillna(0).to_numpy() == pytest.approx(tp)
    assert (table["specificity"] * (tn + fp)).fillna(0).to_numpy() == pytest.approx(tn)
    assert (table["ppv"] * (tp + fp)).fillna(0).to_numpy() == pytest.approx(tp)
    assert (table["npv"] * (tn + fn)).fillna(0).to_numpy() == pytest.approx(tn)
    weight = THRESHOLDS / (1 - THRESHOLDS)
    assert table["net_benefit"].to_numpy() == pytest.approx((tp - fp * weight) / (tp + fp + fn + tn))


@given(st.integers(1, 40), st.integers(1, 40))
def test_a_method_that_calls_everyone_has_the_net_benefit_of_treating_all(positive: int, negative: int):
    everyone = threshold_scores(rows_of([[(1, 1.0)] * positive + [(0, 1.0)] * negative]))
    assert everyone["net_benefit"].to_numpy() == pytest.approx(treat_all(positive / (positive + negative)))


def test_no_predictions_give_no_rows():
    assert threshold_scores(rows_of([[]]).reindex(columns=["repeat", "seed_index", "label", "probability"])).empty
