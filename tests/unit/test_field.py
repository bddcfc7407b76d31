"""The field of view of a study holds the brains of all its cohorts, or says which it cuts and by how much."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliobench.evaluation.cohort_tables import exclusions
from gliobench.files import write_json
from gliobench.inputs.field import choose_field, with_chosen_spacing

ASKED = {
    "kind": "grid",
    "around": "brain",
    "shape": [96, 96, 96],
    "spacing": 2.0,
    "reference": "T1wCE",
    "field": "study",
}
COLUMNS = ["patient_id", "modality", "status", "reason", "brain_x", "brain_y", "brain_z"]
SIZES = st.lists(st.tuples(*[st.floats(60, 260)] * 3), min_size=1, max_size=6)


def series(sizes, status="ok", modality="T1wCE"):
    rows = [(str(n), modality, status, None, *size) for n, size in enumerate(sizes)]
    return pd.DataFrame(rows, columns=COLUMNS)


def chosen_for(settings, tables):
    return choose_field(dict.fromkeys(tables, settings), tables)


@given(sizes=SIZES, shape=st.tuples(*[st.integers(20, 96)] * 3), spacing=st.floats(0.8, 8))
def test_every_brain_fits_with_a_voxel_to_spare(sizes, shape, spacing):
    chosen = chosen_for(ASKED | {"shape": shape, "spacing": spacing}, {"one": series(sizes)})
    made = np.array(chosen["spacing"])
    assert (made >= spacing - 1e-4).all()
    assert (np.array(sizes).max(axis=0) <= (np.array(shape) - 2) * made + 1e-3).all()
    assert chosen["cut"] == []
    grown = made[0] > spacing + 1e-4
    tighter = (np.array(shape) - 2) * (made - 0.051)
    assert not grown or (np.array(sizes).max(axis=0) > tighter).any(), "no wider than need be"


def test_brains_of_all_cohorts_count_and_those_that_are_not_used_do_not():
    fits, wide = series([(140, 180, 130)]), series([(150, 197, 130)])
    assert chosen_for(ASKED, {"one": fits})["spacing"] == [2.0] * 3
    assert chosen_for(ASKED, {"one": fits, "two": wide})["spacing"] == [2.1] * 3
    for unused in (series([(150, 250, 130)], status="excluded"), series([(150, 250, 130)], modality="FLAIR")):
        assert chosen_for(ASKED, {"one": fits, "two": unused})["spacing"] == [2.0] * 3
    assert chosen_for(ASKED, {"one": series([(np.nan,) * 3])})["spacing"] == [2.0] * 3


def test_each_cohort_shows_its_brains_in_its_own_reference():
    tables = {"one": series([(140, 180, 130)]), "two": series([(150, 197, 130)], modality="FLAIR")}
    for reference, spacing in (("FLAIR", 2.1), ("T1wCE", 2.0)):
        inputs = {"one": ASKED, "two": ASKED | {"reference": reference}}
        assert choose_field(inputs, tables)["spacing"] == [spacing] * 3


def test_a_fixed_field_says_which_brains_it_cuts_and_by_how_much():
    wide = series([(140, 180, 130), (150, 197.4, 201)])
    chosen = chosen_for(ASKED | {"field": "fixed"}, {"one": wide})
    assert chosen["field"] == [192.0] * 3
    reason = (
        "its brain is larger than the field of view: 5 of 197 mm from front to back, 9 of 201 mm from top to bottom "
        "are cut."
    )
    assert chosen["cut"] == [{"cohort": "one", "patient_id": "1", "modality": "T1wCE", "reason": reason}]
    (row,) = exclusions("one", wide, fields={"stacked_cnn3d": chosen}).to_dict("records")
    assert (row["patient_id"], row["approach"], row["status"], row["reason"]) == ("1", "stacked_cnn3d", "cut", reason)


def test_the_record_of_a_run_keeps_the_spacing_that_was_chosen(tmp_path):
    write_json({"spacing": [2.1, 2.1, 2.1]}, tmp_path / "field.json")
    assert with_chosen_spacing(ASKED, tmp_path / "field.json") == ASKED | {"spacing": [2.1, 2.1, 2.1]}
    assert with_chosen_spacing(ASKED, []) == ASKED


@pytest.mark.parametrize("given_as", [2.0, [2.0, 2.5, 3.0]])
def test_a_spacing_may_differ_from_axis_to_axis(given_as):
    chosen = chosen_for(ASKED | {"spacing": given_as}, {"one": series([(100, 100, 100)])})
    assert chosen["spacing"] == np.broadcast_to(given_as, 3).tolist()
