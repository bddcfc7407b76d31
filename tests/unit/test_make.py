"""Inputs are made for the patients who have what they need, each row with its name."""

import numpy as np
import pandas as pd
import pytest

from gliobench.errors import GlioBenchError
from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.presentation import Presentation
from gliobench.imaging.volume import Stored, Volume
from gliobench.inputs import facts, make
from gliobench.inputs.make import make_inputs, usable_patients, usable_series

GRID = {"kind": "grid", "around": "brain", "registration": "none", "reference": "T1wCE"}
VOLUME = {"kind": "volume", "shape": [4, 4, 2], "voi_lut": True}


def series(*rows):
    return pd.DataFrame(rows, columns=["patient_id", "modality", "status"])


@pytest.fixture
def asked(monkeypatch):
    """What was read from a made-up cohort of flat patients, whose windows double their values."""
    calls = []

    def read_series(kind, folder, patient_id, name):
        calls.append((kind, folder, patient_id, name))
        pixels = np.arange(48, dtype=np.uint16).reshape(3, 4, 4) * int(patient_id)
        doubled = Presentation("file", {"PhotometricInterpretation": "MONOCHROME2"}, (0, [2.0 * n for n in range(999)]))
        return Volume(pixels, np.eye(4), None, Stored(pixels, [doubled] * 3)), SeriesFacts()

    monkeypatch.setattr(make, "read_patient_series", read_series)
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


def test_of_each_patient_the_series_are_named_that_an_input_can_be_made_of_in_order():
    rows = series(("a", "FLAIR", "ok"), ("b", "T2w", "ok"), ("b", "FLAIR", "ok"), ("c", "FLAIR", "failed"))
    assert usable_series(rows, ["FLAIR", "T2w"], VOLUME) == {"a": ["FLAIR"], "b": ["FLAIR", "T2w"]}


def test_each_row_names_its_patient_and_series(asked):
    arrays, index = make_inputs("00007", ["T2w", "FLAIR"], "there", "rsna", VOLUME)
    assert len(arrays) == 2
    assert index["patient_id"].tolist() == ["00007", "00007"]
    assert index["modality"].tolist() == ["T2w", "FLAIR"]
    assert index["slice_index"].tolist() == [None, None]
    assert asked == [("rsna", "there", "00007", "T2w"), ("rsna", "there", "00007", "FLAIR")]


def test_windows_are_applied_where_an_input_asks_for_them(asked):
    seen = {}
    for voi_lut in (False, True):
        settings = {"kind": "facts", "voi_lut": voi_lut}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(facts, "intensity_facts", lambda voxels: [float(voxels.max())])
            seen[voi_lut] = make_inputs("00002", ["T2w"], "there", "rsna", settings)[0][0][-1]
    assert seen == {False: 94.0, True: 188.0}


def test_a_patient_may_have_several_rows(asked):
    settings = {"kind": "slices", "shape": [4, 4], "choose": "central", "share": 0.7}
    arrays, index = make_inputs("00007", ["T2w", "FLAIR"], "there", "rsna", settings)
    assert len(arrays) == len(index) == 4
    assert index["slice_index"].tolist() == [0, 1, 0, 1]


def test_no_series_make_an_empty_index(asked):
    arrays, index = make_inputs("00007", [], "there", "rsna", VOLUME)
    assert arrays == []
    assert list(index.columns) == ["patient_id", "modality", "slice_index", "reason"]


def test_a_failure_names_the_patient(asked):
    settings = GRID | {"shape": [4, 4, 4], "spacing": 1.0, "skull_stripping": "auto", "intensity": "rescale"}
    with pytest.raises(
        GlioBenchError, match="patient 00000, FLAIR: the series that the grid is centred on has no foreground"
    ):
        make_inputs("00000", ["FLAIR"], "there", "rsna", settings)
