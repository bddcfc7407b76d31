"""One patient among the patients that the same models tested, as a figure."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gliobench.evaluation.one_patient import UNSEEN, why_not_placed
from gliobench.figures.style import BLUE, GREY, INK, VERMILLION, heading, new_figure, say_why_empty, styled

MOST_LINES = 10  # more folds than this are drawn as one line
LANES = ((0, BLUE, "o", 0.2), (1, VERMILLION, "^", -0.2))  # label, colour, marker and place on the line
SPREAD = 0.12  # of the patients of a lane

CAPTION = (
    "The patients that each model tested, by label, and its answer for this patient. A hollow mark: it saw this "
    "patient in training. Dotted: the median of the patients that the answer is compared with."
)
CAPTION_OF_ONE = "The patients that the models tested, by label, and the answer for this patient. Dotted: their median."


@styled
def placement_figure(prediction: Mapping[str, Any], tested: pd.DataFrame) -> Figure:
    """
    Draw the out-of-fold probabilities of a run by label, with one patient marked.

    Parameters
    ----------
    prediction : dict
        As in the schema ``prediction``.
    tested : DataFrame
        From `gliobench.evaluation.one_patient.out_of_fold`.

    """
    names, model = prediction["label_names"], prediction["model"]
    folds = prediction["folds"]
    others = tested[~tested["patient_id"].isin(prediction["same_as"])]
    others = others[others["fold"].isin([fold["fold"] for fold in folds])]
    by_fold = drawn_by_fold(prediction)
    lines = [[fold] for fold in folds] if by_fold else [folds]
    figure = new_figure(5.2, 1.6 + 0.5 * len(lines))
    axes = figure.subplots()
    axes.set(xlim=(-0.02, 1.02), xlabel=f"Probability of {names['1']}", ylim=(len(lines) - 0.45, -0.55))
    if prediction["placement"] is None:
        say_why_empty(axes, f"{why_not_placed(folds)}.")
        axes.set_yticks([])
    else:
        for place, line in enumerate(lines):
            _draw_tested(axes, place, others[others["fold"].isin([fold["fold"] for fold in line])], names)
            answer = line[0] if by_fold else {**prediction, "part": None}
            _draw_patient(axes, place, answer)
            if answer["part"] in UNSEEN:
                median = prediction["placement"]["median"]
                axes.vlines(median, place - 0.45, place + 0.45, color=GREY, lw=1.2, ls=":", zorder=0)
        axes.set_yticks(range(len(lines)), [f"fold {fold['fold']}" for fold in folds] if by_fold else ["all folds"])
        handles, labels = axes.get_legend_handles_labels()
        each = dict(zip(labels, handles, strict=True))
        figure.legend(list(each.values()), list(each), loc="outside lower center", ncols=2)
    axes.grid(visible=False, axis="y")
    heading(figure, *(str(model[part]) for part in ("cohort", "approach", "variant", "modality", "protocol")))
    return figure


def drawn_by_fold(prediction: Mapping[str, Any]) -> bool:
    """Whether `placement_figure` has a line for each fold; many folds share one."""
    return len(prediction["folds"]) <= MOST_LINES


def placement_caption(prediction: Mapping[str, Any]) -> str:
    """Return the caption of `placement_figure`."""
    return CAPTION if drawn_by_fold(prediction) else CAPTION_OF_ONE


def _draw_tested(axes: Axes, place: int, rows: pd.DataFrame, names: Mapping[str, str]) -> None:
    for label, colour, marker, above in LANES:
        values = np.sort(rows.loc[rows["label"] == label, "probability"].to_numpy(float))
        # Neighbours lie at different heights, the same at every drawing.
        heights = place - above + SPREAD * np.resize([-1, 0.5, -0.25, 1, -0.6, 0.1], len(values))
        axes.scatter(values, heights, s=18, marker=marker, color=colour, alpha=0.75, lw=0, label=names[str(label)])


def _draw_patient(axes: Axes, place: int, answer: Mapping[str, Any]) -> None:
    seen = answer["part"] not in UNSEEN
    name = "this patient, seen in training" if seen else "this patient"
    at = [answer["probability"]] * 3
    heights = [place - 0.4, place, place + 0.4]
    (mark,) = axes.plot(at, heights, color=INK, lw=1.3, marker="D", ms=6, markevery=[1], label=name)
    if seen:
        mark.set(markerfacecolor="white", linestyle="--")
