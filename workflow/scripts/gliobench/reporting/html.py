"""HTML of templates and of the project's documents: text is escaped, and nothing external is loaded."""

import re
from functools import cache
from itertools import count
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt

TEMPLATES = Path(__file__).parents[3] / "report"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )


def render(template: str, **values: object) -> str:
    """
    Fill a template of ``workflow/report``.

    Parameters
    ----------
    template : str
        File name of the template.
    **values
        Values of its names; a name without a value is an error.
    """
    return _environment().get_template(template).render(**values)


def section(text: str, heading: str) -> str:
    """
    Return the text below a level-two heading of a Markdown document, up to the next one.

    Parameters
    ----------
    text : str
        The document.
    heading : str
        The heading as written, without its number signs.

    Returns
    -------
    str
        Empty if there is no such heading.
    """
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def to_html(text: str) -> str:
    """
    Turn Markdown into HTML: text is escaped, tables scroll on their own, and links become plain text.

    The report is read without the project's documents, so their links would lead nowhere.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    reader.add_render_rule("link_open", lambda *_: "")
    reader.add_render_rule("link_close", lambda *_: "")
    scrolled = '<div class="scroll" role="region" aria-label="Table {}" tabindex="0">\n<table>\n'
    number = count(1)
    reader.add_render_rule("table_open", lambda *_: scrolled.format(next(number)))
    reader.add_render_rule("table_close", lambda *_: "</table>\n</div>\n")
    return reader.render(text)
