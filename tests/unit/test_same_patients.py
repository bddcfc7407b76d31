"""Patients of two studies are the same by id, label and image; nobody else is paired, and everybody is named."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from gliobench.evaluation.same_patients import (
    ONLY_FIRST,
    ONLY_SECOND,
    OTHER_IMAGES,
    OTHER_LABEL,
    SAME,
    changed_series,
    match_patients,
)
from study_files import make_images, make_patients

NOTHING = make_images({})


def matched(first, second, images=NOTHING, others=NOTHING):
    table = match_patients((make_patients(first), make_patients(second)), (images, others))
    return dict(zip(table["patient_id"], table["match"], strict=True))


def test_without_images_id_and_label_decide():
    found = matched({"00": 0, "01": 1, "02": 1}, {"00": 0, "01": 0, "03": 1})
    assert found == {"00": SAME, "01": OTHER_LABEL, "02": ONLY_FIRST, "03": ONLY_SECOND}


def test_the_same_id_with_other_images_is_another_patient_whatever_the_label():
    images = make_images({("00", "FLAIR"): "a", ("01", "FLAIR"): "b"})
    others = make_images({("00", "FLAIR"): "c", ("01", "FLAIR"): "d"})
    assert set(matched({"00": 0, "01": 1}, {"00": 0, "01": 0}, images, others).values()) == {OTHER_IMAGES}


def test_one_image_that_is_the_same_is_enough_and_the_others_are_named():
    images = make_images({("00", "FLAIR"): "a", ("00", "T2w"): "b"})
    others = make_images({("00", "FLAIR"): "a", ("00", "T2w"): "c"})
    patients = make_patients({"00": 0})
    matches = match_patients((patients, patients), (images, others))
    assert matches["match"].tolist() == [SAME]
    assert changed_series(matches, (images, others)).to_numpy().tolist() == [["00", "T2w"]]


def test_the_same_series_uid_is_enough():
    first, second = (make_images({("00", "FLAIR"): digest}).assign(series_uid="uid") for digest in "ab")
    assert matched({"00": 0}, {"00": 0}, first, second) == {"00": SAME}


def test_an_unusable_image_identifies_nobody():
    blank = make_images({("00", "FLAIR"): "blank"})
    usable = make_images({("00", "T2w"): "a"}), make_images({("00", "T2w"): "b"})
    first, second = (pd.concat([blank.assign(status="excluded"), table]) for table in usable)
    assert matched({"00": 0}, {"00": 0}, first, second) == {"00": OTHER_IMAGES}


COHORT = st.dictionaries(st.sampled_from(["00", "01", "02", "03", "04"]), st.sampled_from([0, 1]))


@given(COHORT, COHORT)
def test_every_patient_of_either_study_has_one_row_and_swapping_the_studies_swaps_only_the_sides(first, second):
    found, swapped = matched(first, second), matched(second, first)
    assert set(found) == first.keys() | second.keys()
    sides = {ONLY_FIRST: ONLY_SECOND, ONLY_SECOND: ONLY_FIRST}
    assert swapped == {patient: sides.get(match, match) for patient, match in found.items()}
    assert {patient for patient, match in found.items() if match == SAME} == {
        patient for patient in first.keys() & second.keys() if first[patient] == second[patient]
    }
