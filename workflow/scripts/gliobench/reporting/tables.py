"""Tables as files: TSV, Markdown, LaTeX and HTML."""

from pathlib import Path

import pandas as pd

from gliobench.files import write_table, write_text
from gliobench.reporting.display import Display
from gliobench.reporting.html import render
from gliobench.reporting.layouts import SHOW
from gliobench.wording import DASH, title

ESCAPED = str.maketrans(  # what LaTeX would read as a command
    {character: f"\\{character}" for character in "%&_#${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)
LATEX_COLUMNS = 7  # besides those that name the row: what fits on a landscape page in a readable size


def write_formats(table: pd.DataFrame, stem: str | Path, schema: str = "comparison") -> None:
    """
    Write a table as ``<stem>.tsv``, ``.md``, ``.tex`` and ``.html``.

    Parameters
    ----------
    table : pandas.DataFrame
        A table of the schema.
    stem : str or Path
        Path without suffix.
    schema : str
        One of `SHOW`.
    """
    display = SHOW[schema](table)
    write_table(table, f"{stem}.tsv", schema)
    write_text(to_markdown(display), f"{stem}.md")
    write_text(to_latex(display), f"{stem}.tex")
    write_text(render("table.html.j2", display=display, heading=title(Path(stem).name)), f"{stem}.html")


def to_markdown(display: Display) -> str:
    """Write a display as a Markdown table with its caption and notes."""
    names = list(display.text.columns)
    rules = ["---:" if name in display.numbers else "---" for name in names]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in display.text.itertuples(index=False)]
    lines = ["| " + " | ".join(row) + " |" for row in [names, rules, *rows]]
    notes = ["", *(f"- {note}" for note in display.notes)] if display.notes else []
    return "\n".join([*lines, "", display.caption, *notes, ""])


LATEX_ROWS = 30  # of all blocks on a page

LATEX = r"""\begin{sidewaystable}
%(caption)s
\raggedright\footnotesize
%(blocks)s
\end{sidewaystable}"""
LATEX_BLOCK = r"""\begin{adjustbox}{max width=\linewidth}
%s\end{adjustbox}
\par\medskip"""
CONTINUED = r"\addtocounter{table}{-1}"  # a further page has the number of the first


def to_latex(display: Display) -> str:
    """
    Write a display as landscape LaTeX tables; they need the packages booktabs, adjustbox and rotating.

    A wide table becomes blocks below each other, each beginning with the columns that name the row; a long one becomes
    several pages of the same number. Notes follow as text.
    """
    names, keys = list(display.text.columns), display.keys
    blocks = [names[:keys] + names[start : start + LATEX_COLUMNS] for start in range(keys, len(names), LATEX_COLUMNS)]
    n_rows = max(1, LATEX_ROWS // len(blocks))
    pages = [
        _page(display, display.text.iloc[first : first + n_rows], blocks, continues=first > 0)
        for first in range(0, max(1, len(display.text)), n_rows)
    ]
    notes = [rf"{{\par\scriptsize {_escape(note)}\par}}" for note in display.notes]
    return "\n".join([*pages, *notes, ""]).replace(DASH, "--")


def _page(display: Display, rows: pd.DataFrame, blocks: list[list[str]], continues: bool) -> str:
    caption = rf"\caption{{{_escape(display.caption)}}}"
    if continues:
        caption = f"{CONTINUED}\n{caption.removesuffix('}')} (continued)}}"
    tabulars = [_tabular(display, rows[names]) for names in blocks]
    return LATEX % {"caption": caption, "blocks": "\n".join(tabulars)}


def _tabular(display: Display, rows: pd.DataFrame) -> str:
    align = "".join("r" if name in display.numbers else "l" for name in rows.columns)
    styler = rows.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
    return LATEX_BLOCK % styler.to_latex(hrules=True, column_format=align)


def _escape(text: str) -> str:
    return text.translate(ESCAPED)
