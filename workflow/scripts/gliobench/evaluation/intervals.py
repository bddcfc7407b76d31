"""Intervals of one cell's scores, and of differences between two cells, by patient."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import expit, logit
from statsmodels.stats.proportion import proportion_confint

from gliobench.evaluation.bootstrap import CONFIDENCE, Statistic, bca_intervals, resample
from gliobench.evaluation.columns import LEAST_PERMUTATIONS, METRICS, ROUNDING, UNDEFINED
from gliobench.evaluation.delong import (
    Influence,
    auc_influence,
    influences,
    variance_of_mean,
    variance_of_repeat,
)
from gliobench.evaluation.metrics import Sample, auc, confusion, score, unit_weights

# All of these are measured by perf/coverage.py and described in docs/method.md.
EDGE_OF_PROPORTION = 5  # so near to 0 or 1 other methods step in
EDGE_OF_AUC = 3
NO_SPREAD = 1e-6  # standard error below which a score does not vary: slopes by differences are no more exact
COMMON, OF_REPEAT = 1.4, 0.6  # the factor without permutations: common to all repeats, and averaged over them

Curve = Callable[[Any], Any]
Scale = tuple[Curve, Curve, Curve]  # to the scale, its slope, and back
LOGIT: Scale = (logit, lambda value: 1 / (value * (1 - value)), expit)
SCALES: dict[str, Scale] = {
    "log_loss": (np.log, lambda value: 1 / value, np.exp),
    "mcc": (np.arctanh, lambda value: 1 / (1 - value**2), np.tanh),
}

Ends = dict[str, tuple[float, float]]
Methods = dict[str, list[str]]
NONE = (float("nan"), float("nan"))
RETRAINED = "variance by each patient's influence within a repeat, times a factor because training varies"
CONDITIONAL = "DeLong, conditional on the fitted models"
ONE_SIDED = "exact one-sided bound"
EXACT = "exact bound"
LEAVE_ONE_OUT = "none: leave-one-out does not show how much its models, which share their patients, would vary"


@dataclass(frozen=True)
class Factor:
    """
    How much more a cross-validated score varies than its patients' influence says, because training varies too.

    Attributes
    ----------
    value : float
        Multiplies the variance of a single repeat.
    source : str
        Where it comes from, in words.
    """

    value: float
    source: str


@dataclass(frozen=True)
class Found:
    """
    The intervals of a sample.

    Attributes
    ----------
    ends : dict of str to (float, float)
        Lower and upper end for each metric, not numbers if undefined.
    methods : dict of str to list of str
        The methods, each with the scores that it was used for; the first made all others.
    factor : Factor or None
        Of the variance; None for intervals that hold for the fitted models only, and where there is none.
    """

    ends: Ends
    methods: Methods
    factor: Factor | None = None

    def in_words(self) -> str:
        """Say how the intervals were made."""
        parts = [f"{name} for {', '.join(scores)}" if scores else name for name, scores in self.methods.items()]
        if self.factor:
            parts.append(f"factor {self.factor.value:.2f} ({self.factor.source})")
        return "; ".join(parts)


def default_factor(n_repeats: int) -> Factor:
    """Return the factor where nothing was permuted: 2 for one repeat or repeated hold-outs, 1.5 for five repeats."""
    return Factor(COMMON + OF_REPEAT / n_repeats, f"by the number of repeats of all folds, {n_repeats}")


def permuted_factor(aucs: ArrayLike, variances: ArrayLike, n_repeats: int) -> Factor:
    """
    Return the factor of a cell with permutations, where the AUC of the procedure is 0.5: theirs if it is the larger.

    They can only raise the default. A network varies less without a signal than with one (docs/method.md).

    Parameters
    ----------
    aucs, variances : array-like, shape (permutations,)
        The AUC of each permutation and its variance by `gliobench.evaluation.delong.variance_of_repeat`; pairs that
        are not numbers are left out.
    n_repeats : int
        Of the cross-validation.

    Returns
    -------
    Factor
        The mean square of the AUCs around 0.5 over the mean variance, or `default_factor` if that is larger, with fewer
        than `LEAST_PERMUTATIONS`, or without a variance, as with constant scores.
    """
    default = default_factor(n_repeats)
    found = np.column_stack([np.asarray(aucs, float), np.asarray(variances, float)])
    found = found[np.isfinite(found).all(axis=1)]
    if len(found) < LEAST_PERMUTATIONS or not found[:, 1].mean() > ROUNDING:
        return default
    ratio = float(((found[:, 0] - 0.5) ** 2).mean() / found[:, 1].mean())
    return Factor(ratio, f"from {len(found)} permutations") if ratio > default.value else default


def intervals(sample: Sample, seed: int, resamples: int, permuted_samples: Sequence[Sample] = ()) -> Found:
    """
    95 % intervals for every score of a sample.

    - Cross-validation, and any other repeated split: for the expected score of models trained on as many patients of
      this population (`retrained_intervals`).
    - One training part: for its fitted models, on patients such as those tested (`conditional_intervals`).
    - Leave-one-out: none. Its models share all patients but two, and one cannot tell how far they would move together
      with other patients (Bengio and Grandvalet 2004).

    Parameters
    ----------
    sample : Sample
        The predictions.
    seed, resamples : int
        As for `conditional_intervals`.
    permuted_samples : sequence of Sample
        The trainings of the same cell on permuted labels, one a permutation.

    """
    if sample.leaves_one_out:
        return Found(dict.fromkeys(METRICS, NONE), {LEAVE_ONE_OUT: []})
    if sample.n_splits == 1:
        return conditional_intervals(sample, seed, resamples)
    aucs = [float(auc(each, *unit_weights(each))) for each in permuted_samples]
    variances = [variance_of_repeat(auc_influence(each)) for each in permuted_samples]
    return retrained_intervals(sample, permuted_factor(aucs, variances, sample.n_whole_repeats))


def retrained_intervals(sample: Sample, factor: Factor) -> Found:
    """
    95 % intervals for the expected scores of models trained on other patients of the population, as many as here.

    The variance is that of a single repeat by the influence of its patients
    (`gliobench.evaluation.delong.variance_of_repeat`), times a factor for what training adds. The interval is symmetric
    on the logit scale (log loss: log; Matthews correlation: Fisher's z), so that it stays within the score's range.

    - A proportion (accuracy, precision, recall, specificity) with fewer than `EDGE_OF_PROPORTION` patients on one side
      has Wilson's interval, for so many patients divided by the factor.
    - An AUC of 1 or 0 has the bound of `conditional_intervals`, from so many pairs divided by the factor.

    Parameters
    ----------
    sample : Sample
        The predictions.
    factor : Factor
        Of the variance.
    """
    values = _values(sample)
    spread = {
        name: float(np.sqrt(factor.value * variance_of_repeat(influence)))
        for name, influence in zip(METRICS, influences(sample), strict=True)
    }
    ends = {name: _transformed(name, values[name], spread[name]) for name in METRICS}
    special = {
        "Wilson": _wilson(sample, (), factor.value),
        ONE_SIDED: _auc_bound(sample, values["auc"], factor.value),
    }
    return Found(*_combined(RETRAINED, values, ends, special), factor)


def _transformed(name: str, value: float, error: float) -> tuple[float, float]:
    """Return an interval that is symmetric on a scale without ends; not numbers at an end, or without a variance."""
    there, slope, back = SCALES.get(name, LOGIT)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = there(value)
        half = stats.norm.ppf((1 + CONFIDENCE) / 2) * error * slope(np.float64(value))
    if not (np.isfinite(middle) and np.isfinite(half) and error > NO_SPREAD):
        return NONE
    return float(back(middle - half)), float(back(middle + half))


def auc_interval(sample: Sample, area: float, influence: Influence, factor: Factor | None) -> tuple[float, float]:
    """
    95 % interval of an AUC of any pairs of patients, as `retrained_intervals` makes that of all pairs.

    Parameters
    ----------
    sample : Sample
        The pairs.
    area : float
        Their AUC.
    influence : Influence
        Of each patient on it.
    factor : Factor or None
        Of the variance; None for an interval that holds for the fitted models only.

    Returns
    -------
    (float, float)
        For an AUC of 0 or 1 the exact bound. Not numbers if no patient changes the AUC, or if a repeat tests a single
        patient of a label.
    """
    bound = _auc_bound(sample, area, 1.0 if factor is None else factor.value)
    return bound["auc"] if bound else _transformed("auc", area, _error(influence, factor))


@dataclass(frozen=True)
class Difference:
    """A difference between two AUCs: its 95 % interval and two-sided p, and how they were made."""

    low: float
    high: float
    p: float
    method: str


def paired_interval(difference: float, influence: Influence, factor: Factor | None) -> Difference | None:
    """
    95 % interval and p of a difference between two AUCs of the same patients.

    Parameters
    ----------
    difference : float
        The difference.
    influence : Influence
        Of each patient on it.
    factor : Factor or None
        Of the variance; None between single trainings: the interval is DeLong's and holds for the fitted models only.

    Returns
    -------
    Difference or None
        None if no patient changes the difference; not numbers if a repeat tests a single patient of a label.
    """
    return _normal_interval(difference, _error(influence, factor), _method(factor))


Estimate = tuple[Influence, Factor | None]  # of each patient on an AUC, and the factor of its variance


def independent_interval(difference: float, first: Estimate, second: Estimate) -> Difference | None:
    """
    95 % interval and p of a difference between two AUCs of independent patients: their variances add up.

    Parameters
    ----------
    difference : float
        The difference.
    first, second : (Influence, Factor or None)
        Of each AUC, as for `auc_interval`.

    Returns
    -------
    Difference or None
        None if no patient changes either; not numbers if a repeat tests a single patient of a label.
    """
    methods = dict.fromkeys(_method(factor) for _, factor in (first, second))
    error = float(np.hypot(_error(*first), _error(*second)))
    return _normal_interval(difference, error, f"independent samples; {' and '.join(methods)}")


def exact_difference(
    first: Sample, second: Sample, areas: tuple[float, float], factor: Factor | None
) -> Difference | None:
    """
    95 % interval and p of a difference between two AUCs that no patient changes, one of them 1 or 0.

    The other is at the other end, or is 0.5 because it scores everyone alike. An AUC at an end may be as far from it as
    makes winning, or losing, all pairs that share no patient as likely as 2.5 %; p is twice the probability of this
    where each pair is won with a probability of 0.5. So p is below 0.05 exactly where the interval excludes 0.

    Parameters
    ----------
    first, second : Sample
        The predictions.
    areas : (float, float)
        Their AUCs.
    factor : Factor or None
        Of the variance, by which the number of pairs is divided; None between single trainings.

    Returns
    -------
    Difference or None
        None if the AUCs are the same, or other ones, or if a patient is scored twice in a round.
    """
    at_end = [sample for sample, area in zip((first, second), areas, strict=True) if area in (0, 1)]
    others = [area for area in areas if area not in (0, 1)]
    alike = all(abs(area - 0.5) < ROUNDING for area in others)
    if areas[0] == areas[1] or not at_end or not alike or not all(map(_scored_once, at_end)):
        return None
    pairs = min(map(_separate_pairs, at_end)) / (1.0 if factor is None else factor.value)
    further = 1 - ((1 - CONFIDENCE) / 2) ** (1 / pairs)  # from its end, towards the other AUC
    difference = areas[0] - areas[1]
    nearest = difference - float(np.sign(difference)) * len(at_end) * further
    low, high = sorted((nearest, difference))
    return Difference(low, high, min(1.0, 2 * 0.5**pairs), _exact(factor))


def _normal_interval(difference: float, error: float, method: str) -> Difference | None:
    if error < ROUNDING:
        return None
    if np.isnan(error):
        return Difference(*NONE, float("nan"), method)
    half = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * error
    p = float(2 * stats.norm.sf(abs(difference) / error))
    return Difference(max(-1.0, difference - half), min(1.0, difference + half), p, method)


def _method(factor: Factor | None) -> str:
    return CONDITIONAL if factor is None else f"{RETRAINED}: {factor.value:.2f}"


def _exact(factor: Factor | None) -> str:
    of_models = "conditional on the fitted models"
    return f"{EXACT}, {of_models if factor is None else f'pairs divided by {factor.value:.2f} because training varies'}"


def _error(influence: Influence, factor: Factor | None) -> float:
    """Return the standard error of what the patients influence."""
    variance = variance_of_mean(influence) if factor is None else factor.value * variance_of_repeat(influence)
    return float(np.sqrt(variance))


def _values(sample: Sample) -> dict[str, float]:
    return dict(zip(METRICS, score(sample, *unit_weights(sample)).tolist(), strict=True))


def _combined(main: str, values: dict[str, float], ends: Ends, special: dict[str, Ends]) -> tuple[Ends, Methods]:
    """Let special methods step in for the main one, and say where; scores left without an interval are named."""
    for stepping_in in special.values():
        ends = ends | stepping_in
    undefined = [name for name, pair in ends.items() if np.isnan(pair).any() and not np.isnan(values[name])]
    methods = {method: list(stepping_in) for method, stepping_in in special.items()} | {UNDEFINED: undefined}
    return ends, {main: []} | {method: scores for method, scores in methods.items() if scores}


def conditional_intervals(sample: Sample, seed: int, resamples: int) -> Found:
    """
    95 % intervals for every score of the fitted models, by resampling the patients within label.

    A drawn patient brings its scores from all repeats and seeds. The interval is the bias-corrected and accelerated
    bootstrap (Efron 1987), except near 0 and 1, where the bootstrap is unreliable:

    - A proportion (accuracy, precision, recall, specificity) of a single round with fewer than `EDGE_OF_PROPORTION`
      patients on one side has Wilson's interval; so does one with an undefined bootstrap.
    - An AUC with ``min(AUC, 1 - AUC)`` times the patients of the rarer label below `EDGE_OF_AUC` has DeLong's
      interval on the logit scale; an AUC of 1 or 0 has an exact one-sided bound.

    If none of these is defined, for example because no resample changes the score, there is no interval.

    Parameters
    ----------
    sample : Sample
        The predictions.
    seed : int
        Seed of the resampling.
    resamples : int
        Number of resamples, at least 1.
    """
    values = _values(sample)
    ends = _bca(lambda *weights: score(sample, *weights), METRICS, sample, seed, resamples)
    special = {
        "Wilson": _wilson(sample, [name for name in METRICS if np.isnan(ends[name]).any()]),
        ONE_SIDED: _auc_bound(sample, values["auc"]),
        "logit DeLong": _auc_near_edge(sample, values["auc"]),
    }
    main = f"BCa bootstrap by patient within label, {resamples:,} resamples, conditional on the fitted models"
    return Found(*_combined(main, values, ends, special))


def conditional_auc(sample: Sample, seed: int, resamples: int) -> tuple[float, float]:
    """Return only the interval of the AUC, as `conditional_intervals` does."""
    value = float(auc(sample, *unit_weights(sample)))
    ends = _bca(lambda *weights: auc(sample, *weights)[None], ["auc"], sample, seed, resamples)
    return (ends | _auc_bound(sample, value) | _auc_near_edge(sample, value))["auc"]


def _bca(statistic: Statistic, names: Sequence[str], sample: Sample, seed: int, resamples: int) -> Ends:
    sizes = len(sample.positive.patients), len(sample.negative.patients)
    if min(sizes) < 2:
        return dict.fromkeys(names, NONE)
    resampled = resample(statistic, sizes, seed, resamples)
    return dict(zip(names, map(tuple, bca_intervals(resampled).tolist()), strict=True))


def _wilson(sample: Sample, unmoved: Collection[str], factor: float = 1.0) -> Ends:
    """
    Wilson's interval for proportions whose patients are scored once a round, near 0 and 1 or if unmoved.

    Counts are means over the rounds, divided by the factor of the variance.
    """
    if not _scored_once(sample) or (factor == 1 and sample.n_rounds > 1):
        return {}
    hits, misses, alarms, rejections = (count.mean() for count in confusion(sample, *unit_weights(sample)))
    totals = {
        "accuracy": hits + misses + alarms + rejections,
        "precision": hits + alarms,
        "recall": hits + misses,
        "specificity": rejections + alarms,
    }
    values = _values(sample)
    return {
        name: _wilson_ends(values[name], total / factor)
        for name, total in totals.items()
        if not np.isnan(values[name])
        and (name in unmoved or min(values[name], 1 - values[name]) * total < EDGE_OF_PROPORTION)
    }


def _wilson_ends(share: float, total: float) -> tuple[float, float]:
    low, high = proportion_confint(share * total, total, 1 - CONFIDENCE, method="wilson")
    return float(low), float(high)


def _auc_bound(sample: Sample, area: float, factor: float = 1.0) -> Ends:
    """
    Exact bound for an AUC of 1 or 0, from pairs that share no patient, divided by the factor of the variance.

    If each of `pairs` such pairs is won with probability AUC, all are won with probability AUC ** pairs.
    """
    if area not in (0, 1) or not _scored_once(sample):
        return {}
    bound = (1 - CONFIDENCE) ** (factor / _separate_pairs(sample))
    return {"auc": (bound, 1.0) if area == 1 else (0.0, 1 - bound)}


def _separate_pairs(sample: Sample) -> int:
    """Return how many pairs of patients of both labels that share no patient a round scores."""
    return sum(min(len(run.positive), len(run.negative)) for run in sample.runs if run.round == 0)


def _auc_near_edge(sample: Sample, area: float) -> Ends:
    smaller = min(len(sample.positive.patients), len(sample.negative.patients))
    if area in (0, 1) or smaller < 2 or not min(area, 1 - area) * smaller < EDGE_OF_AUC:
        return {}
    return {"auc": _transformed("auc", area, float(np.sqrt(variance_of_mean(auc_influence(sample)))))}


def _scored_once(sample: Sample) -> bool:
    """Whether no round scores a patient twice, so that its patients are independent."""
    return max(side.scores.max(initial=0) for side in (sample.positive, sample.negative)) <= 1
