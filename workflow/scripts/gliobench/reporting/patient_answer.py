"""The answer for one patient in sentences, computed from the record of its prediction."""

from collections.abc import Mapping, Sequence
from typing import Any

from gliobench.evaluation.one_patient import (
    IMPLAUSIBLE,
    NEW,
    OTHER_IMAGES,
    PIXELS,
    SAME_ID,
    SERIES_UID,
    UNCHECKED,
    UNSEEN,
    includes_chance,
    share_below,
    why_in_the_middle,
    why_not_placed,
)
from gliobench.terms import GENERATED

FEWEST = round(1 / IMPLAUSIBLE) - 1  # patients of a label: fewer cannot rule it out
WHERE = {
    "test": "tested it",
    "validation": "chose its epoch with it",
    "train": "trained on it",
    "whole": "trained on it",
}
IDENTITIES = {
    NEW: "New to the models: none of its series has the pixels or the SeriesInstanceUID of a series of the cohort.",
    OTHER_IMAGES: "Treated as a new patient: the cohort has this id, but other images.",
    UNCHECKED: (
        "Whether the models know this patient could not be checked: the predictions.tsv of the run or the series.tsv "
        "of its cohort is not stored with it. No patient of the run is known to have this id."
    ),
}
KNOWN = {
    PIXELS: "It is in the cohort, as {ids}, by its pixels",
    SERIES_UID: "It is in the cohort, as {ids}, by its SeriesInstanceUID, with other pixels",
    SAME_ID: "The run knows a patient with this id, and it is treated as the same, because no images could be compared",
}

Prediction = Mapping[str, Any]


def sentences(prediction: Prediction) -> list[str]:
    """
    Say what the models answer, whether they know the patient, where the answer lies, and what it can tell.

    Parameters
    ----------
    prediction : dict
        As in the schema ``prediction``; ``sentences`` and ``notes`` are not read.
    """
    if prediction["reason"]:
        return [f"No prediction: {prediction['reason']}"]
    said = [_answer(prediction), _identity(prediction), _place(prediction)]
    said += [_middle(prediction), _labels(prediction)]
    return [*filter(None, said), score_sentence(prediction["score"], prediction["model"])]


def _answer(prediction: Prediction) -> str:
    model, folds = prediction["model"], prediction["folds"]
    unseen = [fold for fold in folds if fold["part"] in UNSEEN]
    used = unseen or folds
    said = (
        f"{model['approach']} ({model['variant']}, {model['modality']}) gives a probability of "
        f"{prediction['probability']:.2f} for the label {prediction['label_names']['1']}"
    )
    if not unseen:
        return f"{said}, which is not a test: {_named(folds)} saw this patient in training."
    if len(unseen) < len(folds):
        return f"{said}: out of fold, from {_named(unseen)}, which did not see this patient in training."
    if len(used) == 1:
        return f"{said}: the answer of the model of fold {used[0]['fold']} alone."
    return f"{said}: the mean of {len(used)} models, one per fold, {_range(used)}."


def _named(folds: Sequence[Prediction]) -> str:
    """Name the models of folds."""
    numbers = [str(fold["fold"]) for fold in folds]
    return f"the model{'s' * (len(numbers) > 1)} of fold{'s' * (len(numbers) > 1)} {_and(numbers)}"


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _range(folds: Sequence[Prediction]) -> str:
    answers = [fold["probability"] for fold in folds]
    return f"which answer {min(answers):.2f} to {max(answers):.2f}"


def _identity(prediction: Prediction) -> str:
    identity, folds = prediction["identity"], prediction["folds"]
    if identity in IDENTITIES:
        return IDENTITIES[identity]
    said = KNOWN[identity].format(ids=_and(prediction["same_as"]))
    met = _met(folds, {fold["fold"]: fold["part"] for fold in folds})
    if not met:
        return f"{said}: none of these models trained on it or tested it."
    seen = [fold for fold in folds if fold["part"] not in UNSEEN]
    if not seen or len(folds) == 1:
        return f"{said}: {met}."
    return f"{said}: {met}. The mean of all {len(folds)} models, {prediction['mean']:.2f}, is not a test."


def _met(folds: Sequence[Prediction], parts: Mapping[int, str | None]) -> str:
    """Say which models saw a patient, and as what."""
    numbers: dict[str, list[str]] = {}
    for fold in folds:
        if part := parts.get(fold["fold"]):
            numbers.setdefault(WHERE[part], []).append(str(fold["fold"]))
    return "; ".join(f"fold{'s' * (len(each) > 1)} {_and(each)} {what}" for what, each in numbers.items())


def others_note(folds: Sequence[Prediction], parts: Mapping[int, str]) -> list[str]:
    """Say what would hold if a patient with a known id and other images were the same one."""
    met = _met(folds, parts)
    if not met:
        return []
    unseen = [fold["probability"] for fold in folds if parts.get(fold["fold"]) in UNSEEN]
    honest = f"the out-of-fold answer is {sum(unseen) / len(unseen):.2f}" if unseen else "every model has seen it"
    return [f"If the patient with this id in the cohort is the same one, {met}, and {honest}."]


def _place(prediction: Prediction) -> str | None:
    placed = prediction["placement"]
    if placed is None:
        return f"{why_not_placed(prediction['folds'])}, so the answer has nothing to be compared with."
    shares = [
        f"{_percent(label['lower'], label['n'])} of the {label['n']} {label_name(prediction, label)}"
        for label in placed["labels"]
        if label["n"]
    ]
    several = sum(fold["part"] in UNSEEN for fold in prediction["folds"]) > 1
    whom = ", each model compared with those it tested" if several else " that the same model tested"
    return f"It is higher than {' and '.join(shares)} patients{whom}."


def label_name(prediction: Prediction, label: Mapping[str, int]) -> str:
    """Return the name of a label."""
    return str(prediction["label_names"][str(label["label"])])


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def _middle(prediction: Prediction) -> str | None:
    """Say why the answer cannot be distinguished from the middle, if so."""
    placed = prediction["placement"]
    if placed is None:
        return None
    reasons = {
        "sides": f"of the models, {placed['models_above']} answer above the tested patients' median of "
        f"{placed['median']:.2f} and {placed['models_below']} below",
        "half": f"it is higher than {100 * share_below(placed):.0f} % of all tested patients, in the middle half",
        "between": "it lies between the answers for one label and those for the other",
    }
    met = [reasons[name] for name, holds in why_in_the_middle(placed).items() if holds]
    return f"This cannot be distinguished from the middle: {'; '.join(met)}." if met else None


def _labels(prediction: Prediction) -> str | None:
    """Say for which labels the answer would be unusual."""
    placed = prediction["placement"]
    if placed is None:
        return None
    negative, positive = placed["labels"]
    beyond = {
        0: f"{_percent(negative['n'] - negative['lower'], negative['n'])} of the {{}} patients are as high or higher",
        1: f"{_percent(positive['n'] - positive['higher'], positive['n'])} of the {{}} patients are as low or lower",
    }
    told = {label["label"]: beyond[label["label"]].format(label_name(prediction, label)) for label in placed["labels"]}
    few = {
        label["label"]: f"{label['n']} {label_name(prediction, label)}"
        for label in placed["labels"]
        if label["n"] < FEWEST
    }
    if len(placed["plausible"]) < 2:
        return f"Unusual: {' and '.join(told[label] for label in (0, 1) if label not in placed['plausible'])}."
    if len(few) == 2:
        return f"Neither label can be ruled out: {' and '.join(few.values())} patients are too few for that."
    told |= {label: f"{counted} patients are too few for that" for label, counted in few.items()}
    return f"Neither label can be ruled out: {' and '.join(told.values())}."


def score_sentence(score: Mapping[str, Any] | None, model: Mapping[str, Any]) -> str:
    """Say how well the approach distinguished patients in the study that trained it."""
    if score is None:
        return "No table with this run's scores is stored with it, so how good its models are is not known here."
    why = str(score["reason"] or score["status"]).rstrip(".")
    if score["auc"] is None:
        return f"The study's table has no AUC for this cell: {why}."
    where = f"cohort {model['cohort']}" + (", which is generated" if model["cohort_kind"] in GENERATED else "")
    between = "" if score["auc_low"] is None else f" (95 % interval {score['auc_low']:.2f} to {score['auc_high']:.2f})"
    said = (
        f"In the study that trained it, on {score['n_patients']} patients of {where} ({score['part']} part), this "
        f"approach reached an AUC of {score['auc']:.2f}{between}; 0.5 is chance."
    )
    if includes_chance(score):
        said += " The interval includes chance, so this answer is not known to carry any information."
    if score["status"] != "ok":
        said += f" It is not a whole score: {why}."
    return said + (f" Caveat there: {score['caveat']}." if score["caveat"] else "")
