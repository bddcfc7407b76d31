"""Models of scikit-learn as files that carry no code: the format of skops, in which nothing is a pickle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import skops.io
from sklearn.base import BaseEstimator

from gliobench.errors import GlioBenchError
from gliobench.files import whole

SUFFIX = ".skops"
# Beside what skops trusts: the estimators of scikit-learn, functions of NumPy, arrays, numbers and texts.
HARMLESS = (
    "numpy.dtype",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
)
# Whoever crafts a file of trees can crash the process that predicts with it, but run no code.
TREES = ("sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")


def save(model: BaseEstimator, path: Path, trusted: Sequence[str] = ()) -> None:
    """
    Write a fitted model.

    Parameters
    ----------
    model : sklearn.base.BaseEstimator
        Made of estimators of scikit-learn, and of types in `trusted`.
    path : Path
        The file.
    trusted : sequence of str
        As for `load`.

    Raises
    ------
    GlioBenchError
        `load` would refuse the file.
    """
    content = skops.io.dumps(model)
    _refuse_unknown(skops.io.get_untrusted_types(data=content), path, trusted)
    with whole(path) as temporary:
        temporary.write_bytes(content)


def load(path: Path, trusted: Sequence[str] = ()) -> Any:
    """
    Read a model that `save` wrote; no code from the file runs.

    Parameters
    ----------
    path : Path
        The file.
    trusted : sequence of str
        Full names of further types that it may hold, such as `TREES` for forests and gradient boosting.

    Raises
    ------
    GlioBenchError
        The file holds another type, a function, or no estimator.
    """
    _refuse_unknown(skops.io.get_untrusted_types(file=path), path, trusted)
    model = skops.io.load(path, trusted=[*HARMLESS, *trusted])
    if not isinstance(model, BaseEstimator):
        raise GlioBenchError(f"{path} holds no estimator of scikit-learn; train the run again, or give another.")
    return model


def _refuse_unknown(types: Sequence[str], path: Path, trusted: Sequence[str]) -> None:
    if unknown := sorted({*types} - {*HARMLESS, *trusted}):
        raise GlioBenchError(
            f"{path}: a model's file may not hold {', '.join(unknown)}, because it could do harm to whoever reads it; "
            "use other estimators, or name the type as trusted (docs/adding-an-approach.md#models-of-scikit-learn)."
        )
