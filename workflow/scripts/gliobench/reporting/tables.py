"""Tables as people read them, a value and its interval in one cell: Markdown, LaTeX, HTML and a terminal."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gliobench.evaluation.columns import CELL, METRICS, PUBLISHED
from gliobench.files import write_table, write_text
from gliobench.reporting.html import render
from gliobench.reporting.text import DASH, EMPTY, interval

SCREEN = 120  # characters a line of a terminal
LATEX_COLUMNS = 7  # beside those that name the row: what a page on its side holds in a readable size
NAMES = {"auc": "AUC", "f1": "F1", "balanced_accuracy": "Balanced accuracy", "brier": "Brier score"}


@dataclass(frozen=True)
class Display:
    """
    A table of text, ready for any format.

    Attributes
    ----------
    text : pandas.DataFrame
        Cells as they are shown.
    numbers : frozenset of str
        Columns that hold numbers: aligned to the right, sorted by value.
    caption : str
        One sentence on what the table holds.
    keys : int
        How many of the first columns name the row.
    notes : tuple of str
        What stands below the table, a line each.
    """

    text: pd.DataFrame
    numbers: frozenset[str]
    caption: str
    keys: int
    notes: tuple[str, ...] = ()


def title(name: str) -> str:
    """Turn a column's name into its heading."""
    return NAMES.get(name, name.replace("_", " ").capitalize())


def _intervals(table: pd.DataFrame, names: Sequence[str], digits: int = 2) -> list[str]:
    """Format three columns (value, low, high) as one."""
    value, low, high = (table[name] for name in names)
    return [interval(*ends, digits=digits) for ends in zip(value, low, high, strict=True)]


def _text(values: pd.Series) -> list[str]:
    return [EMPTY if pd.isna(value) else str(value) for value in values]


def _parts(table: pd.DataFrame) -> list[str]:
    """Name the scored part, the phase where it is not the only one, and that slices were scored."""
    rows = zip(_text(table["part"]), _text(table["phase"]), _text(table["unit"]), strict=True)
    return [
        ", ".join([part, *[phase] * (phase not in ("final", EMPTY)), *["slices"] * (unit == "slice")])
        for part, phase, unit in rows
    ]


def show_comparison(table: pd.DataFrame) -> Display:
    """Lay out the table ``comparison`` for reading."""
    columns = {title(name): _text(table[name]) for name in CELL}
    columns["Part"] = _parts(table)
    columns["Status"] = _text(table["status"])
    columns["n (positive)"] = [
        EMPTY if pd.isna(n) else f"{n} ({positive})"
        for n, positive in zip(table["n_patients"], table["n_positive"], strict=True)
    ]
    scores = {title(name): _intervals(table, [name, f"{name}_low", f"{name}_high"]) for name in METRICS}
    columns |= {name: scores[name] for name in ("AUC", "Accuracy")} | {"Published": _published(table)} | scores
    columns["Pooled AUC"] = [interval(value, float("nan"), float("nan")) for value in table["auc_pooled"]]
    columns |= {"Runs": _text(table["n_runs"]), "Weights": _text(table["weights"])}
    return Display(
        pd.DataFrame(columns),
        frozenset(["n (positive)", "Runs", "Pooled AUC", *scores]),
        "Scores with 95 % intervals by patient, conditional on the fitted models; threshold 0.5.",
        len(CELL) + 1,
        _notes(table),
    )


def _published(table: pd.DataFrame) -> list[str]:
    return [
        ", ".join(
            f"{title(name)} {row[f'published_{name}']:g}" for name in PUBLISHED if pd.notna(row[f"published_{name}"])
        )
        or ("not comparable" if str(row["published_source"]).startswith("not comparable") else EMPTY)
        for row in table.to_dict("records")
    ]


def _notes(table: pd.DataFrame) -> tuple[str, ...]:
    """Collect caveats, reasons and the sources of published figures, each once with all it holds for."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for row, part in zip(table.to_dict("records"), _parts(table.assign(unit=None)), strict=True):
        cited = any(pd.notna(row[f"published_{name}"]) for name in PUBLISHED)
        source = f"published by {row['published_source']}" if cited else None
        for note in filter(pd.notna, (row["caveat"], row["reason"], source)):
            grouped.setdefault((" ".join(str(row[name]) for name in CELL), str(note)), []).append(part)
    whose: dict[str, list[str]] = {}
    for (cell, note), parts in grouped.items():
        held = "" if parts == [EMPTY] else f", {' and '.join(dict.fromkeys(parts))}"
        whose.setdefault(note, []).append(cell + held)
    return tuple(f"{'; '.join(cells)}: {note}" for note, cells in whose.items())


def show_replicates(table: pd.DataFrame) -> Display:
    """Lay out the table ``replicates`` for reading."""
    what = [
        variant if pd.isna(contrast) else f"{variant} minus {contrast}"
        for variant, contrast in zip(table["variant"], table["contrast"], strict=True)
    ]
    columns = {
        "Cohorts": _text(table["cohort_group"]),
        "Approach": _text(table["approach"]),
        "Variant": what,
        "Modality": _text(table["modality"]),
        "Protocol": _text(table["protocol"]),
        "Phase": _text(table["phase"]),
        "n": _text(table["n"]),
        "Mean AUC or difference": _intervals(table, ["mean", "low", "high"], digits=3),
        "For all approaches together": _intervals(table, ["mean", "family_low", "family_high"], digits=3),
    }
    numbers = frozenset(["n", "Mean AUC or difference", "For all approaches together"])
    caption = "Independent cohorts together: means with 95 % t intervals, alone and for all approaches together."
    return Display(pd.DataFrame(columns), numbers, caption, 6, tuple(table["statement"]))


def show_leakage(table: pd.DataFrame) -> Display:
    """Lay out the table ``leakage`` for reading."""
    names = ["cohort", "approach", "modality", "protocol", "phase", "split", "part", "unit"]
    columns = {title(name): _text(table[name]) for name in names}
    columns |= {
        "Runs": _text(table["n_runs"]),
        "Training slices": _text(table["n_train"]),
        "n": _text(table["n_scored"]),
        "Commoner label": [interval(value, float("nan"), float("nan")) for value in table["majority"]],
        "Accuracy": _intervals(table, ["accuracy", "accuracy_low", "accuracy_high"]),
        "AUC": _intervals(table, ["auc", "auc_low", "auc_high"]),
    }
    caption = (
        "Slices split freely or by patient, scored at the epoch that the validation part chose or on the untouched "
        "test part; means over runs with 95 % t intervals over runs of the same patients."
    )
    numbers = frozenset(list(columns)[len(names) :])
    return Display(pd.DataFrame(columns), numbers, caption, len(names), tuple(_leaks(table)))


def _leaks(table: pd.DataFrame) -> Iterator[str]:
    """Say what becomes of the accuracy of slices from the most flattering to the most honest corner."""
    slices = table[table["unit"] == "slice"]
    for names, rows in slices.groupby(["cohort", "approach", "modality", "protocol", "phase"], sort=False):
        corners = {(row["split"], row["part"]): row for row in rows.to_dict("records")}
        if {("slice", "validation"), ("patient", "test")} <= set(corners):
            flattering, honest = corners["slice", "validation"], corners["patient", "test"]
            yield (
                f"{' '.join(str(name) for name in names if name != 'final')}: "
                f"accuracy of slices {flattering['accuracy']:.2f} with slices split freely, at the best validation "
                f"epoch; {honest['accuracy']:.2f} split by patient, on the untouched test part (always the commoner "
                f"label: {honest['majority']:.2f})."
            )


def show_cohorts(table: pd.DataFrame) -> Display:
    """Lay out the table ``cohorts`` for reading."""

    def spread(name: str, digits: int) -> list[str]:
        return _intervals(table, [f"{name}_{statistic}" for statistic in ("median", "min", "max")], digits)

    columns = {
        "Cohort": _text(table["cohort"]),
        "Modality": _text(table["modality"]),
        "Patients (positive)": [f"{n} ({p})" for n, p in zip(table["patients"], table["positive"], strict=True)],
        "Labels 0 / 1": _text(table["label_names"]),
        "Oracle AUC": [interval(value, float("nan"), float("nan")) for value in table["oracle_auc"]],
        "Used": _text(table["series_ok"]),
        "Excluded": _text(table["series_excluded"]),
        "Failed": _text(table["series_failed"]),
        "Slices": spread("slices", 0),
        "Planes": _text(table["planes"]),
        "Matrix": _text(table["matrix"]),
        "Spacing, mm": spread("spacing", 2),
        "Slice spacing, mm": spread("slice_spacing", 2),
    }
    numbers = set(columns) - {"Cohort", "Modality", "Labels 0 / 1", "Planes", "Matrix"}
    return Display(
        pd.DataFrame(columns),
        frozenset(numbers),
        f"What the audit saw: median (smallest{DASH}largest) of the readable series.",
        2,
    )


def show_exclusions(table: pd.DataFrame) -> Display:
    """Lay out the table ``exclusions`` for reading."""
    columns = {title(name): _text(table[name]) for name in table.columns}
    return Display(pd.DataFrame(columns), frozenset(), "Series that are not used, and why.", 3)


SHOW: dict[str, Callable[[pd.DataFrame], Display]] = {
    "comparison": show_comparison,
    "replicates": show_replicates,
    "leakage": show_leakage,
    "cohorts": show_cohorts,
    "exclusions": show_exclusions,
}


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


LATEX = r"""\begin{sidewaystable}
\caption{%(caption)s}
\raggedright\footnotesize
%(blocks)s
%(notes)s
\end{sidewaystable}
"""
LATEX_BLOCK = r"""\begin{adjustbox}{max width=\linewidth}
%s\end{adjustbox}
\par\medskip"""


def to_latex(display: Display) -> str:
    """
    Write a display as a LaTeX table on its side; it needs the packages booktabs, adjustbox and rotating.

    A wide table becomes blocks below each other, each beginning with the columns that name the row.
    """
    names = list(display.text.columns)
    starts = range(display.keys, len(names), LATEX_COLUMNS)
    blocks = [_tabular(display, names[: display.keys] + names[start : start + LATEX_COLUMNS]) for start in starts]
    notes = [rf"\par\scriptsize {_escape(note)}" for note in display.notes]
    parts = {"caption": _escape(display.caption), "blocks": "\n".join(blocks), "notes": "\n".join(notes)}
    return (LATEX % parts).replace(DASH, "--")


def _tabular(display: Display, names: list[str]) -> str:
    align = "".join("r" if name in display.numbers else "l" for name in names)
    styler = display.text[names].style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
    return LATEX_BLOCK % styler.to_latex(hrules=True, column_format=align)


def _escape(text: str) -> str:
    return "".join(f"\\{character}" if character in "%&_#$" else character for character in text)


def print_table(table: pd.DataFrame) -> str:
    """
    Lay out the comparison for a terminal: at most `SCREEN` characters a line, reasons below the table.

    Every row has its line, below its cohort and approach; what a line shares with the one above it is left out.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``comparison``.
    """
    display = show_comparison(table)
    keys = ["Variant", "Modality", "Protocol"]
    columns = display.text[keys].copy()
    columns["Phase"] = ["" if phase == "final" else phase for phase in _text(table["phase"])]
    columns["Part"], columns["Unit"] = _text(table["part"]), _text(table["unit"])
    columns["n"], columns["AUC"] = _text(table["n_patients"]), display.text["AUC"]
    columns["Acc."] = [interval(value, float("nan"), float("nan")) for value in table["accuracy"]]
    columns["Status"] = display.text["Status"]
    needless = [("Phase", table["phase"].dropna().eq("final").all()), ("Unit", table["unit"].ne("slice").all())]
    columns = columns.drop(columns=[name for name, same in needless if same])
    columns.loc[table[CELL].eq(table[CELL].shift()).all(axis=1).to_numpy(), keys] = ""
    columns.insert(0, "", "")  # sets the lines in from their heading
    lines = _fixed_width(columns, numbers=["n", "Acc."], shortened=["Variant", "Protocol"])
    body = _below_headings(lines[1:], table)
    notes = [textwrap.fill(note, SCREEN, initial_indent="  ", subsequent_indent="    ") for note in display.notes]
    return "\n".join([lines[0], "─" * max(map(len, lines)), *body, "", display.caption, *notes, ""])


def _below_headings(lines: Sequence[str], table: pd.DataFrame) -> list[str]:
    """Put the cohort and the approach above their lines, with an empty line between groups."""
    grouped: list[str] = []
    above = None
    for line, names in zip(lines, zip(table["cohort"], table["approach"], strict=True), strict=True):
        if names != above:
            grouped += [""] * bool(grouped) + ["  ".join(names)]
        grouped.append(line)
        above = names
    return grouped


def _fixed_width(columns: pd.DataFrame, numbers: list[str], shortened: list[str]) -> list[str]:
    """Align columns with two spaces between them; the widest of `shortened` gives way where a line is too long."""
    names = [str(name) for name in columns]
    widths = {name: max(map(len, [name, *columns[name]])) for name in names}
    while sum(widths.values()) + 2 * (len(widths) - 1) > SCREEN:
        widths[max(shortened, key=lambda name: widths[name])] -= 1

    def fit(text: str, name: str) -> str:
        short = text if len(text) <= widths[name] else text[: widths[name] - 1] + "…"
        return short.rjust(widths[name]) if name in numbers else short.ljust(widths[name])

    rows = [names, *columns.itertuples(index=False)]
    return ["  ".join(map(fit, row, names)).rstrip() for row in rows]
