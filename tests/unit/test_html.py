"""Sections of the project's documents on the report's pages."""

from pathlib import Path

import pytest

from gliobench.reporting.html import section, to_html

ROOT = Path(__file__).parents[2]
TEXT = "# Title\n\nintro\n\n## `one`\n\nfirst\n\n### Deeper\n\nmore\n\n## two\n\nlast\n"


def test_a_section_ends_where_the_next_of_its_level_begins():
    assert section(TEXT, "`one`") == "first\n\n### Deeper\n\nmore"
    assert section(TEXT, "two") == "last"


def test_a_section_that_is_not_there_is_empty():
    assert section(TEXT, "three") == ""
    assert section(TEXT, "`on.`") == "", "a heading is no pattern"


def test_html_in_a_document_is_text():
    assert "&lt;script&gt;" in to_html("<script>alert(1)</script>\n\nand `a < b`")


def test_links_are_left_as_their_words():
    made = to_html("see [method.md](method.md#here) and [config](../config/README.md)")
    assert made == "<p>see method.md and config</p>\n"


def test_a_table_scrolls_by_itself():
    made = to_html("| a | b |\n| --- | --- |\n| 1 | *2* |\n")
    assert made.startswith('<div class="scroll"')
    assert "<td><em>2</em></td>" in made
    assert made.rstrip().endswith("</div>")


@pytest.mark.parametrize("path", sorted((ROOT / "config" / "approaches").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_approach_has_its_section(path):
    fidelity = (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8")
    assert "<p>" in to_html(section(fidelity, f"`{path.stem}`"))
