"""Copies of a cohort with permuted labels."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from gliobench.cohorts.permute import permute_labels
from gliobench.files import check_table

NAMES = ("unmethylated", "methylated")
LABELS = st.lists(st.sampled_from([0, 1]), min_size=1, max_size=40)
SEEDS = st.integers(0, 2**31)


def patients(labels):
    return pd.DataFrame(
        {
            "patient_id": [f"{number:05}" for number in range(len(labels))],
            "label": labels,
            "label_name": [NAMES[label] for label in labels],
            "site": ["north" if number % 2 else "south" for number in range(len(labels))],
            "oracle_probability": np.linspace(0, 1, len(labels)),
        }
    )


@given(labels=LABELS, seed=st.integers(0, 2**31))
def test_labels_keep_their_number_and_their_names_and_everything_else_its_patient(labels, seed):
    before = patients(labels)
    after = check_table(permute_labels(before, seed), "patients", "the copy")
    assert sorted(after["label"]) == sorted(labels)
    assert after["label_name"].tolist() == [NAMES[label] for label in after["label"]]
    pd.testing.assert_frame_equal(after[["patient_id", "site"]], before[["patient_id", "site"]])
    assert after["oracle_probability"].isna().all()
    assert before["label"].tolist() == labels, "the cohort itself stays as it was"


def test_a_seed_gives_the_same_labels_again_and_another_one_others():
    cohort = patients([0, 1] * 20)
    drawn = [permute_labels(cohort, seed)["label"].tolist() for seed in (1, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert len({tuple(labels) for labels in drawn}) == 3


def test_every_patient_is_as_likely_as_another_to_get_a_label():
    cohort = patients([1] * 5 + [0] * 15)
    share = np.mean([permute_labels(cohort, seed)["label"] for seed in range(2000)], axis=0)
    assert np.abs(share - 0.25).max() < 0.05  # five standard errors


@given(labels=LABELS, seed=st.integers(0, 2**31))
def test_scans_of_one_patient_keep_one_label_and_it_is_the_one_that_the_patient_would_get(labels, seed):
    single = patients(labels)
    first, second = (single.assign(scan_of=single["patient_id"], date=date) for date in ("1", "2"))
    both = pd.concat([first, second.assign(patient_id=second["patient_id"] + "b")], ignore_index=True)
    drawn = permute_labels(both.sort_values("patient_id", ignore_index=True), seed)
    assert all(len(set(scans["label"])) == 1 for _, scans in drawn.groupby("scan_of"))
    of_patients = drawn.drop_duplicates("scan_of")[["label", "label_name"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_patients, permute_labels(single, seed)[["label", "label_name"]])


@given(labels=LABELS, sites=st.lists(st.sampled_from(["north", "south", None]), min_size=40, max_size=40), seed=SEEDS)
def test_within_sites_each_known_site_keeps_its_labels_and_unknown_ones_stay(labels, sites, seed):
    before = patients(labels).assign(site=sites[: len(labels)])
    after = permute_labels(before, seed, within_sites=True)
    assert after["label_name"].tolist() == [NAMES[label] for label in after["label"]]
    for site in ("north", "south"):
        here = before["site"] == site
        assert sorted(after.loc[here, "label"]) == sorted(before.loc[here, "label"])
    unknown = before["site"].isna()
    assert after.loc[unknown, "label"].tolist() == before.loc[unknown, "label"].tolist()
    pd.testing.assert_frame_equal(after[["patient_id", "site"]], before[["patient_id", "site"]])


def test_within_a_site_every_patient_is_as_likely_as_another_to_get_a_label():
    cohort = patients([1] * 5 + [0] * 15 + [1] * 15 + [0] * 5).assign(site=["north"] * 20 + ["south"] * 20)
    share = np.mean([permute_labels(cohort, seed, within_sites=True)["label"] for seed in range(2000)], axis=0)
    assert np.abs(share - np.repeat([0.25, 0.75], 20)).max() < 0.05  # five standard errors
