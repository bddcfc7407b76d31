"""Numbers and categories in tables: logistic regression, random forest and support vector machine. scikit-learn."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from gliobench.files import whole
from gliobench.training import OnEpoch, Part
from gliobench.training.sklearn_session import no_weights, one_epoch, prepare

__all__ = ["SUFFIX", "Tabular", "before_folds", "build", "fit", "load", "predict", "prepare", "save"]
SUFFIX = ".npz"
UNKNOWN = -1.0  # marks a missing code; true codes are not negative
ALMOST = 1e-9  # least share of label 1 in a forest, for finite log odds; all others are further from 0 and 1
INNER_FOLDS = 5  # of the training patients, to choose C
Array = npt.NDArray[Any]


@dataclass
class Tabular:
    """
    A fitted pipeline, written out as arrays.

    Attributes
    ----------
    learner : {"logistic", "forest", "svm"}
        What ends the pipeline.
    arrays : dict of str to ndarray
        One entry per feature kept: ``position`` among all columns, ``code`` (of a category, whose feature is 0 or 1;
        NaN for a number), ``fill`` (replaces a missing value), ``mean`` and ``scale`` (of a number). And the learner's
        own: ``coefficient`` and ``intercept``; or ``support``, ``dual``, ``gamma`` and ``intercept``; or the nodes of
        all trees, ``left``, ``right``, ``feature``, ``threshold`` and ``share`` of label 1, with the ``root`` of each.
    """

    learner: str
    arrays: dict[str, Array] = field(default_factory=dict)


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> Tabular:
    """
    Return an untrained model.

    Parameters
    ----------
    shape : tuple of int
        Groups, 2 and columns of one input, as `gliobench.cohorts.features.read_features` makes them.
    parameters : dict
        As in ``config/approaches/tabular.yaml``.
    weights : str
        Only ``none``: there are no initial weights.
    """
    no_weights("tabular", weights)
    return Tabular(parameters["learner"])


def before_folds(inputs: Array, labels: Array, parameters: dict) -> Array:
    """
    Select features on all patients, if a variant does so on purpose: the columns not selected become absent.

    Parameters
    ----------
    inputs : ndarray
        Shape (patients, groups, 2, columns), test patients included.
    labels : ndarray
        Their labels, shape (patients,).
    parameters : dict
        Of the variant; changes nothing unless its ``selection`` is ``all patients``.
    """
    if parameters["selection"] != "all patients":
        return inputs
    pipeline = _preparation(inputs, parameters["features"]).fit(_flat(inputs), labels)
    kept = np.zeros(_flat(inputs).shape[1], dtype=bool)
    kept[_described(pipeline)["position"]] = True
    selected = inputs.copy()
    selected[:, :, 1] = np.where(kept.reshape(inputs.shape[1], -1), inputs[:, :, 1], np.nan)
    return selected


def fit(
    model: Tabular, phase: str, train: Part, validation: Part, parameters: dict, seed: int, on_epoch: OnEpoch
) -> int:
    """
    Fit to the training patients; validation patients are scored only.

    Returns
    -------
    int
        1: there are no epochs.
    """
    with one_epoch(train, validation, partial(predict, model), on_epoch):
        pipeline = _fitted(train, parameters, seed)
        model.arrays = _described(pipeline) | _ARRAYS[model.learner](pipeline, _flat(train.inputs))
    return 1


def predict(model: Tabular, inputs: Array) -> Array:
    """
    Return the log odds of label 1 for inputs of shape (n, groups, 2, columns).

    Those of ``svm`` are its decision values, which are not calibrated: only their ranks have a meaning.
    """
    log_odds: Array = _PREDICT[model.learner](model.arrays, _features(model.arrays, _flat(inputs)))
    return log_odds


def save(model: Tabular, path: Path) -> None:
    """Write every array: numbers only, no code."""
    with whole(path) as temporary:
        np.savez(temporary, allow_pickle=False, learner=np.array(model.learner), **model.arrays)


def load(path: Path) -> Tabular:
    """Read a model that `save` wrote."""
    with np.load(path) as kept:
        arrays = dict(kept)
    return Tabular(str(arrays.pop("learner")), arrays)


def _flat(inputs: Array) -> Array:
    """Return the values with groups and columns as one axis, group by group."""
    return inputs[:, :, 0].reshape(len(inputs), -1)


def _preparation(inputs: Array, most: int | None) -> Pipeline:
    """Return imputation, scaling and one-hot coding, then the selection of `most` features, if given."""
    kinds = inputs[0, :, 1].ravel()
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    codes = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=UNKNOWN, keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    parts = [("numbers", numbers, np.flatnonzero(kinds == 0)), ("codes", codes, np.flatnonzero(kinds == 1))]
    columns = ColumnTransformer([part for part in parts if len(part[2])])
    return make_pipeline(columns, "passthrough" if most is None else SelectKBest(_f, k=most))


def _f(values: Array, labels: Array) -> Array:
    """Return F of an analysis of variance for each feature, 0 for a constant one, which has none."""
    varies = np.ptp(values, axis=0) > 0
    scores = np.zeros(values.shape[1])
    if varies.any():
        scores[varies], _ = f_classif(values[:, varies], labels)
    return scores


def _learner(parameters: dict, penalty: float, seed: int) -> Any:
    if parameters["learner"] == "forest":
        return RandomForestClassifier(parameters["trees"], min_samples_leaf=parameters["leaf"], random_state=seed)
    if parameters["learner"] == "svm":
        return SVC(C=1.0, kernel="rbf", gamma="scale")
    return LogisticRegression(C=penalty, max_iter=10_000)


def _fitted(train: Part, parameters: dict, seed: int) -> Pipeline:
    """Return the pipeline fitted to the training patients."""
    most = parameters["features"] if parameters["selection"] == "training patients" else None
    preparation, values = _preparation(train.inputs, most), _flat(train.inputs)
    penalty = _penalty(preparation, values, train.labels, parameters, seed)
    pipeline = Pipeline([*preparation.steps, ("learner", _learner(parameters, penalty, seed))])
    return pipeline.fit(values, train.labels)


def _penalty(preparation: Pipeline, values: Array, labels: Array, parameters: dict, seed: int) -> float:
    """Return the C of the logistic regression with the best log loss in folds of the training patients."""
    low, high = np.log10(parameters["C"])
    grid = np.logspace(low, high, parameters["penalties"])
    folds = min(INNER_FOLDS, int(np.bincount(labels).min()))
    if parameters["learner"] != "logistic" or len(grid) == 1 or folds < 2:
        return float(grid[0])
    losses = np.zeros(len(grid))
    for inner, held_out in StratifiedKFold(folds, shuffle=True, random_state=seed).split(values, labels):
        features = preparation.fit_transform(values[inner], labels[inner])
        others = preparation.transform(values[held_out])
        for place, penalty in enumerate(grid):
            fitted = _learner(parameters, penalty, seed).fit(features, labels[inner])
            losses[place] += log_loss(labels[held_out], fitted.predict_proba(others)[:, 1], labels=[0, 1])
    return float(grid[losses.argmin()])


def _described(pipeline: Pipeline) -> dict[str, Array]:
    """Return the features that a fitted pipeline keeps, as `Tabular` has them."""
    columns, selection = pipeline[0], pipeline[1]
    parts: list[list[Array]] = []
    for name, _, positions in columns.transformers:
        imputer, coder = (step for _, step in columns.named_transformers_[name].steps)
        if name == "numbers":
            nothing = np.full(len(positions), np.nan)
            parts.append([positions, nothing, imputer.statistics_, coder.mean_, coder.scale_])
        else:
            codes = np.concatenate(coder.categories_)
            repeated = np.repeat(positions, [len(each) for each in coder.categories_])
            parts.append([repeated, codes, np.full(len(codes), UNKNOWN), np.zeros(len(codes)), np.ones(len(codes))])
    kept = slice(None) if isinstance(selection, str) else selection.get_support()
    names = ("position", "code", "fill", "mean", "scale")
    return {name: np.concatenate(values)[kept] for name, values in zip(names, zip(*parts, strict=True), strict=True)}


def _features(arrays: dict[str, Array], values: Array) -> Array:
    """Return the features that the learner reads, shape (n, features)."""
    chosen = values[:, arrays["position"]]
    filled = np.where(np.isnan(chosen), arrays["fill"], chosen)
    return np.where(np.isnan(arrays["code"]), (filled - arrays["mean"]) / arrays["scale"], filled == arrays["code"])


def _logistic_arrays(pipeline: Pipeline, values: Array) -> dict[str, Array]:
    return {"coefficient": pipeline[-1].coef_[0], "intercept": pipeline[-1].intercept_}


def _logistic(arrays: dict[str, Array], features: Array) -> Array:
    return np.asarray(features @ arrays["coefficient"] + arrays["intercept"])


def _svm_arrays(pipeline: Pipeline, values: Array) -> dict[str, Array]:
    machine, features = pipeline[-1], pipeline[:-1].transform(values)
    gamma = 1 / (features.shape[1] * (features.var() or 1 / features.shape[1]))  # scikit-learn's "scale"
    return {
        "support": machine.support_vectors_,
        "dual": machine.dual_coef_[0],
        "gamma": np.array(gamma),
        "intercept": machine.intercept_,
    }


def _svm(arrays: dict[str, Array], features: Array) -> Array:
    if not len(features):
        return np.empty(0)
    kernel = rbf_kernel(features, arrays["support"], gamma=float(arrays["gamma"]))
    return np.asarray(kernel @ arrays["dual"] + arrays["intercept"])


def _forest_arrays(pipeline: Pipeline, values: Array) -> dict[str, Array]:
    trees = [estimator.tree_ for estimator in pipeline[-1].estimators_]
    root = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    nodes = [
        {
            # Among the nodes of all trees; -1 marks a leaf.
            "left": np.where(tree.children_left < 0, -1, tree.children_left + first),
            "right": np.where(tree.children_right < 0, -1, tree.children_right + first),
            "feature": tree.feature,
            "threshold": tree.threshold,
            "share": tree.value[:, 0, 1] / tree.value[:, 0].sum(axis=1),
        }
        for tree, first in zip(trees, root, strict=True)
    ]
    return {"root": root} | {name: np.concatenate([each[name] for each in nodes]) for name in nodes[0]}


def _forest(arrays: dict[str, Array], features: Array) -> Array:
    """Return the log odds of the mean share of label 1 in the leaves that a patient falls into, over the trees."""
    features = features.astype(np.float32)  # as scikit-learn compares them
    node = np.tile(arrays["root"], (len(features), 1))
    row = np.arange(len(features))[:, None]
    while (inner := arrays["left"][node] >= 0).any():
        goes_left = features[row, np.maximum(arrays["feature"][node], 0)] <= arrays["threshold"][node]
        below = np.where(goes_left, arrays["left"][node], arrays["right"][node])
        node = np.where(inner, below, node)
    return np.asarray(logit(np.clip(arrays["share"][node].mean(axis=1), ALMOST, 1 - ALMOST)))


_ARRAYS = {"logistic": _logistic_arrays, "forest": _forest_arrays, "svm": _svm_arrays}
_PREDICT = {"logistic": _logistic, "forest": _forest, "svm": _svm}
