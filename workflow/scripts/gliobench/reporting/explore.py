"""The page of interactive figures of a cohort: which methods it shows, and what it holds."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import vl_convert

from gliobench.evaluation.columns import BASELINE, CELL, HARMONISED, MAIN, THRESHOLD
from gliobench.evaluation.thresholds import COUNTS, threshold_scores
from gliobench.figures.cell import shown_scores
from gliobench.figures.charts import DIGITS, PATIENTS, Records, area, interactive_figures, specification
from gliobench.figures.overlays import Scored, split_baselines
from gliobench.figures.style import approach_colour, dashes_of
from gliobench.wording import method_name

AT_FIRST = 6  # networks that the page opens with, where none has a main cell under the harmonised protocol
AT_THRESHOLD = {  # heading of each column of the table at a threshold
    **dict(zip(COUNTS, ("True pos.", "False pos.", "False neg.", "True neg."), strict=True)),
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "net_benefit": "Net benefit",
}


@cache
def scripts() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one classic script, which opens from disk and defines ``vegaEmbed``."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return f"(() => {{\n{bundle}\n}})();\n"


def methods_of(predictions: pd.DataFrame, comparison: pd.DataFrame, cohort: str) -> list[Scored]:
    """
    Collect the cells and phases of a cohort with their predictions, networks first.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Patients' predictions of every run (`gliobench.evaluation.cells.cell_rows`).
    comparison : pandas.DataFrame
        The table of that name.
    cohort : str
        The cohort.
    """
    table = comparison[comparison["cohort"] == cohort]
    groups = dict(list(predictions[predictions["cohort"] == cohort].groupby(CELL)))
    methods = []
    for cell, scores in table.groupby(CELL, sort=False):
        rows = groups.get(cell, predictions.iloc[:0])
        phases = scores["phase"].dropna().unique().tolist()
        for phase in phases or [None]:
            shown, score = shown_scores(rows, scores, phase)
            methods.append(Scored(shown, score, _name(score, several_phases=len(phases) > 1)))
    return sorted(methods, key=lambda method: method.scores["approach"] == BASELINE)


def explore(methods: Sequence[Scored], pages: Mapping[str, str], links: Mapping[str, str]) -> dict[str, Any]:
    """
    Return what the template of the page takes.

    Parameters
    ----------
    methods : sequence of Scored
        From `methods_of`.
    pages, links : mapping of str to str
        Address of the page of each approach, and of each patient that has one.
    """
    looks = _looks(methods)
    shown = [look["name"] for look in looks if look["shown"]]
    tables = [threshold_scores(method.rows) for method in methods]
    figures = interactive_figures(methods, tables, looks, pages, links) if methods else {}
    return {
        "methods": looks,
        "patients": bool(links),
        "threshold": THRESHOLD,
        "columns": list(AT_THRESHOLD.values()),
        "figures": figures,
        "data": {
            "figures": {name: specification(figure, shown) for name, figure in figures.items()},
            "methods": [look["name"] for look in looks],
            "lines": {"patients": PATIENTS},
            "thresholds": [_numbers(table) for table in tables],
        },
    }


def _name(scores: Mapping[Any, Any], several_phases: bool) -> str:
    facts = [scores["protocol"]] * (scores["protocol"] != HARMONISED) + [scores["phase"]] * several_phases
    facts += [scores["status"]] * (scores["status"] != "ok")
    return ", ".join([method_name(scores), *facts])


def _numbers(table: pd.DataFrame) -> list[list[float | None]]:
    """Return the values of a table at each threshold, None where a score is not defined."""
    rows = np.round(table[list(AT_THRESHOLD)].to_numpy(float), DIGITS).tolist()
    return [[None if np.isnan(value) else value for value in row] for row in rows]


def _looks(methods: Sequence[Scored]) -> Records:
    """Return name, colour, dashes and AUC of each method, and whether the page opens with it."""
    at_first = _at_first(methods)
    colours = [approach_colour(str(method.scores["approach"])) for method in methods]
    return [
        {"name": method.name, "colour": colour, "dash": list(dashes)}
        | {"auc": area(method.scores, "auc"), "shown": method.name in at_first}
        for method, colour, dashes in zip(methods, colours, dashes_of(colours), strict=True)
    ]


def _at_first(methods: Sequence[Scored]) -> set[str]:
    """Name the methods that the page opens with: the main cell of each network, after its last phase; best baseline."""
    networks, best = split_baselines([method for method in methods if len(method.rows)])
    last = {
        tuple(method.scores[name] for name in CELL): method
        for method in networks
        if method.scores["variant"] == MAIN and method.scores["protocol"] == HARMONISED
    }
    first = {method.scores["approach"]: method for method in reversed(last.values())}
    chosen = [method.scores for method in [*(first.values() or networks[:AT_FIRST]), *best]]
    return {method.name for method in methods if any(method.scores is scores for scores in chosen)}
