"""The key tables of config/README.md are those of the models that check the keys."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from gliobench.errors import GlioBenchError
from gliobench.marked import fill
from gliobench.settings.models import Count, Range, Settings, Share
from gliobench.settings.tables import all_tables, key_table

ROOT = Path(__file__).parents[2]


class Inner(Settings):
    factor: Share = Field(0.5, description="a factor")


class Example(Settings):
    name: str = Field(description="a name")
    size: Annotated[int, Field(ge=2, le=5000)] = Field(30, description="a size")
    rate: Annotated[float, Field(gt=0)] | None = Field(None, description="a rate")
    way: Literal["up", "down"] = Field("up", description="a way")
    ends: Range[Count] = Field([1, 2], description="ends")
    inner: Inner = Field(Inner(), description="more")


def test_the_page_has_the_tables_of_the_models():
    text = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    assert fill(text, all_tables(ROOT)) == text, "config/README.md is not what the models say: run `make keys`"


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
