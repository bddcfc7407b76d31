"""A table of text, ready for any format."""

from dataclasses import dataclass

import pandas as pd

CHANGED, MARK = "changed", "*"  # of rows with settings other than the paper's
OUTCOMES = ("Status", "Verdict")


@dataclass(frozen=True)
class Display:
    """
    A table of text, ready for any format.

    Attributes
    ----------
    text : pandas.DataFrame
        Cells as shown.
    numbers : frozenset of str
        Columns that hold numbers: aligned to the right, sorted by value.
    caption : str
        One sentence on what the table holds.
    keys : int
        How many of the first columns name the row.
    notes : tuple of str
        Notes below the table, one per line.
    details : frozenset of str
        Columns that pages show on demand.
    file : str
        The table with all its digits as TSV, in the report's folder; empty if it is not there.
    links : tuple of str
        Where the first cell of each row leads, in the report's folder; empty if nowhere.
    """

    text: pd.DataFrame
    numbers: frozenset[str]
    caption: str
    keys: int
    notes: tuple[str, ...] = ()
    details: frozenset[str] = frozenset()
    file: str = ""
    links: tuple[str, ...] = ()

    @property
    def choices(self) -> list[str]:
        """Columns to filter by value: those that name the row, and its outcome."""
        names = [str(name) for name in self.text.columns]
        return [name for place, name in enumerate(names) if place < self.keys or name in OUTCOMES]


def changed_settings(own: bool) -> str:
    """Say what `CHANGED` means; `own`: in a study of patients other than the papers'."""
    return "settings changed by this study" if own else "settings that differ from the paper's"
