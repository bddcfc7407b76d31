"""What made a study's results is noted beside them, and read back."""

import pytest

from gliobench.errors import GlioBenchError
from gliobench.files import write_json
from gliobench.origin import origin
from gliobench.study_record import read_study_record, study_record

CONFIG = {"study": "one", "seed": 1, "cohorts": {"a": {"kind": "synthetic"}}}


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = study_record(CONFIG, origin())
    write_json(record, tmp_path / "study.json")
    assert read_study_record(tmp_path) == record
    assert record["config"] == CONFIG


def test_a_study_without_a_record_is_refused(tmp_path):
    with pytest.raises(GlioBenchError, match=r"has no study\.json: run the study to its end with this version"):
        read_study_record(tmp_path)


def test_a_damaged_record_is_refused(tmp_path):
    write_json({"config": {}}, tmp_path / "study.json")
    with pytest.raises(GlioBenchError, match=r"study\.json, the top level: 'origin' is a required property"):
        read_study_record(tmp_path)
