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
from sklearn.tree import DecisionTreeClassifier

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from gliobench.evaluation.bootstrap import bca_intervals, resample
from gliobench.evaluation.columns import METRICS
from gliobench.evaluation.delong import auc_influence, variance_of_mean
from gliobench.evaluation.intervals import conditional_intervals, default_factor, intervals
from gliobench.evaluation.metrics import Sample, auc, make_sample, score, unit_weights
from gliobench.evaluation.pairwise import Scored, independent_difference, paired_difference

INDEPENDENT = [  # positives, negatives, AUC
    *((60, 60, area) for area in (0.5, 0.7, 0.9, 0.95, 0.967, 0.983, 0.992)),
    *((30, 30, area) for area in (0.5, 0.9, 0.967)),
    *((15, 9, area) for area in (0.5, 0.667, 0.778, 0.889, 0.944)),
]
FOLDS = 5
LABELS = {60: (30, 30), 120: (60, 60), 585: (310, 275)}  # patients with label 1 and 0, multiples of the folds
N_FEATURES, INFORMATIVE, RIDGE = 20, 5, 1.0
AREAS = (0.5, 0.7, 0.85)
HELD_OUT = 0.15
NORMAL = stats.norm.ppf(0.975)

Array = np.ndarray[Any, Any]
Ends = tuple[float, float]
DrawSample = Callable[[int, float, int, np.random.Generator], Sample]
Learn = Callable[[Array, Array, Array, np.random.Generator], Array]


@dataclass(frozen=True)
class Procedure:
    """
    A way to train.

    Attributes
    ----------
    learn : callable
        From training features (models, patients, features), their labels (patients,), test features (models, patients,
        features) and a generator to the test scores (models, patients).
    features : (int, int)
        First and last (exclusive) of those it sees.
    """

    learn: Learn
    features: tuple[int, int] = (0, N_FEATURES)


def linear(train: Array, labels: Array, test: Array, rng: np.random.Generator) -> Array:
    """Linear discriminant with `RIDGE` added to the diagonal of the covariance."""
    sides = [train[:, labels == label].mean(axis=1) for label in (1, 0)]
    centred = train - np.where(labels[:, None] == 1, sides[0][:, None], sides[1][:, None])
    return np.einsum("mpf,mf->mp", test, _direction(np.swapaxes(centred, 1, 2) @ centred, len(labels), *sides))


def _direction(scatter: Array, size: int, high: Array, low: Array) -> Array:
    covariance = scatter / size + RIDGE * np.eye(scatter.shape[-1])
    return np.linalg.solve(covariance, (high - low)[..., None])[..., 0]


def network(train: Array, labels: Array, test: Array, rng: np.random.Generator) -> Array:
    """Train one hidden layer of 8 units by Adam for 60 steps with weight decay; all models at once."""
    train, test = train.astype("f4"), test.astype("f4")
    models, size, features = train.shape
    weights = [
        (rng.normal(size=(models, features, 8)) * np.sqrt(2 / features)).astype("f4"),
        np.zeros((models, 1, 8), "f4"),
        (rng.normal(size=(models, 8, 1)) * np.sqrt(1 / 8)).astype("f4"),
        np.zeros((models, 1, 1), "f4"),
    ]
    first, second = ([np.zeros_like(values) for values in weights] for _ in range(2))
    turned = np.ascontiguousarray(train.transpose(0, 2, 1))
    for step in range(1, 61):
        hidden = np.maximum(train @ weights[0] + weights[1], 0)
        error = (expit(hidden @ weights[2] + weights[3]) - labels[None, :, None].astype("f4")) / size
        below = (error * weights[2].transpose(0, 2, 1)) * (hidden > 0)
        slopes = [
            turned @ below + 0.01 * weights[0],
            below.sum(axis=1, keepdims=True),
            hidden.transpose(0, 2, 1) @ error + 0.01 * weights[2],
            error.sum(axis=1, keepdims=True),
        ]
        for place, slope in enumerate(slopes):
            first[place] = 0.9 * first[place] + 0.1 * slope
            second[place] = 0.99 * second[place] + 0.01 * slope**2
            change = (first[place] / (1 - 0.9**step)) / (np.sqrt(second[place] / (1 - 0.99**step)) + 1e-8)
            weights[place] = weights[place] - np.float32(0.03) * change
    return (np.maximum(test @ weights[0] + weights[1], 0) @ weights[2] + weights[3])[..., 0]


def forest(train: Array, labels: Array, test: Array, rng: np.random.Generator) -> Array:
    """Random forest of 20 trees, at least 3 patients a leaf."""
    total = np.zeros(test.shape[:2])
    for model, (seen, unseen) in enumerate(zip(train.astype("f4"), test.astype("f4"), strict=True)):
        for _ in range(20):
            drawn = np.bincount(rng.integers(0, len(labels), len(labels)), minlength=len(labels)).astype(float)
            tree = DecisionTreeClassifier(
                max_features="sqrt", min_samples_leaf=3, random_state=int(rng.integers(1 << 31))
            )
            tree.fit(seen, labels, sample_weight=drawn, check_input=False)
            total[model] += tree.tree_.predict(unseen)[:, 1]
    return total


PROCEDURES = {"linear": Procedure(linear), "network": Procedure(network), "forest": Procedure(forest)}
HALF = Procedure(linear, (0, N_FEATURES // 2))  # what "linear" is compared with; the others with "linear"


def draw(shape: tuple[int, ...], sizes: tuple[int, int], signal: float, rng: np.random.Generator) -> Array:
    """Draw patients (..., label 1 then label 0, features) whose labels are `signal` apart."""
    patients = rng.normal(size=(*shape, sum(sizes), N_FEATURES))
    apart = np.zeros(N_FEATURES)
    apart[:: N_FEATURES // INFORMATIVE] = signal / np.sqrt(INFORMATIVE)
    patients[..., : sizes[0], :] += apart / 2
    patients[..., sizes[0] :, :] -= apart / 2
    return patients


def true_auc(procedure: Procedure, sizes: tuple[int, int], signal: float, draws: int, seed: int) -> float:
    """Return the mean AUC, on 500 new patients a label, of models trained on one fold less than `sizes`."""
    rng = np.random.default_rng(seed)
    fewer = tuple(size * (FOLDS - 1) // FOLDS for size in sizes)
    labels = np.repeat([1, 0], fewer)
    areas = []
    for _ in range(draws // 20):
        train = draw((20,), (fewer[0], fewer[1]), signal, rng)[..., slice(*procedure.features)]
        test = draw((20,), (500, 500), signal, rng)[..., slice(*procedure.features)]
        scores = procedure.learn(train, labels, test, rng)
        ranks = stats.rankdata(scores, axis=1)[:, :500].sum(axis=1)
        areas.append((ranks - 500 * 501 / 2) / 500**2)
    return float(np.mean(areas))


def signal_for(procedure: Procedure, sizes: tuple[int, int], area: float) -> float:
    """Find the signal that gives the procedure an expected AUC of `area`."""
    if area == 0.5:
        return 0.0
    low, high = 0.0, 5.0
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if true_auc(procedure, sizes, middle, 200, 5) < area else (low, middle)
    return (low + high) / 2


def draw_folds(sizes: tuple[int, int], repeats: int, rng: np.random.Generator) -> Array:
    """Draw stratified folds: patients of shape (repeats, folds, patients), label 1 first."""
    sides = [
        start + rng.permuted(np.tile(np.arange(size), (repeats, 1)), axis=1).reshape(repeats, FOLDS, -1)
        for start, size in ((0, sizes[0]), (sizes[0], sizes[1]))
    ]
    return np.concatenate(sides, axis=2)


def cross_validate(procedure: Procedure, patients: Array, folds: Array, high: int, rng: np.random.Generator) -> Array:
    """
    Score every patient by models trained without its fold.

    Parameters
    ----------
    procedure : Procedure
        The procedure.
    patients : ndarray, shape (copies, patients, features)
        The sample and its permuted copies.
    folds : ndarray, shape (repeats, folds, patients)
        As drawn.
    high : int
        Patients of a fold with label 1.

    Returns
    -------
    ndarray, shape (copies, repeats, folds, patients)
        The scores.
    """
    parts = patients[:, folds][..., slice(*procedure.features)]
    if procedure.learn is linear:
        return _cross_validate_linear(parts, high)
    labels = np.tile(np.arange(parts.shape[3]) < high, FOLDS - 1).astype(int)
    scores = np.empty(parts.shape[:-1])
    for fold in range(FOLDS):
        train = np.delete(parts, fold, axis=2)
        train = train.reshape(-1, len(labels), parts.shape[-1])
        test = parts[:, :, fold].reshape(len(train), -1, parts.shape[-1])
        scores[:, :, fold] = procedure.learn(train, labels, test, rng).reshape(scores[:, :, fold].shape)
    return scores


def _cross_validate_linear(parts: Array, high: int) -> Array:
    """Train `linear` from sums over folds: the same scores, many times faster."""
    return np.einsum(
        "crfmp,crfp->crfm", parts, _directions(parts, high, lambda sums: sums.sum(axis=2, keepdims=True) - sums)
    )


def _directions(parts: Array, high: int, leave: Callable[[Array], Array]) -> Array:
    sums = [leave(parts[..., rows, :].sum(axis=-2)) for rows in (slice(high), slice(high, None))]
    squares = leave(np.swapaxes(parts, -1, -2) @ parts)
    n_left = leave(np.ones((1, 1, FOLDS))).ravel().max()
    sizes = [n_left * high, n_left * (parts.shape[-2] - high)]
    means = [total / size for total, size in zip(sums, sizes, strict=True)]
    within = sum(size * mean[..., :, None] * mean[..., None, :] for size, mean in zip(sizes, means, strict=True))
    return _direction(squares - within, int(sum(sizes)), *means)


@dataclass(frozen=True)
class Placements:
    """
    Shares of the other label that each patient of a run beats, or loses to.

    Attributes
    ----------
    high, low : ndarray, shape (copies, repeats, folds, patients of a label)
        Of label 1 and of label 0; of a difference, the differences.
    """

    high: Array
    low: Array

    @classmethod
    def of(cls, scores: Array, high: int) -> "Placements":
        """Compare the scores of each run."""
        wins = np.greater(scores[..., :high, None], scores[..., None, high:]).astype("f4")
        wins += 0.5 * np.equal(scores[..., :high, None], scores[..., None, high:])
        return cls(wins.mean(axis=-1, dtype=float), wins.mean(axis=-2, dtype=float))

    def minus(self, other: "Placements") -> "Placements":
        """Subtract another procedure's."""
        return Placements(self.high - other.high, self.low - other.low)

    @property
    def by_fold(self) -> Array:
        """AUC of each run: (copies, repeats, folds)."""
        return self.high.mean(axis=-1)

    @property
    def auc(self) -> Array:
        """AUC of each copy."""
        return self.by_fold.mean(axis=(1, 2))

    def variance(self, centre: Array, correct: bool) -> Array:
        """Variance of a repeat's AUC from placements around `centre`, mean over the repeats: (copies,)."""
        parts = []
        for side in (self.high, self.low):
            size = side.shape[-1] * FOLDS
            squares = ((side - centre) ** 2).sum(axis=(-1, -2))
            parts.append(squares / size / (size - 1 if correct else size))
        return sum(parts).mean(axis=1)

    @property
    def ledell(self) -> Array:
        """LeDell's variance, around the AUC of each fold: (copies,)."""
        return self.variance(self.by_fold[..., None], correct=False)

    @property
    def influence(self) -> Array:
        """The tables' variance of a repeat, around its AUC: (copies,)."""
        return self.variance(self.by_fold.mean(axis=2)[:, :, None, None], correct=True)

    def conditional(self, folds: Array) -> float:
        """Variance of the first copy's AUC over patients, the models held fixed."""
        total = 0.0
        high = self.high.shape[-1]
        for side, members in ((self.high[0], folds[..., :high]), (self.low[0], folds[..., high:])):
            excess = side - self.by_fold[0].mean(axis=1)[:, None, None]
            size = side.shape[-1] * FOLDS
            influence = np.bincount(members.ravel() - members.min(), excess.ravel()) / size / len(side)
            total += (influence**2).sum() * size / (size - 1)
        return total

    @property
    def of_fold(self) -> Array:
        """DeLong's variance of each run of the first copy: (repeats, folds)."""
        return sum(side[0].var(axis=-1, ddof=1) / side.shape[-1] for side in (self.high, self.low))


def candidates(placed: Placements, folds: Array, centre: float) -> dict[str, tuple[float, float]]:
    """
    Return the variance of each candidate, and the degrees of freedom of its quantile.

    Parameters
    ----------
    placed : Placements
        Of the sample and its permuted copies.
    folds : ndarray
        As drawn.
    centre : float
        The truth on permuted labels: 0.5, or 0 for a difference.
    """
    runs = placed.by_fold[0]
    influence, ledell = placed.influence, placed.ledell
    beyond = max(0.0, runs.var(axis=1, ddof=1).mean() - placed.of_fold.mean())
    found = {
        "conditional": placed.conditional(folds),
        "LeDell": ledell[0],
        "LeDell x 1.5": 1.5 * ledell[0],
        "training component": ledell[0] + beyond,
        "within repeat": influence[0],
        "tables": default_factor(len(runs)).value * influence[0],
    }
    if len(influence) > 1:
        null = np.mean((placed.auc[1:] - centre) ** 2)
        found["LeDell, permuted"] = max(1.0, null / ledell[1:].mean()) * ledell[0]
        found["within repeat, permuted"] = max(1.0, null / influence[1:].mean()) * influence[0]
        found["tables, permuted"] = max(default_factor(len(runs)).value, null / influence[1:].mean()) * influence[0]
    nadeau = (1 / runs.size + 1 / (FOLDS - 1)) * runs.var(ddof=1)
    return {name: (float(value), np.inf) for name, value in found.items()} | {
        "Nadeau-Bengio": (float(nadeau), runs.size - 1.0)
    }


def bates(placed: Placements, patients: Array, folds: Array, high: int) -> float:
    """
    Return the variance by nested cross-validation (Bates, Hastie and Tibshirani 2023), for `linear` only.

    The mean squared difference of the inner estimate and the left-out fold, less the variance of that fold, between
    LeDell's variance and `FOLDS` times it.
    """
    parts = patients[:1][:, folds]

    def without_two(sums: Array) -> Array:
        return sums.sum(axis=2)[:, :, None, None] - sums[:, :, :, None] - sums[:, :, None]

    inner = np.einsum("crjmp,crijp->crijm", parts, _directions(parts, high, without_two))[0]
    areas = Placements.of(inner, high).by_fold
    apart = ~np.eye(FOLDS, dtype=bool)
    estimates = (areas * apart).sum(axis=2) / (FOLDS - 1)
    squares = ((estimates - placed.by_fold[0]) ** 2 - placed.of_fold).mean() * (FOLDS - 1) / FOLDS
    return float(np.clip(squares, placed.ledell[0], FOLDS * placed.ledell[0]))


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
    ends = [intervals(sample, 0).ends for sample in drawn]
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
