"""Labels drawn from a measured quantity: of the strength asked for, with everything else as it was."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from gliobench.cohorts.spike import expected_auc, spike_labels
from gliobench.errors import GlioBenchError
from gliobench.files import check_table

NAMES = ("unmethylated", "methylated")


def patients(n=60, positives=24):
    label = [1] * positives + [0] * (n - positives)
    ids = [f"{number:05}" for number in range(n)]
    names = [NAMES[one] for one in label]
    table = {"patient_id": ids, "label": label, "label_name": names, "site": "north", "oracle_probability": np.nan}
    return pd.DataFrame(table)


def quantity(n=60, seed=0):
    values = np.random.default_rng(seed).lognormal(3, 2, n)  # skewed, as volumes are
    return pd.Series(values, [f"{number:05}" for number in range(n)])


@settings(deadline=None, max_examples=25)
@given(positives=st.integers(5, 55), oracle_auc=st.sampled_from([0.6, 0.7, 0.8]), seed=st.integers(0, 2**31))
def test_the_number_of_positives_the_names_and_the_strength_are_as_asked(positives, oracle_auc, seed):
    before = patients(positives=positives)
    after = check_table(spike_labels(before, quantity(), oracle_auc, seed), "patients", "the copy")
    assert after["label"].sum() == positives
    assert after["label_name"].tolist() == [NAMES[label] for label in after["label"]]
    assert expected_auc(after["oracle_probability"].to_numpy()) == pytest.approx(oracle_auc, abs=1e-4)
    assert after["oracle_probability"].sum() == pytest.approx(positives, abs=1e-6)
    pd.testing.assert_frame_equal(after[["patient_id", "site"]], before[["patient_id", "site"]], check_dtype=False)
    again = spike_labels(before, quantity(), oracle_auc, seed)
    assert again["label"].tolist() == after["label"].tolist()


@pytest.mark.parametrize("oracle_auc", [0.6, 0.8])
def test_the_drawn_labels_have_that_auc_on_average_whatever_the_scale_of_the_quantity(oracle_auc):
    values = quantity()
    aucs = [roc_auc_score(spike_labels(patients(), values, oracle_auc, seed)["label"], values) for seed in range(300)]
    assert np.mean(aucs) == pytest.approx(oracle_auc, abs=0.02)
    log = spike_labels(patients(), np.log(values), oracle_auc, 1)
    assert log["label"].tolist() == spike_labels(patients(), values, oracle_auc, 1)["label"].tolist()


@given(st.lists(st.floats(0.05, 0.95), min_size=2, max_size=12))
def test_the_expected_auc_is_the_mean_over_pairs(probability):
    won = drawn = 0.0
    for one, p in enumerate(probability):
        for other, q in enumerate(probability):
            if one != other:
                drawn += p * (1 - q)
                won += p * (1 - q) * ((p > q) + 0.5 * (p == q))
    assert expected_auc(np.array(probability)) == pytest.approx(won / drawn)


def test_a_patient_without_the_quantity_counts_as_average_and_scans_of_a_patient_share_a_label():
    values = quantity().drop(["00003", "00004"])
    drawn = spike_labels(patients(), values, 0.7, 1).set_index("patient_id")["oracle_probability"]
    assert drawn["00003"] == drawn["00004"]
    assert drawn.min() < drawn["00003"] < drawn.max()
    scans = patients().assign(scan_of=lambda table: table["patient_id"], date="1")
    both = pd.concat([scans, scans.assign(patient_id=scans["patient_id"] + "b", date="2")], ignore_index=True)
    labels = spike_labels(both, quantity(), 0.7, 1)
    assert labels["label"].iloc[:60].tolist() == labels["label"].iloc[60:].tolist()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (quantity() * np.nan, "no patient of the cohort has the quantity"),
        (quantity() * 0, "has too few different values for an oracle AUC of 0.7: it reaches 0.50 at most"),
    ],
)
def test_a_quantity_that_cannot_give_the_auc_is_refused(values, sentence):
    with pytest.raises(GlioBenchError, match=re.escape(sentence)):
        spike_labels(patients(), values, 0.7, 1)
