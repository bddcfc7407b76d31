"""What a published figure counts: how many patients, which score of ours it is compared with, and by which rule."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gliobench.evaluation.grim import MACRO, NEGATIVE, counts_of, sizes_of, tables_of

# Figures that are alike in these share their n.
PLACE = ("approach", "variant", "modality", "protocol", "phase", "part", "epoch", "subgroup", "unit", "source")
BY_CLASS = ("precision", "recall", "f1")  # scores that depend on the averaging
OUR_NAME = {("recall", NEGATIVE): "specificity", ("recall", MACRO): "balanced_accuracy"}

Figure = Mapping[str, Any]  # a row of the table published, None where a cell is empty


def as_figures(published: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of the table ``published``, None where a cell is empty."""
    rows = published.astype(object).where(published.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def possible_sizes(figures: Sequence[Figure]) -> list[list[int]]:
    """
    Say for each figure how many patients may be behind it.

    Parameters
    ----------
    figures : sequence of dict
        Figures of the table ``published``.

    Returns
    -------
    list of list of int
        The stated n alone; if it is not stated, each n within 1 of a stated share of the cohort that can give every
        accuracy printed in the same place; none for slices, and where nothing is stated.
    """
    together: dict[tuple[Any, ...], list[Figure]] = {}
    for figure in figures:
        together.setdefault(tuple(figure[name] for name in PLACE), []).append(figure)
    return [_sizes(figure, together[tuple(figure[name] for name in PLACE)]) for figure in figures]


def _sizes(figure: Figure, together: Sequence[Figure]) -> list[int]:
    if figure["unit"] == "slice":
        return []
    if figure["n"] is not None:
        return [int(figure["n"])]
    accuracies = [other for other in together if other["metric"] == "accuracy"]
    return [n for n in _near_shares(figure) if all(_fractions(one, n) for one in accuracies)]


def _near_shares(figure: Figure) -> list[int]:
    shares = (figure["shares"] or "").split()
    return sizes_of([float(share) for share in shares], int(figure["cohort_n"]))


def _fractions(figure: Figure, n: int) -> list[str]:
    return [f"{count}/{n}" for count in counts_of(figure["value"], int(figure["decimals"]), n)]


def grim(figure: Figure, sizes: Sequence[int]) -> str | None:
    """
    Say which fractions of patients print as a figure.

    Parameters
    ----------
    figure : dict
        A row of the table ``published``.
    sizes : sequence of int
        From `possible_sizes`.

    Returns
    -------
    str or None
        For example ``49/88`` or ``no k/53``; for precision, F1 and macro averages the number of confusion tables. None
        where the figure is no proportion of a known number of patients.
    """
    metric, averaging = figure["metric"], figure["averaging"]
    if figure["unit"] == "slice" or figure["value"] is None or metric in ("auc", "loss"):
        return None
    if metric == "accuracy":
        return _of_accuracy(figure, sizes)
    if None in (figure["n"], figure["n_positive"]) or (metric in BY_CLASS and averaging is None):
        return None
    positive, negative = int(figure["n_positive"]), int(figure["n"]) - int(figure["n_positive"])
    if our_name(figure) in ("recall", "specificity"):
        counted = positive if our_name(figure) == "recall" else negative
        return " or ".join(_fractions(figure, counted)) or f"no k/{counted}"
    number = tables_of(metric, averaging, figure["value"], int(figure["decimals"]), positive, negative)
    return f"{number or 'no'} confusion table{'' if number == 1 else 's'} of {positive} and {negative}"


def _of_accuracy(figure: Figure, sizes: Sequence[int]) -> str | None:
    found = " or ".join(fraction for n in sizes for fraction in _fractions(figure, n))
    if found or figure["n"] is not None:
        return found or f"no k/{figure['n']}"
    near = ", ".join(map(str, _near_shares(figure)))
    return f"no k/n, n = {near}" if near else None


def our_name(figure: Figure) -> str:
    """Return the column of the score that a figure is compared with."""
    metric: str = figure["metric"]
    return OUR_NAME.get((metric, figure["averaging"]), metric)


def our_unit(figure: Figure) -> str:
    """Return what our score counts: an unstated unit is taken for the patient."""
    return "slice" if figure["unit"] == "slice" else "patient"


def has_our_score(figure: Figure) -> bool:
    """Whether the tables hold the score that a figure is: none of subgroups, nor of other averages of every score."""
    other = figure["metric"] in ("precision", "f1") and figure["averaging"] in (NEGATIVE, MACRO)
    return figure["subgroup"] is None and not other


def why_never(figure: Figure) -> str | None:
    """Say why a figure cannot be judged by any rule; None if it can."""
    metric, averaging = figure["metric"], figure["averaging"]
    if figure["value"] is None:
        return "the paper printed NaN, which is no number to compare with"
    if figure["subgroup"] is not None:
        return f"figures of a subgroup ({figure['subgroup']}) are not judged"
    if metric in BY_CLASS and averaging is None:
        return f"the paper does not state which average its {metric} is"
    if not has_our_score(figure):
        theirs = "a macro average" if averaging == MACRO else f"of the {averaging}"
        return f"the paper's {metric} is {theirs}, ours of the positive class"
    return None


def needs_repeats(figure: Figure) -> str | None:
    """Say why a figure can be judged only by repeats of our own; None if a prediction serves."""
    if figure["unit"] == "slice":
        return "slices of a patient are not independent"
    if figure["epoch"] is not None:
        return "it is a figure of the training history"
    if figure["selected_on"] == "yes" or figure["part"] != "test":
        return "the model was selected or trained on these patients"
    return None


def assumption(figure: Figure) -> str | None:
    """Say what a verdict on a figure assumes because its document does not state it."""
    return "if the paper's cases are patients, which it does not state" if figure["unit"] == "unstated" else None


def why_no_prediction(figure: Figure, sizes: Sequence[int]) -> str | None:
    """Say what a prediction of a figure lacks, given `possible_sizes`; None if it can be made."""
    if not sizes:
        unstated = "the paper does not state how many patients its figure counts"
        return f"{unstated}, and no n near its shares gives its accuracy" if figure["shares"] else unstated
    if figure["n_positive"] is None and figure["metric"] != "accuracy":
        return "the paper does not state how many of its patients are positive"
    return None
