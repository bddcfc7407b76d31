"""Tables in a terminal."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from gliobench.evaluation.columns import CELL
from gliobench.evaluation.verdicts import JUDGED, VERDICTS, counted
from gliobench.files import read_json, read_table
from gliobench.reporting.display import CHANGED, MARK, changed_settings
from gliobench.reporting.layouts import show_comparison, show_differences, show_verdicts
from gliobench.reporting.summary import duration
from gliobench.wording import decimals, texts

SCREEN = 120  # characters per line of a terminal


def print_table(table: pd.DataFrame, own: bool = False) -> str:
    """
    Lay out the comparison for a terminal: at most `SCREEN` characters per line, reasons below the table.

    Every row is one line below its cohort and approach; names shared with the line above are left out.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``comparison``.
    own : bool
        Whether the study is of patients other than the papers'.
    """
    told = table["status"].ne("ok") | table["auc"].isna()  # scores that are not shown here need no reason
    display = show_comparison(table.assign(reason=table["reason"].where(told)))
    keys = ["Variant", "Modality", "Protocol"]
    columns = display.text[keys].copy()
    changed = table["settings"].eq(CHANGED)
    columns["Variant"] = [f"{name}{MARK * mark}" for name, mark in zip(columns["Variant"], changed, strict=True)]
    columns["Phase"] = ["" if phase == "final" else phase for phase in texts(table["phase"])]
    columns["Part"], columns["Unit"] = texts(table["part"]), texts(table["unit"])
    columns["n"], columns["AUC"] = texts(table["n_patients"]), display.text["AUC"]
    columns["Acc."] = decimals(table["accuracy"])
    columns["Status"] = display.text["Status"]
    needless = [("Phase", table["phase"].dropna().eq("final").all()), ("Unit", table["unit"].ne("slice").all())]
    columns = columns.drop(columns=[name for name, same in needless if same])
    columns.loc[table[CELL].eq(table[CELL].shift()).all(axis=1).to_numpy(), keys] = ""
    columns.insert(0, "", "")  # indents the lines below their heading
    lines = _fixed_width(columns, numbers=["n", "Acc."], shortened=["Variant", "Protocol"])
    body = _below_headings(lines[1:], table)
    notes = [textwrap.fill(note, SCREEN, initial_indent="  ", subsequent_indent="    ") for note in display.notes]
    marked = [f"{MARK} {changed_settings(own)}"] * bool(changed.any())
    return "\n".join([lines[0], "─" * max(map(len, lines)), *body, "", display.caption, *marked, *notes, ""])


def print_paragraphs(texts: Sequence[str | None]) -> str:
    """Lay out texts for a terminal, with an empty line above each; nothing of those that are empty."""
    return "".join(f"\n{textwrap.fill(text, SCREEN)}\n" for text in texts if text)


def print_verdicts(table: pd.DataFrame) -> str:
    """
    Lay out the verdicts for a terminal: one line per published figure of a method that this study runs.

    Figures of other methods are only counted, and so are all of a study that can judge none.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``published_vs_reproduced``.
    """
    rows = counted(table)
    counts = {name: int(rows["verdict"].eq(name).sum()) for name in VERDICTS}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    judged = rows["verdict"].isin(JUDGED).any()
    lines = _verdict_lines(rows[rows["verdict"] != "not run"]) if judged else []
    told += "" if judged else "; this study can judge none of them"
    total = f"Published figures: {told}. The table published_vs_reproduced lists each."
    return "\n".join([*lines, textwrap.fill(total, SCREEN), ""])


def print_differences(table: pd.DataFrame) -> str:
    """
    Lay out the differences of two studies for a terminal: one line per row, below its cohort and approach.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``differences``.
    """
    display = show_differences(table).text
    shown = pd.DataFrame({"": [""] * len(table)})  # indents the lines below their heading
    shown["Method"] = [method.partition(" ")[2] for method in display["Method"]]  # without the approach
    shown["Part"] = display["Part"]
    shown["First"], shown["Second"] = decimals(table["first_auc"]), decimals(table["second_auc"])
    shown["Difference"], shown["p"], shown["Pairing"] = display["Difference"], display["p"], texts(table["pairing"])
    lines = _fixed_width(shown, ["First", "Second", "p"], ["Method", "Part"])
    return "\n".join([lines[0], "─" * max(map(len, lines)), *_below_headings(lines[1:], table), ""])


def print_answer(folder: str | Path) -> str:
    """
    Lay out the answer for a patient for a terminal: its sentences, its warnings and where its page is.

    Parameters
    ----------
    folder : path
        The folder of its ``prediction.json``.
    """
    prediction = read_json(Path(folder, "prediction.json"))
    said = [
        f"Patient {prediction['patient_id']}. {prediction['purpose']}",
        *prediction["sentences"],
        *prediction["notes"],
    ]
    page = Path(folder, "index.html").resolve()
    lines = [textwrap.fill(each, SCREEN, break_on_hyphens=False) for each in said]
    return "\n".join([*lines, "", f"Prediction: {page}"])


def print_patients(path: str | Path) -> str:
    """
    Lay out the predictions for a list of patients for a terminal: one line each, reasons below the table.

    Parameters
    ----------
    path : path
        The table ``patient_predictions``.
    """
    table = read_table(path, "patient_predictions")
    shown = pd.DataFrame({"Patient": texts(table["patient_id"])})
    shown[f"Probability of {table['label_name'].iloc[0]}"] = decimals(table["probability"])
    shown["What it tells"] = texts(table["verdict"])
    shown["Compared with the cohort"] = [
        f"{identity}: {same_as}" if isinstance(same_as, str) else identity
        for identity, same_as in zip(table["identity"], table["same_as"], strict=True)
    ]
    lines = _fixed_width(shown, [], ["Patient", "Compared with the cohort"])
    failed = table.dropna(subset="reason")
    total = f"{len(table) - len(failed)} of {len(table)} patients have a prediction."
    notes = [textwrap.fill(reason, SCREEN, subsequent_indent="  ") for reason in failed["reason"]]
    rule = "─" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:], "", total, *notes, "", f"Predictions: {Path(path).resolve()}"])


def print_estimate(table: pd.DataFrame, notes: Sequence[str] = ()) -> str:
    """
    Lay out for a terminal what a study will take: a line per approach, one for all that serves every approach, the sum.

    Parameters
    ----------
    table : pandas.DataFrame
        Table ``estimate``.
    notes : sequence of str
        What was assumed.
    """
    jobs, sums = table[table["stage"] != "study"], table[table["stage"] == "study"]
    shared = jobs[jobs["approach"].isna()]
    together = shared[["n_jobs", "seconds", "seconds_least", "disk_mb", "read_mb"]].sum().to_frame().T
    together = together.assign(approach="all of them", peak_memory_mb=shared["peak_memory_mb"].max())
    whole = sums.iloc[[-1]].assign(approach="the study")
    rows = pd.concat([sums.iloc[:-1], together, whole], ignore_index=True)
    shown = pd.DataFrame({"Approach": texts(rows["approach"]), "Jobs": texts(rows["n_jobs"].astype(int))})
    shown["Time"] = [duration(seconds) for seconds in rows["seconds"]]
    shown["At least"] = [duration(seconds) for seconds in rows["seconds_least"]]
    if rows["device_seconds"].notna().any():
        shown["GPU-hours"] = decimals(rows["device_seconds"].astype(float) / 3600, 2)
    shown["Memory, GB"] = decimals(rows["peak_memory_mb"] * 2**20 / 1e9, 1)
    shown["Disk, GB"], shown["Read, GB"] = (decimals(rows[name] / 1000, 2) for name in ("disk_mb", "read_mb"))
    lines = _fixed_width(shown, [str(name) for name in shown if name != "Approach"], ["Approach"])
    said = [
        f"About {duration(whole['hours'].iloc[0] * 3600)} from start to end on what this command was given.",
        "Time is that of the jobs, one after the other, with the most epochs of every training; at least: if each "
        "stops as early as its patience allows. Disk is what the study writes of images, inputs and models.",
        "Measured here: a few patients, steps and predictions of each network, one scored cell, one figure, and the "
        "start of a job. All else is their multiple: results/<study>/tables/estimate.tsv has it by stage.",
        *(f"{note}." for note in notes),
    ]
    rule = "─" * max(map(len, lines))
    filled = [textwrap.fill(each, SCREEN) for each in said]
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], "", *filled, ""])


def _verdict_lines(run: pd.DataFrame) -> list[str]:
    if run.empty:
        return []
    others = ["Cohort", "Approach", "n", "GRIM", "Harmonised", "Rule"]
    shown = show_verdicts(run).text.drop(columns=others, errors="ignore")
    if "Reproduced" in shown:
        shown["Reproduced"] = decimals(run["reproduced"])  # its interval is in the other formats
    shown["Verdict"] = shown.pop("Verdict")  # last, where each line ends
    if run["verdict"].isin(JUDGED).any():  # beside intervals the long ones leave no room; the last line has them whole
        shown["Verdict"] = shown["Verdict"].str.partition(":")[0]
    shown.insert(0, "", "")  # indents the lines below their heading
    head, *lines = _fixed_width(shown, [], ["Variant", "Part", "Score"])
    return [head, "─" * max(map(len, [head, *lines])), *_below_headings(lines, run), ""]


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
    """Align columns with two spaces between them; the widest of `shortened` is cut if a line is too long."""
    names = [str(name) for name in columns]
    widths = {name: max(map(len, [name, *columns[name]])) for name in names}
    while sum(widths.values()) + 2 * (len(widths) - 1) > SCREEN:
        widths[max(shortened, key=lambda name: widths[name])] -= 1

    def fit(text: str, name: str) -> str:
        short = text if len(text) <= widths[name] else text[: widths[name] - 1] + "…"
        return short.rjust(widths[name]) if name in numbers else short.ljust(widths[name])

    rows = [names, *columns.itertuples(index=False)]
    return ["  ".join(map(fit, row, names)).rstrip() for row in rows]
