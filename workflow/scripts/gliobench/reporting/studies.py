"""Two studies on one page: what differs between their results, patients and settings."""

from base64 import b64encode
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliobench.changes import Change
from gliobench.evaluation.columns import BASELINE, CELL, HARMONISED, PARTS
from gliobench.evaluation.same_patients import OTHER_LABEL, SAME
from gliobench.evaluation.studies import INDEPENDENT, count_differences, excludes_zero, shown_differences
from gliobench.figures.style import GREY, INK, approach_colour, as_png, new_figure, say_why_empty, styled
from gliobench.files import write_text
from gliobench.reporting.display import Display
from gliobench.reporting.html import render
from gliobench.reporting.layouts import patients_compared, show_differences
from gliobench.wording import EMPTY, decimals, interval, method_name, plural, texts, title

LINE, EDGE = 0.2, 0.7  # inches: height of a line of the figure, and of the margins of a block
COLUMNS = (8, 122)  # points right of a block: difference in figures, number of patients
NARROWEST = 0.1  # half of the figure's axis, at least
MOST_CHANGED = 20  # patients in the table of changed probabilities
MOST_NAMED = 3  # keys and differences named in a sentence
OTHER_SERIES = "series with other images, of patients that are the same"

Row = Mapping[Hashable, Any]


@dataclass(frozen=True, eq=False)
class Compared:
    """
    What a comparison of two studies found.

    Attributes
    ----------
    names : (str, str)
        What the page calls the studies.
    facts : pandas.DataFrame
        Columns fact, first, second: text.
    differences : pandas.DataFrame
        Table ``differences``.
    redrawn : sequence of str
        Cohorts that were generated anew.
    patients : dict of str to pandas.DataFrame
        Of each cohort of either, as of `gliobench.evaluation.same_patients.match_patients`.
    changed_series : dict of str to pandas.DataFrame
        Of each cohort of either, as of `gliobench.evaluation.same_patients.changed_series`.
    config : sequence of Change
        Between the configs.
    recorded : sequence of (Change, cells)
        Between the records of trainings of the same cell; None for all cells.
    alone : (pandas.DataFrame, pandas.DataFrame)
        Cells that only the first, and only the second study has.
    probabilities : pandas.DataFrame
        As of `gliobench.evaluation.studies.probability_changes`.
    """

    names: tuple[str, str]
    facts: pd.DataFrame
    differences: pd.DataFrame
    redrawn: Sequence[str]
    patients: Mapping[str, pd.DataFrame]
    changed_series: Mapping[str, pd.DataFrame]
    config: Sequence[Change]
    recorded: Sequence[tuple[Change, Sequence[str] | None]]
    alone: tuple[pd.DataFrame, pd.DataFrame]
    probabilities: pd.DataFrame


def comparison_sentences(found: Compared) -> list[str]:
    """Say what differs between two studies: scores, settings, patients and cells, each sentence from its table."""
    said = [count_sentence(found.differences), config_sentence(found.config), _patients_sentence(found.patients)]
    if found.redrawn:
        said.append(
            f"The patients of {_and(found.redrawn)} were generated anew, so that no patient can be paired there: the "
            "differences are between independent samples, with wider intervals."
        )
    lacking = [
        f"{plural(len(cells), 'cell')} only in the {place}" for place, cells in _places(found.alone) if len(cells)
    ]
    if lacking:
        said.append(f"Not compared: {' and '.join(lacking)}.")
    return said


def count_sentence(differences: pd.DataFrame) -> str:
    """Say how many of the shown differences exclude 0, and how many would by chance."""
    counts = count_differences(shown_differences(differences))
    if counts.with_interval:
        expected = f"{counts.by_chance:.{1 if counts.by_chance >= 1 else 2}f}"
        said = (
            f"{counts.excluding} of {plural(counts.with_interval, 'difference')} of AUC, first minus second, "
            f"{'has' if counts.excluding == 1 else 'have'} a 95 % interval that excludes 0; if "
            f"nothing differed, {_by_chance(differences, expected)}."
        )
        more = [f"{counts.equal} more {_are(counts.equal)} exactly 0"] * bool(counts.equal)
    elif counts.equal:
        said, more = f"Nothing differs: {_every(counts.equal)} of AUC {_are(counts.equal)} exactly 0.", []
    else:
        said, more = "No difference of AUC can be judged.", []
    has = f"{counts.without} {'row has' if counts.without == 1 else 'rows have'}"
    more += [f"{has} no interval, for the reasons below the table"] * bool(counts.without)
    return f"{said} {_capital('; '.join(more))}." if more else said


def _by_chance(differences: pd.DataFrame, expected: str) -> str:
    """Say how many intervals exclude 0 by chance: of paired studies of one procedure fewer than of independent ones."""
    if differences.loc[differences["low"].notna(), "pairing"].eq(INDEPENDENT).all():
        return f"about {expected} of them would by chance alone (5 %)"
    return f"at most about {expected} of them would by chance alone (5 %), and hardly any if only the folds differ"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _every(n: int) -> str:
    return "the only difference" if n == 1 else f"all {n} differences"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def config_sentence(config: Sequence[Change]) -> str:
    """Say which keys of the config changed."""
    keys = list(dict.fromkeys(change.key for change in config))
    if not keys:
        return "Nothing changed in the config."
    return f"{plural(len(keys), 'key')} of the config changed: {_few(keys)}."


def _few(names: Sequence[str]) -> str:
    rest = len(names) - MOST_NAMED
    return _and(names) if rest < 2 else f"{', '.join(names[:MOST_NAMED])} and {rest} more"


def _and(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _patients_sentence(patients: Mapping[str, pd.DataFrame]) -> str:
    matches = pd.concat([table["match"] for table in patients.values()], ignore_index=True)
    same = int(matches.eq(SAME).sum())
    where = plural(len(patients), "cohort")
    if same == len(matches):
        return f"All {plural(same, 'patient')} of {where} are the same in both studies."
    return f"{same} of {plural(len(matches), 'patient')} of {where} are the same in both studies."


def _places(pair: tuple[Any, Any]) -> list[tuple[str, Any]]:
    return [("first", pair[0]), ("second", pair[1])]


def write_comparison_page(path: Path, found: Compared) -> None:
    """Write the page of a comparison: one file with its figure inside, which loads nothing."""
    said = comparison_sentences(found)
    shown = shown_differences(found.differences)
    sections = {
        "#studies": "Studies",
        "#differences": "Differences",
        "#settings": "Settings",
        "#patients": "Patients",
        "#probabilities": "Probabilities",
    }
    page = render(
        "studies.html.j2",
        study=" and ".join(found.names),
        title="Two studies compared",
        file="",
        root="",
        home="#main",
        navigation=sections,
        approaches=[],
        lead=said[0],
        sentences=said[1:],
        facts=_show_facts(found.facts),
        figure=b64encode(as_png(differences_figure(shown))).decode(),
        alternative=describe_differences(shown),
        differences=replace(show_differences(found.differences), file=path.with_suffix(".tsv").name),
        config=_show_changes(found.config),
        recorded=_show_recorded(found.recorded),
        patients=_show_patients(found.patients, found.changed_series),
        alone=_show_alone(found.alone),
        probabilities=_show_probabilities(found.probabilities),
    )
    write_text(page, path)


def _show_facts(facts: pd.DataFrame) -> Display:
    text = pd.DataFrame(
        {"What": facts["fact"].tolist(), "First": texts(facts["first"]), "Second": texts(facts["second"])}
    )
    return Display(text, frozenset(), "What is compared; a dash means not recorded.", 0)


def _show_changes(changes: Sequence[Change]) -> Display | None:
    if not changes:
        return None
    return Display(pd.DataFrame(_cells_of_changes(changes)), frozenset(), "Keys of the config that differ.", 0)


def _cells_of_changes(changes: Sequence[Change]) -> dict[str, list[str]]:
    return {
        "Key": [change.key for change in changes],
        "First": [_value(change.first) for change in changes],
        "Second": [_value(change.second) for change in changes],
    }


def _value(text: str | None) -> str:
    return "not there" if text is None else text


def _show_recorded(recorded: Sequence[tuple[Change, Sequence[str] | None]]) -> Display | None:
    if not recorded:
        return None
    columns = _cells_of_changes([change for change, _ in recorded])
    columns["Cells"] = ["all" if cells is None else f"{len(cells)}: {'; '.join(cells)}" for _, cells in recorded]
    caption = "What the trainings of the same cells recorded differently, defaults and versions of libraries included."
    return Display(pd.DataFrame(columns), frozenset(), caption, 0)


def _show_patients(patients: Mapping[str, pd.DataFrame], changed: Mapping[str, pd.DataFrame]) -> Display:
    rows = []
    for cohort, matches in patients.items():
        for match, members in matches.groupby("match", sort=False):
            rows.append((cohort, str(match), str(len(members)), _ids(str(match), members)))
        series = changed[cohort]
        if len(series):
            named = ", ".join(f"{patient} {name}" for patient, name in series.itertuples(index=False))
            rows.append((cohort, OTHER_SERIES, str(len(series)), named))
    text = pd.DataFrame(rows, columns=["Cohort", "Patients", "Number", "Which"])
    caption = (
        "Patients of every cohort. The same: id, label and at least one image agree; only these are paired. In "
        "brackets the labels of the first and the second study."
    )
    return Display(text, frozenset(["Number"]), caption, 2)


def _ids(match: str, members: pd.DataFrame) -> str:
    if match == SAME:
        return EMPTY
    if match == OTHER_LABEL:
        return ", ".join(
            f"{row['patient_id']} ({row['first_label']}, {row['second_label']})" for row in _records(members)
        )
    return ", ".join(members["patient_id"])


def _records(table: pd.DataFrame) -> list[Row]:
    return list(table.to_dict("records"))


def _show_alone(alone: tuple[pd.DataFrame, pd.DataFrame]) -> Display | None:
    cells = pd.concat([table.assign(place=place) for place, table in _places(alone)], ignore_index=True)
    if cells.empty:
        return None
    text = pd.DataFrame({"Only in the": texts(cells["place"])} | {title(name): texts(cells[name]) for name in CELL})
    return Display(text, frozenset(), "Cells that only one of the two studies has.", 6)


def _show_probabilities(changes: pd.DataFrame) -> Display | None:
    moved = changes[changes["change"] != 0].head(MOST_CHANGED)
    if moved.empty:
        return None
    text = pd.DataFrame(
        {
            "Cohort": texts(moved["cohort"]),
            "Patient": texts(moved["patient_id"]),
            "Label": texts(moved["label"]),
            "Method": [_line_name(row) for row in _records(moved)],
            **{title(name): decimals(moved[name], 3) for name in ("first", "second", "change")},
        }
    )
    caption = (
        f"The {len(moved)} largest of {plural(len(changes), 'change')} of a patient's out-of-fold probability by a "
        "method, first minus second; means over repeats and seeds."
    )
    return Display(text, frozenset(["First", "Second", "Change"]), caption, 4)


def _line_name(row: Row) -> str:
    names = [row["phase"]] * (pd.notna(row["phase"]) and row["phase"] != "final")
    names += [str(row["protocol"]).removeprefix("published-")] * (row["protocol"] != HARMONISED)
    names += [row.get("part")] * (row.get("part") in PARTS[1:])
    return " · ".join([method_name(row), *dict.fromkeys(map(str, names))])


@styled
def differences_figure(shown: pd.DataFrame) -> Figure:
    """
    Draw differences of AUC with their intervals: one block per cohort, methods before baselines.

    Parameters
    ----------
    shown : pandas.DataFrame
        Of `gliobench.evaluation.studies.shown_differences`; rows without a difference are left out.
    """
    drawn = shown.dropna(subset="difference")
    blocks = {str(cohort): _methods_first(rows) for cohort, rows in drawn.groupby("cohort", sort=False)}
    if not blocks:
        figure = new_figure(6, 2)
        axes = figure.subplots()
        axes.set_axis_off()
        say_why_empty(axes, "no cell can be compared")
        return figure
    heights = [EDGE + LINE * len(rows) for rows in blocks.values()]
    figure = new_figure(8.2, 0.5 + sum(heights))
    panels = figure.subplots(len(blocks), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (cohort, rows) in zip(panels, blocks.items(), strict=True):
        _draw_block(axes, rows)
        axes.set_title(cohort)
    reach = 1.05 * max(NARROWEST, np.nanmax(np.abs(drawn[["difference", "low", "high"]].to_numpy(float))))
    panels[-1].set(xlim=(-reach, reach))
    panels[-1].set_xlabel("Difference of AUC, first minus second, with its 95 % interval")
    figure.legend(handles=_legend(drawn), loc="outside lower center", ncols=3)
    return figure


def _methods_first(rows: pd.DataFrame) -> list[Row]:
    return _records(rows.assign(last=rows["approach"].eq(BASELINE)).sort_values("last", kind="stable"))


def _draw_block(axes: Axes, rows: Sequence[Row]) -> None:
    axes.set_yticks(range(len(rows)), [_line_name(row) for row in rows])
    axes.set(ylim=(len(rows) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelbottom=True)
    axes.grid(visible=False, axis="y")
    axes.axvline(0, color=GREY, lw=1)
    for place, row in enumerate(rows):
        colour = approach_colour(str(row["approach"]))
        fill = colour if _excludes(row) else "white"
        axes.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.8, solid_capstyle="butt")
        axes.plot(row["difference"], place, "o", ms=5, color=colour, mfc=fill)
        for column, text in zip(COLUMNS, (_in_figures(row), _scored(row)), strict=True):
            axes.annotate(
                text, (1, place), xycoords=("axes fraction", "data"), xytext=(column, 0), textcoords="offset points",
                va="center", fontsize=7.5, color=INK if column == COLUMNS[0] else GREY,
            )  # fmt: skip


def _excludes(row: Row) -> bool:
    return bool(row["low"] > 0 or row["high"] < 0)


def _in_figures(row: Row) -> str:
    return interval(row["difference"], row["low"], row["high"])


def _scored(row: Row) -> str:
    return f"n = {patients_compared(row)}"


def _legend(drawn: pd.DataFrame) -> list[Line2D]:
    marks = {"interval covers 0": ~excludes_zero(drawn), "interval excludes 0": excludes_zero(drawn)}
    fills = {"interval covers 0": "white", "interval excludes 0": INK}
    return [
        Line2D([], [], color=INK, marker="o", ms=5, lw=1.8, mfc=fills[name], label=name)
        for name, rows in marks.items()
        if rows.any()
    ]


def describe_differences(shown: pd.DataFrame) -> str:
    """Describe the figure of the differences in words, from the table that it draws."""
    drawn = shown.dropna(subset="difference")
    if drawn.empty:
        return "Nothing to draw: no cell can be compared."
    ends = drawn.loc[[drawn["difference"].idxmin(), drawn["difference"].idxmax()]]
    least, most = (f"{_where(row)} {_in_figures(row)}" for row in _records(ends))
    outside = _records(drawn[excludes_zero(drawn)])
    named = f": {'; '.join(f'{_where(row)} {_in_figures(row)}' for row in outside)}" if outside else ""
    return (
        f"Forest plot of {plural(len(drawn), 'difference')} of AUC, first minus second, with 95 % intervals, from "
        f"{least} to {most}. Intervals that exclude 0: {len(outside)}{named}."
    )


def _where(row: Row) -> str:
    return f"{row['cohort']} {_line_name(row)}"
