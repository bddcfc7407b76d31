"""Tables in Markdown pages, written by the code between two markers."""

import re
from collections.abc import Mapping, Sequence

from gliobench.errors import GlioBenchError, nearest

MARKED = re.compile(r"(<!-- table: (.+?) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def fill(text: str, tables: Mapping[str, str]) -> str:
    """
    Return Markdown with its tables between ``<!-- table: <name> -->`` and ``<!-- end of table -->`` regenerated.

    Raises
    ------
    GlioBenchError
        A marker names no table, or a table has no place.
    """
    places = [place for _, place, _ in MARKED.findall(text)]
    for place in places:
        if place not in tables:
            raise GlioBenchError(f"`<!-- table: {place} -->` names no table; {nearest(place, tables)}")
    for name in tables:
        if name not in places:
            raise GlioBenchError(f"the table {name!r} has no place; write `<!-- table: {name} -->` where it belongs.")
    return MARKED.sub(lambda found: f"{found[1]}\n{tables[found[2]]}\n{found[3]}", text)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [columns, ["---"] * len(columns), *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
