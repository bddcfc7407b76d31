"""
AUC within sites: what is left of an AUC where only patients of one hospital are compared.

Hospitals differ in their patients and in their scanners. A method that recognises the hospital ranks patients of
different hospitals well, and those of one hospital no better than chance. So the pairs behind an AUC are divided into
those of one known site and all others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from gliobench.evaluation.chance import permutation_p
from gliobench.evaluation.columns import LEAVE_ONE_SITE_OUT
from gliobench.evaluation.delong import Influence, auc_influence, by_repeat
from gliobench.evaluation.intervals import NONE, Factor, auc_interval, paired_interval
from gliobench.evaluation.metrics import Pairs, Sample, unit_weights, won_and_pairs
from gliobench.terms import OTHER


@dataclass(frozen=True)
class Divided:
    """
    An AUC divided by site: ``auc = weight * within + (1 - weight) * between``.

    Attributes
    ----------
    auc : float
        Of all pairs of patients scored by one run.
    within, between : float
        Of the pairs of one known site, and of all others; not numbers without such pairs.
    weight : float
        Share of the pairs that are of one known site. Each repeat and seed weighs the same, as in the AUC.
    """

    auc: float
    within: float
    between: float
    weight: float


def within_sites(sample: Sample, sites: pd.Series) -> Sample:
    """
    Keep the pairs of one run and one known site.

    Parameters
    ----------
    sample : Sample
        The predictions.
    sites : pandas.Series of str
        Site by patient_id, missing where unknown: such patients are in no pair.

    Returns
    -------
    Sample
        The same patients; each run is divided by site.
    """
    names = pd.Index(sites.dropna().unique())
    codes = [names.get_indexer(pd.Index(sites.reindex(group.patients))) for group in (sample.positive, sample.negative)]
    return replace(sample, runs=tuple(part for run in sample.runs for part in _by_site(run, codes[0], codes[1])))


def _by_site(run: Pairs, positive: np.ndarray, negative: np.ndarray) -> Iterator[Pairs]:
    of_high, of_low = positive[run.positive], negative[run.negative]
    for code in np.intersect1d(of_high[of_high >= 0], of_low):
        high, low = np.flatnonzero(of_high == code), np.flatnonzero(of_low == code)
        yield replace(
            run,
            positive=run.positive[high],
            negative=run.negative[low],
            wins=run.wins[np.ix_(high, low)],
            ahead=run.ahead[np.ix_(high, high)],
        )


def divide_auc(sample: Sample, inside: Sample) -> Divided:
    """
    Divide the AUC of a sample by site.

    Parameters
    ----------
    sample : Sample
        The predictions.
    inside : Sample
        The same from `within_sites`.
    """
    weights = unit_weights(sample)
    won, pairs = won_and_pairs(sample, *weights)
    if not pairs.all():  # a repeat without a pair: no AUC
        return Divided(*[float("nan")] * 4)
    won_inside, pairs_inside = won_and_pairs(inside, *weights)
    won_share, weight = float((won_inside / pairs).mean()), float((pairs_inside / pairs).mean())
    whole = float((won / pairs).mean())
    return Divided(
        auc=whole,
        within=won_share / weight if weight > 0 else float("nan"),
        between=(whole - won_share) / (1 - weight) if (pairs_inside < pairs).any() else float("nan"),
        weight=weight,
    )


def auc_within_site(sample: Sample, sites: pd.Series) -> float:
    """Return only the AUC of the pairs of one run and one known site; not a number without any."""
    return divide_auc(sample, within_sites(sample, sites)).within


def within_influence(sample: Sample, inside: Sample, divided: Divided) -> Influence:
    """Influence of each patient on the AUC within sites; `sample` and `inside` as for `divide_auc`."""
    pairs = won_and_pairs(sample, *unit_weights(sample))[1]
    sides = np.zeros_like(sample.positive.scores), np.zeros_like(sample.negative.scores)
    for run in inside.runs:
        excess = (run.wins - divided.within) / (pairs[run.round] * divided.weight)
        sides[0][run.positive, run.round] += excess.sum(axis=1)
        sides[1][run.negative, run.round] += excess.sum(axis=0)
    return by_repeat(sample, *sides)


def site_scores(
    sample: Sample, sites: pd.Series | None, factor: Factor | None, permuted_samples: Sequence[Sample | None] = ()
) -> tuple[dict[str, Any], list[str]]:
    """
    Score a sample within sites.

    Parameters
    ----------
    sample : Sample
        The predictions.
    sites : pandas.Series of str or None
        As for `within_sites`; None or without a known site: nothing is scored.
    factor : Factor or None
        Of the variance, as for the interval of the AUC.
    permuted_samples : sequence of Sample or None
        The test patients of trainings on labels permuted within sites; None for one without any.

    Returns
    -------
    dict
        Columns of the table ``metrics``. The interval of the difference is paired: both AUCs are of the same patients.
    list of str
        What is empty and why, one phrase each.
    """
    patients = pd.Index([*sample.positive.patients, *sample.negative.patients])
    if sites is None or sites.reindex(patients).isna().all():
        return {}, ["p_chance_within_site is empty: no patient has a known site"] if permuted_samples else []
    inside = within_sites(sample, sites)
    divided = divide_auc(sample, inside)
    columns: dict[str, Any] = {
        "auc_within_site": divided.within,
        "auc_between_sites": divided.between,
        "weight_within_site": divided.weight,
        "n_within_site": _at_mixed_sites(sample, sites),
    }
    if np.isnan(divided.within):
        return columns, ["auc_within_site is empty: no run scores patients of both labels of one known site"]
    aucs = [auc_within_site(one, sites) if one else float("nan") for one in permuted_samples]
    p, count = permutation_p(divided.within, aucs)
    columns |= {"p_chance_within_site": p, "n_permutations_within_site": count if permuted_samples else None}
    lost = len(permuted_samples) - count
    reasons = (
        [f"{lost} of {len(permuted_samples)} permutations within sites have no AUC and do not count"] if lost else []
    )
    return columns | _intervals(sample, inside, divided, factor), reasons


def _intervals(sample: Sample, inside: Sample, divided: Divided, factor: Factor | None) -> dict[str, float]:
    """Return the intervals of the AUC within sites, and of the AUC minus it."""
    of_within = within_influence(sample, inside, divided)
    ends = auc_interval(inside, divided.within, of_within, factor)
    difference = divided.auc - divided.within
    found = paired_interval(difference, auc_influence(sample).minus(of_within), factor)
    difference_ends = (found.low, found.high) if found else NONE
    names = ("auc_within_site", "auc_minus_within_site")
    pairs = dict(zip(names, (ends, difference_ends), strict=True))
    columns = {
        f"{name}_{end}": pair[place] for name, pair in pairs.items() for place, end in enumerate(("low", "high"))
    }
    return columns | {"auc_minus_within_site": difference}


def _at_mixed_sites(sample: Sample, sites: pd.Series) -> int:
    """Count the patients at known sites where patients of both labels are scored."""
    positive, negative = (sites.reindex(group.patients).dropna() for group in (sample.positive, sample.negative))
    return int(positive.isin(negative).sum() + negative.isin(positive).sum())


def sites_together(rows: pd.DataFrame, sites: pd.Series | None, protocol: str) -> str | None:
    """
    Say which sites were tested together as one, where whole sites are left out.

    Parameters
    ----------
    rows : pandas.DataFrame
        Predictions of test patients, with repeat, fold and patient_id.
    sites : pandas.Series of str or None
        Site by patient_id, missing where unknown.
    protocol : str
        Of the cell; only leave-one-site-out tests whole sites.
    """
    if sites is None or protocol != LEAVE_ONE_SITE_OUT:
        return None
    placed = rows.assign(site=rows["patient_id"].map(sites)).drop_duplicates(["fold", "patient_id"])
    together = placed.groupby("fold")["site"].transform(lambda found: found.nunique(dropna=False)) > 1
    mixed = placed[together | placed["site"].isna()]
    if mixed.empty:
        return None
    known, unknown = mixed["site"].dropna(), int(mixed["site"].isna().sum())
    parts = [f"{len(known)} patients of {known.nunique()} small sites"] if len(known) else []
    parts += [f"{unknown} of unknown site"] if unknown else []
    return f"{' and '.join(parts)} are tested together as `{OTHER}`"
