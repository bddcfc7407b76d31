"""Text alternatives of the report's figures, computed from the tables that they are drawn from."""

from collections.abc import Mapping, Sequence

import pandas as pd

from gliobench.evaluation.columns import CELL, shown_part
from gliobench.evaluation.tested import best_of, harmonised_baselines, harmonised_methods
from gliobench.figures.overview import points_of
from gliobench.reporting.summary import visible_in_words
from gliobench.wording import interval, method_name

OF_A_CELL = ("roc", "confusion", "classification", "distributions", "curves")
OF_A_COHORT = ("overlay_roc", "overlay_precision_recall", "overlay_calibration")
NAMED = (*CELL, "phase")  # an empty phase stands for all


def text_alternative(
    figure: Mapping[str, str],
    caption: str,
    tables: Mapping[str, pd.DataFrame],
    replicates_of: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """
    Say in words what a figure shows.

    Parameters
    ----------
    figure : dict
        As `gliobench.plan.page_figures` lists them.
    caption : str
        Its caption.
    tables : dict of str to pandas.DataFrame
        ``comparison`` and, where the study has them, ``visible`` and ``replicates``.
    replicates_of : dict of str to sequence of str, optional
        Replicated cohorts, whose means the forest plot shows.

    Returns
    -------
    str
        Its label or first sentence; of figures drawn from scores, with the highest and lowest AUC.
    """
    first = figure["label"] or caption.partition(". ")[0]
    if figure["kind"] == "visible" and "visible" in tables:
        return f"{first}: {visible_in_words(tables['visible'])}"
    if figure["kind"] == "forest":
        rows = points_of(tables["comparison"], tables.get("replicates"), replicates_of).dropna(subset="auc")
    else:
        rows = _rows_behind(figure, tables["comparison"])
    return f"{first}: {_scores(rows)}" if len(rows) else first


def _rows_behind(figure: Mapping[str, str], comparison: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose scores a figure shows; none for pictures of patients and figures of other tables."""
    rows = comparison[comparison["unit"].ne("slice") & comparison["auc"].notna()]
    kind = figure["kind"]
    if kind in OF_A_COHORT:
        drawn = comparison[comparison["cohort"].eq(figure["category"])]
        return pd.concat([harmonised_methods(drawn).dropna(subset="auc"), best_of(harmonised_baselines(drawn))])
    if kind in OF_A_CELL:
        for name in NAMED:
            rows = rows[rows[name].eq(figure[name]) | (figure[name] == "")]
    else:
        return rows.iloc[:0]
    return rows[rows["part"].eq(shown_part(rows["part"]))]


def _scores(rows: pd.DataFrame) -> str:
    ranked = rows.sort_values("auc", kind="stable").to_dict("records")
    low, high = (interval(row["auc"], row["auc_low"], row["auc_high"]) for row in (ranked[0], ranked[-1]))
    names = [f"{method_name(row)} on {row['cohort']}" for row in (ranked[0], ranked[-1])]
    if len(ranked) == 1:
        whose = f" of {ranked[0]['n_patients']} patients" if "n_patients" in rows else f", {names[0]}"
        return f"AUC {low}{whose}."
    return f"AUC from {low}, {names[0]}, to {high}, {names[1]}; {len(ranked)} scores."
