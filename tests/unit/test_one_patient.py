"""One patient against a run: recognised by content, and placed among the patients that the same models tested."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import percentileofscore

from gliobench.evaluation.one_patient import (
    BOTH_POSSIBLE,
    IMPLAUSIBLE,
    MIDDLE,
    NEW,
    NO_INFORMATION,
    OTHER_IMAGES,
    PIXELS,
    SAME_ID,
    SERIES_UID,
    UNCHECKED,
    UNKNOWN,
    UNUSUAL,
    conformal_p,
    identify,
    out_of_fold,
    parts_by_fold,
    placement,
    share_below,
    verdict,
    why_in_the_middle,
)

SERIES = ["patient_id", "modality", "content", "series_uid", "status"]
COHORT = pd.DataFrame(
    [
        ("a", "FLAIR", "pixels-a", "uid-a", "ok"),
        ("b", "FLAIR", "pixels-b", "uid-b", "ok"),
        ("c", "FLAIR", "pixels-b", "uid-c", "excluded"),
        ("d", "FLAIR", "pixels-d", "uid-shared", "ok"),
        ("e", "FLAIR", "pixels-e", "uid-shared", "ok"),
        ("f", "segmentation", "mask", None, "ok"),
        ("g", "FLAIR", None, None, "failed"),
    ],
    columns=SERIES,
)
INFORMATIVE = {"auc_low": 0.6, "auc_high": 0.8}


def patient(patient_id="new", modality="FLAIR", content="other", uid=None, status="ok"):
    return pd.DataFrame([(patient_id, modality, content, uid, status)], columns=SERIES)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (patient(content="pixels-a"), (PIXELS, ["a"])),
        (patient("b", content="pixels-a"), (PIXELS, ["a"])),
        (patient(content="pixels-b"), (PIXELS, ["b", "c"])),
        (patient(uid="uid-a"), (SERIES_UID, ["a"])),
        (patient(uid="uid-shared"), (NEW, [])),
        (patient("a"), (OTHER_IMAGES, [])),
        (patient(), (NEW, [])),
        (patient(modality="segmentation", content="mask"), (UNCHECKED, [])),
        (patient(content="pixels-a", status="excluded"), (UNCHECKED, [])),
        (patient(content=None), (NEW, [])),
    ],
)
def test_a_patient_is_recognised_by_images_not_by_the_folders_name(images, expected):
    assert identify(images, COHORT, {"a", "b"}) == expected


@pytest.mark.parametrize("cohort", [None, COHORT[COHORT["patient_id"] != "a"]])
def test_without_the_cohorts_own_table_of_series_only_the_id_is_known(cohort):
    assert identify(patient("a", content="pixels-b"), cohort, {"a", "b"}) == (SAME_ID, ["a"])
    assert identify(patient("z", content="pixels-b"), cohort, {"a", "b"}) == (UNCHECKED, [])


def test_without_predictions_nobody_knows_who_trained_it():
    assert identify(patient(content="pixels-a"), COHORT, set()) == (UNCHECKED, [])


def predictions(*rows):
    columns = ["fold", "part", "patient_id", "slice_index", "label", "log_odds"]
    table = pd.DataFrame(rows, columns=columns).astype({"slice_index": "Int64"})
    return table.assign(phase="final", probability=expit(table["log_odds"].astype(float)))


def test_a_part_of_training_counts_more_than_a_part_of_testing():
    table = predictions(
        (0, "test", "a", None, 1, 0.0), (1, "train", "a", None, 1, 0.0), (1, "test", "a", 3, 1, 0.0),
        (2, "test", "a", None, 1, 0.0), (2, "validation", "a", None, 1, 0.0), (0, "train", "b", None, 1, 0.0),
    )  # fmt: skip
    assert parts_by_fold(table, ["a"]) == {0: "test", 1: "train", 2: "validation"}
    assert parts_by_fold(table, ["a", "b"]) == {0: "train", 1: "train", 2: "validation"}
    assert parts_by_fold(table, []) == {}


def test_a_patient_of_whom_the_model_met_a_slice_is_not_out_of_fold():
    table = predictions(
        (0, "test", "a", None, 1, 0.1), (0, "test", "a", 4, 1, 0.2), (0, "test", "b", None, 0, 0.3),
        (0, "train", "b", 7, 0, 0.4), (1, "train", "a", None, 1, 0.5), (1, "validation", "b", None, 1, 0.5),
    )  # fmt: skip
    assert out_of_fold(table, "final")["log_odds"].tolist() == [0.1]
    assert out_of_fold(table, "transfer").empty


ODDS = st.integers(-3, 3).map(float)
TESTED = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcd"), st.integers(0, 1), ODDS), max_size=25)


@given(TESTED, st.lists(ODDS, min_size=1, max_size=3), st.sampled_from([[], ["a"]]))
def test_the_place_is_that_of_scipy_for_each_model_among_the_patients_it_tested(rows, answers, mine):
    tested = predictions(*[(fold, "test", who, None, label, odds) for fold, who, label, odds in rows])
    folds = [{"fold": n, "log_odds": odds, "probability": float(expit(odds))} for n, odds in enumerate(answers)]
    placed = placement(tested, folds, mine)
    others = [row for row in rows if row[0] < len(answers) and row[1] not in mine]
    if not others:
        assert placed is None
        return
    for label in (0, 1):
        strict = weak = n = 0.0
        for fold, answer in enumerate(answers):
            values = [odds for at, _, of, odds in others if (at, of) == (fold, label)]
            if values:
                n += len(values)
                strict += percentileofscore(values, answer, "strict") * len(values) / 100
                weak += percentileofscore(values, answer, "weak") * len(values) / 100
        found = placed["labels"][label]
        assert (found["n"], found["lower"], found["n"] - found["higher"]) == pytest.approx((n, strict, weak))
        assert 1 / (n + 1) <= conformal_p(found) <= 1
    middle = np.median([expit(odds) for *_, odds in others])
    assert placed["median"] == pytest.approx(middle)
    assert 0 <= share_below(placed) <= 1
    assert placed["models_above"] + placed["models_below"] <= len(answers)


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_the_true_label_is_called_implausible_in_at_most_one_case_in_twenty(shift):
    rng = np.random.default_rng(1)
    labels = np.arange(80) % 2
    tested = predictions(*[(0, "test", str(n), None, label, 0.0) for n, label in enumerate(labels)])
    missed = []
    for truth, odds, answer in zip(
        labels.tolist() * 5, rng.normal(labels * shift, size=(400, 80)), rng.normal(size=400), strict=True
    ):
        fold = {"fold": 0, "log_odds": answer + truth * shift, "probability": 0.5}
        placed = placement(tested.assign(log_odds=odds), [fold], [])
        missed.append(truth not in placed["plausible"])
    assert 0.02 < np.mean(missed) < IMPLAUSIBLE + 0.02


def placed_of(negatives, positives, *answers):
    rows = [(0, "test", f"n{n}", None, 0, odds) for n, odds in enumerate(negatives)]
    rows += [(0, "test", f"p{n}", None, 1, odds) for n, odds in enumerate(positives)]
    tested = pd.concat([predictions(*rows).assign(fold=fold) for fold in range(len(answers))])
    folds = [{"fold": n, "log_odds": odds, "probability": float(expit(odds))} for n, odds in enumerate(answers)]
    return placement(tested, folds, [])


APART = (np.linspace(-3, -1, 40), np.linspace(1, 3, 40))
ALIKE = (np.linspace(-2, 2, 40), np.linspace(-2, 2, 40))


@pytest.mark.parametrize(
    ("labels", "answers", "reasons", "expected"),
    [
        (APART, [2.0], set(), UNUSUAL),
        (APART, [-2.0, -1.5], set(), UNUSUAL),
        (APART, [0.0], {"between"}, MIDDLE),
        (APART, [-2.0, 2.0], {"sides", "half"}, MIDDLE),
        (ALIKE, [0.1], {"half"}, MIDDLE),
        (ALIKE, [1.5], set(), BOTH_POSSIBLE),
        (ALIKE, [1.5, -1.9, 1.6], {"sides", "half"}, MIDDLE),
        (([-1.0] * 5, [1.0] * 5), [3.0], set(), BOTH_POSSIBLE),
    ],
)
def test_an_answer_is_in_the_middle_for_a_reason(labels, answers, reasons, expected):
    placed = placed_of(*labels, *answers)
    assert {name for name, holds in why_in_the_middle(placed).items() if holds} == reasons
    assert verdict(INFORMATIVE, placed) == verdict(None, placed) == expected


def test_models_that_may_be_chance_tell_nothing_wherever_the_answer_lies():
    placed = placed_of(*APART, 2.0)
    for low, high, expected in ((0.4, 0.6, NO_INFORMATION), (0.5, 0.9, NO_INFORMATION), (0.51, 0.9, UNUSUAL)):
        assert verdict({"auc_low": low, "auc_high": high}, placed) == expected
    assert verdict({"auc_low": None, "auc_high": None}, placed) == UNUSUAL
    assert verdict(INFORMATIVE, None) == UNKNOWN


def test_patients_of_one_label_alone_leave_the_other_possible():
    placed = placed_of([], APART[1], float(logit(0.9)))
    assert placed["labels"][0]["n"] == 0
    assert 0 in placed["plausible"]
