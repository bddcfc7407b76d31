"""The tables that code writes into the pages are those of the code: keys of settings, columns of facts."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from pydantic import Field

from gliobench.documented import tables_by_page
from gliobench.errors import GlioBenchError
from gliobench.imaging.facts import SeriesFacts
from gliobench.inputs.facts import HEADER, INTENSITY, header_facts, intensity_facts
from gliobench.inputs.facts_columns import COLUMNS, MEANINGS, columns_table
from gliobench.inputs.patient_facts import NAMES, with_patient_facts
from gliobench.marked import fill
from gliobench.settings.models import Count, Range, Settings, Share
from gliobench.settings.tables import key_table

ROOT = Path(__file__).parents[2]
PAGES = tables_by_page(ROOT)


class Inner(Settings):
    factor: Share = Field(0.5, description="a factor")


class Example(Settings):
    name: str = Field(description="a name")
    size: Annotated[int, Field(ge=2, le=5000)] = Field(30, description="a size")
    rate: Annotated[float, Field(gt=0)] | None = Field(None, description="a rate")
    way: Literal["up", "down"] = Field("up", description="a way")
    ends: Range[Count] = Field([1, 2], description="ends")
    inner: Inner = Field(Inner(), description="more")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_the_tables_of_the_code(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert fill(text, PAGES[page]) == text, f"{page} is not what the code says: run `make keys`"


def test_every_column_of_facts_is_described_in_the_order_of_the_array():
    features = header_facts(SeriesFacts()) + intensity_facts(np.eye(4)[None])
    assert list(MEANINGS) == list(COLUMNS)
    assert with_patient_facts(np.array([[features]])).shape[-1] == len(COLUMNS)
    rows = columns_table().splitlines()[2:]
    assert [row.split(" | ")[:2] for row in rows] == [
        [f"| {place}", f"`{name}`"] for place, name in enumerate([*HEADER, *INTENSITY, *NAMES])
    ]


def test_a_table_says_type_range_default_and_meaning_in_words():
    assert key_table(Example).splitlines()[2:] == [
        "| `name` | text | required | a name |",
        "| `size` | integer, 2 to 5,000 | 30 | a size |",
        "| `rate` | number, above 0 | none | a rate |",
        "| `way` | `up` or `down` | `up` | a way |",
        "| `ends` | two integers, each 1 or more, the smaller first | `[1, 2]` | ends |",
        "| `inner` | mapping | as below | more |",
        "| `inner.factor` | number, 0 to 1 | 0.5 | a factor |",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<!-- table: studdy -->\n<!-- end of table -->\n", "names no table; did you mean 'study'"),
        ("nothing", "the table 'study' has no place"),
    ],
)
def test_a_marker_without_a_table_and_a_table_without_a_marker_are_sentences(text, sentence):
    with pytest.raises(GlioBenchError, match=sentence):
        fill(text, {"study": "| key |\n"})
