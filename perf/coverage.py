"""
How often 95 % intervals of the AUC miss what they should cover, and how wide they are.

Cross-validation: the truth is the expected AUC of models trained on n (1 - 1/5) patients of the population. Patients
are normal, the labels differ in their means, and each procedure is trained anew in every fold of a stratified 5-fold,
on the sample and on copies with permuted labels. The signal is such that the procedure's expected AUC is as stated.
All candidates are measured on the same samples; the ideal half-width is 1.96 standard deviations of the estimate.

Independent scores: normal scores of known AUC, one model, redrawn each time. The tables' interval for a single training
part is measured along with each of its methods alone. Samples with an AUC of 1 or 0 have neither, and count only for
the tables' interval.

Studies: the interval of the command ``compare``, between two studies of one procedure or of two, cross-validated on
other folds of the same patients, or on patients drawn anew.

Scores, hold-outs: the tables' own function on linear models, cross-validated or tested on repeated hold-outs; the truth
is the mean over the samples.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit, ndtr

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from perf.placements import Placements, bates, candidates
from perf.procedures import (
    FOLDS,
    HALF,
    PROCEDURES,
    Array,
    Procedure,
    cross_validate,
    draw,
    draw_folds,
    linear,
    signal_for,
    true_auc,
)

from gliobench.evaluation.bootstrap import bca_intervals, resample
from gliobench.evaluation.columns import METRICS
from gliobench.evaluation.delong import auc_influence, variance_of_mean
from gliobench.evaluation.intervals import conditional_intervals, intervals
from gliobench.evaluation.metrics import Sample, auc, make_sample, score, unit_weights
from gliobench.evaluation.pairwise import Scored, independent_difference, paired_difference

INDEPENDENT = [  # positives, negatives, AUC
    *((60, 60, area) for area in (0.5, 0.7, 0.9, 0.95, 0.967, 0.983, 0.992)),
    *((30, 30, area) for area in (0.5, 0.9, 0.967)),
    *((15, 9, area) for area in (0.5, 0.667, 0.778, 0.889, 0.944)),
]
LABELS = {60: (30, 30), 120: (60, 60), 585: (310, 275)}  # patients with label 1 and 0, multiples of the folds
AREAS = (0.5, 0.7, 0.85)
HELD_OUT = 0.15
NORMAL = stats.norm.ppf(0.975)
RESAMPLES = 10_000  # of a bootstrap, where an interval is for fitted models

Ends = tuple[float, float]
DrawSample = Callable[[int, float, int, np.random.Generator], Sample]


def logit_ends(value: float, variance: float, freedom: float) -> Ends:
    """Return an interval on the logit scale."""
    if not 0 < value < 1:
        return float("nan"), float("nan")
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance) / (value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half))


def plain_ends(value: float, variance: float, freedom: float) -> Ends:
    """Return an interval for a difference."""
    half = float(stats.t.ppf(0.975, freedom) * np.sqrt(variance))
    return value - half, value + half


@dataclass
class Tally:
    """Estimates of one quantity, with the ends of each candidate's interval."""

    truth: float
    ends_of: Callable[[float, float, float], Ends]

    def __post_init__(self) -> None:
        self.estimates: list[float] = []
        self.ends: dict[str, list[Ends]] = {}

    def add(self, estimate: float, variances: dict[str, tuple[float, float]]) -> None:
        """Keep one sample."""
        self.estimates.append(estimate)
        for name, (variance, freedom) in variances.items():
            self.ends.setdefault(name, []).append(self.ends_of(estimate, variance, freedom))

    def row(self) -> dict[str, Any]:
        """Return miss rates and half-widths; an interval without ends has missed, and has no width."""
        rates = {}
        for name, pairs in self.ends.items():
            low, high = np.array(pairs).T
            missed = ~((low <= self.truth) & (self.truth <= high))
            rates[name] = {"missed": float(missed.mean()), "half": float(np.nanmean(high - low) / 2)}
        spread = float(np.std(self.estimates, ddof=1))
        return {
            "n": len(self.estimates), "truth": self.truth, "mean": float(np.mean(self.estimates)),
            "ideal": NORMAL * spread, "candidates": rates,
        }  # fmt: skip


def measure_procedure(
    name: str, size: int, area: float, samples: int, permutations: int, repeats: int
) -> Iterator[dict[str, Any]]:
    """Measure the candidates for the AUC of a procedure, and for its difference from another."""
    procedure = PROCEDURES[name]
    other = HALF if name == "linear" else PROCEDURES["linear"]
    sizes = LABELS[size]
    high = sizes[0] // FOLDS
    signal = signal_for(procedure, sizes, area)
    truths = [0.5 if area == 0.5 else true_auc(one, sizes, signal, 1000, 11) for one in (procedure, other)]
    alone, apart = Tally(truths[0], logit_ends), Tally(truths[0] - truths[1], plain_ends)
    rng = np.random.default_rng(size)
    for _ in range(samples):
        patients = draw((), sizes, signal, rng)
        folds = draw_folds(sizes, repeats, rng)
        copies = np.stack([patients, *(rng.permutation(patients) for _ in range(permutations))])
        first, second = (
            Placements.of(cross_validate(one, copies, folds, high, rng), high) for one in (procedure, other)
        )
        found = candidates(first, folds, 0.5)
        if name == "linear":
            found["Bates"] = (bates(first, copies, folds, high), np.inf)
        alone.add(float(first.auc[0]), found)
        difference = first.minus(second)
        apart.add(float(difference.auc[0]), candidates(difference, folds, 0.0))
    head = {"procedure": name, "patients": size, "auc": area, "repeats": repeats}
    yield head | {"what": "score"} | alone.row()
    yield head | {"what": "difference"} | apart.row()


def independent_sample(positives: int, negatives: int, area: float, rng: np.random.Generator) -> Sample:
    """Return scores of one model that has an AUC of `area` in the population."""
    labels = np.repeat([1, 0], [positives, negatives])
    scores = rng.normal(labels * np.sqrt(2) * stats.norm.ppf(area), 1)
    patients = [f"{number:03d}" for number in range(len(labels))]
    rows = pd.DataFrame({"patient_id": patients, "label": labels, "probability": ndtr(scores), "log_odds": scores})
    return make_sample(rows.assign(repeat=0, seed_index=0, fold=0))


def bootstrap_interval(sample: Sample, seed: int, resamples: int) -> Ends:
    """Return the BCa interval of the AUC, wherever it lies."""
    sizes = len(sample.positive.patients), len(sample.negative.patients)
    low, high = bca_intervals(resample(lambda *weights: auc(sample, *weights)[None], sizes, seed, resamples))[0]
    return float(low), float(high)


def measure_independent(positives: int, negatives: int, area: float, n: int, resamples: int) -> dict[str, Any]:
    """Return miss rates on `n` samples of one model's scores."""
    rng = np.random.default_rng(1)
    missed: dict[str, list[bool]] = {"tables": [], "bootstrap": [], "logit_delong": []}
    for seed in range(n):
        sample = independent_sample(positives, negatives, area, rng)
        point = float(auc(sample, *unit_weights(sample)))
        ends = {
            "tables": conditional_intervals(sample, seed, resamples).ends["auc"],
            "bootstrap": bootstrap_interval(sample, seed, resamples),
            "logit_delong": logit_ends(point, variance_of_mean(auc_influence(sample)), np.inf),
        }
        for name, (low, high) in ends.items():
            if not np.isnan([low, high]).any():
                missed[name].append(not low <= area <= high)
    rates = {name: float(np.mean(values)) for name, values in missed.items()}
    return {"positives": positives, "negatives": negatives, "auc": area, "n": len(missed["tables"])} | rates


def cross_validated_sample(size: int, signal: float, repeats: int, rng: np.random.Generator) -> Sample:
    """Return the tables' sample of `linear`, cross-validated; its scores are taken as log odds."""
    return make_sample(cross_validated_rows(PROCEDURES["linear"], draw((), LABELS[size], signal, rng), repeats, rng))


def cross_validated_rows(procedure: Procedure, patients: Array, repeats: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return the tables' predictions of a procedure, cross-validated on folds of its own."""
    size = len(patients)
    sizes = LABELS[size]
    folds = draw_folds(sizes, repeats, rng)
    scores = cross_validate(procedure, patients[None], folds, sizes[0] // FOLDS, rng)[0]
    places = np.indices(folds.shape)
    rows = pd.DataFrame({"repeat": places[0].ravel(), "fold": places[1].ravel(), "log_odds": scores.ravel()})
    names = np.array([f"{number:03d}" for number in range(size)])[folds.ravel()]
    labels = (folds.ravel() < sizes[0]).astype(int)
    return rows.assign(patient_id=names, label=labels, seed_index=0, probability=expit(rows["log_odds"]))


def measure_studies(size: int, area: float, samples: int, repeats: int) -> Iterator[dict[str, Any]]:
    """Measure the interval of a difference between two studies, of `linear` and of it and `HALF`."""
    procedure = PROCEDURES["linear"]
    signal = signal_for(procedure, LABELS[size], area)
    truths = [0.5 if area == 0.5 else true_auc(one, LABELS[size], signal, 1000, 11) for one in (procedure, HALF)]
    for words, other, truth in (("same procedure", procedure, 0.0), ("half the features", HALF, truths[0] - truths[1])):
        for drawn, compare in (("other folds", paired_difference), ("other patients", independent_difference)):
            rng = np.random.default_rng(size)
            tally = Tally(truth, plain_ends)
            for _ in range(samples):
                patients = draw((), LABELS[size], signal, rng)
                others = patients if drawn == "other folds" else draw((), LABELS[size], signal, rng)
                ours, theirs = (
                    Scored({}, is_last=True, rows=cross_validated_rows(one, whom, repeats, rng))
                    for one, whom in ((procedure, patients), (other, others))
                )
                found = compare(ours, theirs)
                half = (found["high"] - found["low"]) / 2
                tally.add(found["difference"], {"tables": ((half / NORMAL) ** 2, np.inf)})
            head = {"procedure": "linear", "patients": size, "auc": area, "repeats": repeats}
            yield head | {"what": f"{words}, {drawn}"} | tally.row()


def held_out_sample(size: int, signal: float, repeats: int, rng: np.random.Generator) -> Sample:
    """Return the tables' sample of `linear`, trained on 85 % of each label and tested on the others, several times."""
    sizes = LABELS[size]
    patients = draw((), sizes, signal, rng)
    runs = []
    for repeat in range(repeats):
        sides = (rng.permutation(sizes[0]), sizes[0] + rng.permutation(sizes[1]))
        tested = np.concatenate([side[: round(HELD_OUT * len(side))] for side in sides])
        trained = np.setdiff1d(np.arange(size), tested)
        scores = linear(patients[None, trained], (trained < sizes[0]).astype(int), patients[None, tested], rng)[0]
        names = [f"{patient:03d}" for patient in tested]
        runs.append(
            pd.DataFrame({"repeat": repeat, "patient_id": names, "label": tested < sizes[0], "log_odds": scores})
        )
    rows = pd.concat(runs).astype({"label": int}).assign(fold=0, seed_index=0)
    return make_sample(rows.assign(probability=expit(rows["log_odds"])))


def measure_scores(
    draw_sample: DrawSample, size: int, area: float, samples: int, repeats: int
) -> Iterator[dict[str, Any]]:
    """Measure the tables' intervals of every score; an interval that is undefined does not count."""
    signal = signal_for(PROCEDURES["linear"], LABELS[size], area)
    rng = np.random.default_rng(size)
    drawn = [draw_sample(size, signal, repeats, rng) for _ in range(samples)]
    values = np.array([score(sample, *unit_weights(sample)) for sample in drawn])
    ends = [intervals(sample, 0, RESAMPLES).ends for sample in drawn]
    for place, name in enumerate(METRICS):
        truth, pairs = np.nanmean(values[:, place]), np.array([pair[name] for pair in ends])
        low, high = pairs[~np.isnan(pairs).any(axis=1)].T
        yield {
            "score": name, "patients": size, "auc": area, "repeats": repeats, "n": len(low), "truth": float(truth),
            "missed": float(1 - np.mean((low <= truth) & (truth <= high))), "half": float(np.mean(high - low) / 2),
            "ideal": float(NORMAL * np.nanstd(values[:, place], ddof=1)),
        }  # fmt: skip


DRAWN = {"scores": cross_validated_sample, "hold-outs": held_out_sample}


def in_words(row: dict[str, Any]) -> str:
    """Set one measurement in a line or a few."""
    if "candidates" in row:
        head = "{procedure}, {patients} patients, {repeats} repeats, AUC {auc}, {what}".format(**row)
        lines = [
            f"{head}: truth {row['truth']:.3f}, mean {row['mean']:.3f}, ideal {row['ideal']:.3f}, {row['n']} samples"
        ]
        lines += [f"  {name:24} {rate['missed']:6.1%} {rate['half']:7.3f}" for name, rate in row["candidates"].items()]
        return "\n".join(lines)
    if "score" in row:
        line = "{score:17} {patients} patients, {repeats} repeats, AUC {auc}: missed {missed:.1%}, half {half:.3f}, "
        return (line + "ideal {ideal:.3f}, {n} samples").format(**row)
    line = "{positives}/{negatives}, AUC {auc}: tables {tables:.1%}, bootstrap {bootstrap:.1%}, "
    return (line + "logit DeLong {logit_delong:.1%}, {n} samples").format(**row)


def measurements(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure what was asked for."""
    if options.only == "independent":
        for case in INDEPENDENT:
            yield measure_independent(*case, options.samples, options.resamples)
        return
    for size in options.patients:
        for area in options.auc:
            if options.only == "studies":
                yield from measure_studies(size, area, options.samples, options.repeats)
            elif options.only in DRAWN:
                yield from measure_scores(DRAWN[options.only], size, area, options.samples, options.repeats)
            else:
                yield from measure_procedure(
                    options.only, size, area, options.samples, options.permutations, options.repeats
                )


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("only", choices=(*PROCEDURES, *DRAWN, "independent", "studies"), help="what is measured")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--samples", type=int, default=1000, help="simulated samples (default 1000)")
    parser.add_argument("--patients", type=int, nargs="+", default=[120], choices=LABELS, help="(default 120)")
    parser.add_argument("--auc", type=float, nargs="+", default=AREAS, help="of the procedure (default 0.5 0.7 0.85)")
    parser.add_argument("--repeats", type=int, default=5, help="of the cross-validation (default 5)")
    parser.add_argument("--permutations", type=int, default=19, help="permuted copies of a sample (default 19)")
    parser.add_argument("--resamples", type=int, default=500, help="behind each bootstrap interval (default 500)")
    options = parser.parse_args()
    for row in measurements(options):
        print(json.dumps(row) if options.json else in_words(row), flush=True)


if __name__ == "__main__":
    main()
