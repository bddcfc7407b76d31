"""Baselines: training prevalence, acquisition parameters, intensity statistics, site, order of ids. scikit-learn."""

from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from scipy.special import logit
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from gliobench.files import read_json, write_json
from gliobench.inputs.facts import CATEGORICAL, HEADER, INTENSITY
from gliobench.training import OnEpoch, Part
from gliobench.training.sklearn_session import no_weights, one_epoch, prepare

__all__ = ["SUFFIX", "Baseline", "build", "fit", "load", "predict", "prepare", "save"]
SUFFIX = ".json"
NAMES = (*HEADER, *INTENSITY)
SITE, ID_ORDER = "site", "id_order"  # features that need no image: the place of each from the end of a channel's
FEATURES = {"none": (), "header": HEADER, "intensity": INTENSITY, SITE: (), ID_ORDER: ()}  # of the series
PLACE = {SITE: -2, ID_ORDER: -1}
FEATURES_A_CHANNEL = len(NAMES) + len(PLACE)
CLIP = 1e-6  # of shares of 0 and 1, whose log odds are infinite
UNKNOWN = -1.0  # marks a missing code; true codes are not negative


@dataclass
class Baseline:
    """
    A logistic regression with explicit coefficients, or shares of label 1 by site or along the order of ids.

    Attributes
    ----------
    features : {"none", "header", "intensity", "site", "id_order"}
        The features it may use.
    intercept : float
        Log odds where every term is zero, or nothing is known.
    numbers : list of dict
        One per feature: ``channel``, ``feature``, ``fill`` (replaces a missing value), ``mean``, ``scale``,
        ``coefficient`` (of the standardised value).
    codes : list of dict
        One per category: ``channel``, ``feature``, ``code``, ``coefficient``. An unseen code adds nothing.
    shares : list of dict
        One per site: ``code`` and ``share``, that of label 1 among its training patients.
    order : list of dict
        One per training patient: ``rank`` of the id and ``label``.
    """

    features: str
    intercept: float = 0.0
    numbers: list[dict] = field(default_factory=list)
    codes: list[dict] = field(default_factory=list)
    shares: list[dict] = field(default_factory=list)
    order: list[dict] = field(default_factory=list)


def build(shape: tuple[int, ...], parameters: dict, weights: str) -> Baseline:
    """
    Return an untrained baseline.

    Parameters
    ----------
    shape : tuple of int
        Channels and features of one input, as `gliobench.inputs.facts` makes them.
    parameters : dict
        ``features`` and ``C``, as in ``config/approaches/baseline.yaml``.
    weights : str
        Only ``none``: a baseline has no initial weights.
    """
    no_weights("baseline", weights)
    return Baseline(parameters["features"])


def fit(
    model: Baseline, phase: str, train: Part, validation: Part, parameters: dict, seed: int, on_epoch: OnEpoch
) -> int:
    """
    Fit to the training patients; validation patients are scored only, and nothing is drawn with `seed`.

    Returns
    -------
    int
        1: there are no epochs.
    """
    with one_epoch(train, validation, partial(predict, model), on_epoch):
        _fit_to(model, train, parameters["C"])
    return 1


def _fit_to(model: Baseline, train: Part, penalty: float) -> None:
    names = FEATURES[model.features]
    if names:
        _copy_into(model, _regression(train, names, penalty), train.inputs.shape[1])
    else:
        model.intercept = float(logit(train.labels.mean()))
    if model.features == SITE:
        model.shares = _shares_by_site(train)
    if model.features == ID_ORDER:
        pairs = zip(train.inputs[:, 0, PLACE[ID_ORDER]].tolist(), train.labels.tolist(), strict=True)
        model.order = [{"rank": rank, "label": label} for rank, label in pairs if not np.isnan(rank)]


def predict(model: Baseline, inputs: np.ndarray) -> np.ndarray:
    """Return the log odds of label 1 for inputs of shape (n, channels, features), NaN where a fact is unknown."""
    odds = np.full(len(inputs), model.intercept)
    for site in model.shares:
        odds[inputs[:, 0, PLACE[SITE]] == site["code"]] = _log_odds(site["share"])
    if model.order:
        ranks = inputs[:, 0, PLACE[ID_ORDER]]
        known = ~np.isnan(ranks)
        odds[known] = _log_odds(_shares_nearby(model.order, ranks[known]))
    for term in model.numbers:
        values = inputs[:, term["channel"], NAMES.index(term["feature"])]
        values = np.where(np.isnan(values), term["fill"], values)
        odds += term["coefficient"] * (values - term["mean"]) / term["scale"]
    for term in model.codes:
        values = inputs[:, term["channel"], NAMES.index(term["feature"])]
        odds += term["coefficient"] * (np.where(np.isnan(values), UNKNOWN, values) == term["code"])
    return odds


def _shares_by_site(train: Part) -> list[dict]:
    codes = train.inputs[:, 0, PLACE[SITE]]
    known = np.unique(codes[~np.isnan(codes)])
    return [{"code": float(code), "share": float(train.labels[codes == code].mean())} for code in known]


def _shares_nearby(order: list[dict], ranks: np.ndarray) -> np.ndarray:
    """Return the share of label 1 among the nearest training patients by id: as many as the root of their number."""
    there, labels = (np.array([patient[name] for patient in order]) for name in ("rank", "label"))
    count = round(len(order) ** 0.5)
    nearest = np.argsort(np.abs(ranks[:, None] - there), axis=1, kind="stable")[:, :count]
    return labels[nearest].mean(axis=1)


def _log_odds(share: np.ndarray) -> np.ndarray:
    return logit(np.clip(share, CLIP, 1 - CLIP))


def save(model: Baseline, path: Path) -> None:
    """Write every coefficient and share as JSON."""
    write_json(asdict(model), path)


def load(path: Path) -> Baseline:
    """Read a model that `save` wrote; one that lacks a part fails here, not in prediction."""
    model = Baseline(**read_json(path))
    channels = 1 + max((term["channel"] for term in (*model.numbers, *model.codes)), default=0)
    predict(model, np.zeros((1, channels, FEATURES_A_CHANNEL)))
    return model


def _columns(names: tuple[str, ...], channels: int, categorical: bool) -> list[int]:
    """Return the positions of the named features when channels and features are one axis, channel by channel."""
    wanted = [NAMES.index(name) for name in names if (name in CATEGORICAL) == categorical]
    return [channel * FEATURES_A_CHANNEL + feature for channel in range(channels) for feature in wanted]


def _regression(train: Part, names: tuple[str, ...], penalty: float) -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    codes = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=UNKNOWN, keep_empty_features=True),
        OneHotEncoder(handle_unknown="ignore"),
    )
    channels = train.inputs.shape[1]
    parts = [
        ("numbers", numbers, _columns(names, channels, categorical=False)),
        ("codes", codes, _columns(names, channels, categorical=True)),
    ]
    columns = ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0)
    pipeline = make_pipeline(columns, LogisticRegression(C=penalty, max_iter=1000))
    return pipeline.fit(train.inputs.reshape(len(train), -1), train.labels)


def _copy_into(model: Baseline, pipeline: Pipeline, channels: int) -> None:
    transformers = pipeline[0].named_transformers_
    coefficients = iter(pipeline[-1].coef_[0].tolist())
    model.intercept = float(pipeline[-1].intercept_[0])
    model.numbers, model.codes = [], []
    names = FEATURES[model.features]
    if "numbers" in transformers:
        imputer, scaler = (step for _, step in transformers["numbers"].steps)
        columns = _columns(names, channels, categorical=False)
        values = zip(columns, imputer.statistics_, scaler.mean_, scaler.scale_, strict=True)
        for column, fill, mean, scale in values:
            numbers = {"fill": float(fill), "mean": float(mean), "scale": float(scale)}
            model.numbers.append(_place(column) | numbers | {"coefficient": next(coefficients)})
    if "codes" in transformers:
        columns = _columns(names, channels, categorical=True)
        for column, categories in zip(columns, transformers["codes"][-1].categories_, strict=True):
            for code in categories.tolist():
                model.codes.append(_place(column) | {"code": code, "coefficient": next(coefficients)})


def _place(column: int) -> dict:
    channel, feature = divmod(column, FEATURES_A_CHANNEL)
    return {"channel": channel, "feature": NAMES[feature]}
