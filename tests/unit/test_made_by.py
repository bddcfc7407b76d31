"""What made a study's results is noted beside them, and read back."""

import pytest
import yaml

from gliobench.errors import GlioBenchError
from gliobench.files import write_json
from gliobench.made_by import read_study_record, study_record
from gliobench.origin import origin

CONFIG = {"study": "one", "seed": 1, "cohorts": {"a": {"kind": "synthetic"}}}


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = study_record(CONFIG, origin())
    write_json(record, tmp_path / "study.json")
    assert read_study_record(tmp_path) == record
    assert record["config"] == CONFIG


def test_the_config_of_an_older_study_is_read_from_its_report(tmp_path):
    (tmp_path / "report").mkdir()
    printed = yaml.safe_dump(CONFIG | {"question": "a < b?"}).replace("<", "&lt;")
    page = f'<section id="config">\n<h2>The config</h2>\n<pre><code>{printed}</code></pre></section>'
    (tmp_path / "report/method.html").write_text(page, encoding="utf-8")
    record = read_study_record(tmp_path)
    assert record["config"] == CONFIG | {"question": "a < b?"}
    assert record["origin"] == {}


def test_a_study_without_a_config_is_refused(tmp_path):
    with pytest.raises(GlioBenchError, match=r"neither study\.json nor a report .*: run the study to its end"):
        read_study_record(tmp_path)


def test_a_damaged_record_is_refused(tmp_path):
    write_json({"config": {}}, tmp_path / "study.json")
    with pytest.raises(GlioBenchError, match=r"study\.json, the top level: 'origin' is a required property"):
        read_study_record(tmp_path)
