"""The page of findings says what its stored tables hold, in its tables and in its sentences."""

import importlib.util
import re
from pathlib import Path

import pytest

from gliobench.marked import MARKED, fill
from gliobench.wording import DASH

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "findings.md"
NUMBER = rf"-?\d\.\d\d \(-?\d\.\d\d(?:{DASH}| to )-?\d\.\d\d\)"  # with its interval


@pytest.fixture(scope="module")
def write():
    spec = importlib.util.spec_from_file_location("findings", ROOT / "docs/findings/write.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_the_page_are_those_of_its_stored_tables(write):
    text = PAGE.read_text(encoding="utf-8")
    assert fill(text, write.page_tables(write.stored())) == text, "run `make findings`"


@pytest.mark.parametrize("page", [PAGE, ROOT / "README.md"])
def test_every_number_with_an_interval_in_a_sentence_stands_in_a_table_of_the_page(page):
    text = PAGE.read_text(encoding="utf-8")
    tables = "".join(table for table in re.findall(r"<!-- table: .*?<!-- end of table -->", text, re.DOTALL))
    said = re.findall(NUMBER, MARKED.sub("", page.read_text(encoding="utf-8")))
    assert len(said) > 5
    assert [number for number in said if number not in tables] == []


def test_no_stored_table_has_a_row_per_patient(write):
    for tables in write.stored().values():
        for name, table in tables.items():
            assert not {"patient_id", "scan_of"} & set(table.columns), name


def test_the_primary_analysis_of_each_collection_is_in_the_table_once(write):
    tables = write.stored()
    for name in ("upenn", "ucsf"):
        rows = write.methods_of(tables[name], name)
        assert write.is_primary(rows).sum() == 1
        assert write.is_primary(rows).iloc[0]
        assert rows.loc[write.is_primary(rows), "p_holm"].isna().all()
