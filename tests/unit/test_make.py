"""Inputs are made for the patients who have what they need, each row with its name."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from gliobench import cohorts
from gliobench.errors import GlioBenchError
from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.volume import Volume
from gliobench.inputs.make import make_inputs, usable_patients

GRID = {"kind": "grid", "around": "brain", "registration": "none", "reference": "T1wCE"}
VOLUME = {"kind": "volume", "shape": [4, 4, 2], "voi_lut": True}


def series(*rows):
    return pd.DataFrame(rows, columns=["patient_id", "modality", "status"])


@pytest.fixture
def asked(monkeypatch):
    """What was read from a made-up cohort of flat patients."""
    calls = []

    def read_one(folder, patient_id, name, voi_lut=False):
        calls.append((folder, patient_id, name, voi_lut))
        return Volume(np.full((3, 4, 4), int(patient_id), np.uint16), np.eye(4)), SeriesFacts()

    monkeypatch.setattr(cohorts, "layout", lambda kind: {"rsna": SimpleNamespace(read_one=read_one)}[kind])
    return calls


def test_a_patient_needs_every_series_that_the_input_is_made_from():
    rows = series(
        ("a", "FLAIR", "ok"), ("a", "T1wCE", "ok"), ("b", "FLAIR", "ok"), ("b", "T1wCE", "failed"),
        ("c", "FLAIR", "excluded"), ("c", "T1wCE", "ok"), ("d", "T2w", "ok"), ("d", "T1wCE", "ok"),
    )  # fmt: skip
    assert usable_patients(rows, "FLAIR", GRID) == ["a"]
    assert usable_patients(rows, "T1wCE", GRID) == ["a", "c", "d"]
    assert usable_patients(rows, "lesion", GRID) == ["a", "c", "d"]
    assert usable_patients(rows, "FLAIR", VOLUME) == ["a", "b"]
    assert usable_patients(rows, "FLAIR", GRID | {"around": "segmentation"}) == []
    assert usable_patients(rows, "FLAIR", GRID | {"around": "segmentation", "registration": "rigid"}) == []


def test_each_row_names_its_patient_and_series(asked):
    arrays, index = make_inputs(["00007", "00008"], "T2w", "there", "rsna", VOLUME)
    assert len(arrays) == 2
    assert index["patient_id"].tolist() == ["00007", "00008"]
    assert index["modality"].tolist() == ["T2w", "T2w"]
    assert index["slice_index"].tolist() == [None, None]
    assert asked == [("there", "00007", "T2w", True), ("there", "00008", "T2w", True)]


def test_a_patient_may_have_several_rows(asked):
    settings = {"kind": "slices", "shape": [4, 4], "choose": "central", "share": 0.7}
    arrays, index = make_inputs(["00007", "00008"], "T2w", "there", "rsna", settings)
    assert len(arrays) == len(index) == 4
    assert index["slice_index"].tolist() == [0, 1, 0, 1]
    assert not asked[0][-1]


def test_no_patients_make_an_empty_index(asked):
    arrays, index = make_inputs([], "T2w", "there", "rsna", VOLUME)
    assert arrays == []
    assert list(index.columns) == ["patient_id", "modality", "slice_index", "reason"]


def test_a_failure_names_the_patient(asked):
    settings = GRID | {"shape": [4, 4, 4], "spacing": 1.0, "skull_stripping": "auto", "intensity": "rescale"}
    with pytest.raises(
        GlioBenchError, match="patient 00000, FLAIR: the series that the grid is centred on has no foreground"
    ):
        make_inputs(["00000"], "FLAIR", "there", "rsna", settings)
