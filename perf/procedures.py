"""
Procedures that `perf/coverage.py` trains, and the patients on whom.

Patients are normal, the labels differ in their means, and each procedure is trained anew in every fold of a stratified
5-fold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import expit
from sklearn.tree import DecisionTreeClassifier

FOLDS = 5
N_FEATURES, INFORMATIVE, RIDGE = 20, 5, 1.0

Array = np.ndarray[Any, Any]
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
        "crfmp,crfp->crfm", parts, directions(parts, high, lambda sums: sums.sum(axis=2, keepdims=True) - sums)
    )


def directions(parts: Array, high: int, leave: Callable[[Array], Array]) -> Array:
    """Return the weights of `linear` in each fold, trained on the folds whose sums `leave` keeps."""
    sums = [leave(parts[..., rows, :].sum(axis=-2)) for rows in (slice(high), slice(high, None))]
    squares = leave(np.swapaxes(parts, -1, -2) @ parts)
    n_left = leave(np.ones((1, 1, FOLDS))).ravel().max()
    sizes = [n_left * high, n_left * (parts.shape[-2] - high)]
    means = [total / size for total, size in zip(sums, sizes, strict=True)]
    within = sum(size * mean[..., :, None] * mean[..., None, :] for size, mean in zip(sizes, means, strict=True))
    return _direction(squares - within, int(sum(sizes)), *means)
