"""Text alternatives of the report's figures, computed from the tables ``comparison`` and ``visible``."""

from collections.abc import Mapping

import pandas as pd

from gliobench.evaluation.columns import CELL, HARMONISED, shown_part
from gliobench.reporting.summary import visible_in_words
from gliobench.wording import interval, method_name

OF_A_CELL = ("roc", "confusion", "classification", "distributions", "curves")
OF_A_COHORT = ("overlay_roc", "overlay_precision_recall", "overlay_calibration")
NAMED = (*CELL, "phase")  # an empty phase stands for all


def text_alternative(
    figure: Mapping[str, str], caption: str, comparison: pd.DataFrame, visible: pd.DataFrame | None = None
) -> str:
    """
    Say in words what a figure shows.

    Parameters
    ----------
    figure : dict
        As `gliobench.plan.page_figures` lists them.
    caption : str
        Its caption.
    comparison : pandas.DataFrame
        The table of that name.
    visible : pandas.DataFrame, optional
        The table of that name.

    Returns
    -------
    str
        Its label or first sentence; of figures drawn from scores, with the highest and lowest AUC.
    """
    first = figure["label"] or caption.partition(". ")[0]
    if figure["kind"] == "visible" and visible is not None:
        return f"{first}: {visible_in_words(visible)}"
    rows = _rows_behind(figure, comparison)
    return f"{first}: {_scores(rows)}" if len(rows) else first


def _rows_behind(figure: Mapping[str, str], comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose scores a figure shows; none for pictures of patients and figures of other tables."""
    rows = comparison[comparison["unit"].ne("slice") & comparison["auc"].notna()]
    kind = figure["kind"]
    if kind in OF_A_COHORT:
        rows = rows[rows["cohort"].eq(figure["category"]) & rows["protocol"].eq(HARMONISED)]
    elif kind in OF_A_CELL:
        for name in NAMED:
            rows = rows[rows[name].eq(figure[name]) | (figure[name] == "")]
    elif kind != "forest":
        return rows.iloc[:0]
    return rows[rows["part"].eq(shown_part(rows["part"]))]


def _scores(rows: pd.DataFrame) -> str:
    ranked = rows.sort_values("auc", kind="stable").to_dict("records")
    low, high = (interval(row["auc"], row["auc_low"], row["auc_high"]) for row in (ranked[0], ranked[-1]))
    if len(ranked) == 1:
        return f"AUC {low} of {ranked[0]['n_patients']} patients."
    names = [f"{method_name(row)} on {row['cohort']}" for row in (ranked[0], ranked[-1])]
    return f"AUC from {low}, {names[0]}, to {high}, {names[1]}; {len(ranked)} scores."
