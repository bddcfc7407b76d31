"""Models of scikit-learn are saved whole, and a file of them can hold nothing that runs code."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest, chi2, mutual_info_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from gliobench.errors import GlioBenchError
from gliobench.training import Machine, Part, sklearn_models
from gliobench.training.job import load_model
from gliobench.training.sklearn_models import SUFFIX, TREES, load, save
from gliobench.training.sklearn_session import no_weights, one_epoch, prepare

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(40, 5))
LABELS = np.arange(40) % 2
PLAIN = [
    make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()),
    make_pipeline(FunctionTransformer(np.abs), SVC()),
    make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()),
    make_pipeline(SelectKBest(k=2), LogisticRegression()),
    make_pipeline(FunctionTransformer(np.abs), SelectKBest(chi2, k=2), SelectKBest(mutual_info_classif, k=1), SVC()),
    MLPClassifier((3,), max_iter=5),
]
OF_TREES = [RandomForestClassifier(3, random_state=0), HistGradientBoostingClassifier(max_iter=3)]


class Elsewhere(LogisticRegression):
    pass


def doubled(values):
    return 2 * values


def answers(model, values=VALUES):
    return (model.decision_function if hasattr(model, "decision_function") else model.predict_proba)(values)


def kept(model, path, **trusted):
    save(model, path, **trusted)
    return load(path, **trusted)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("model", PLAIN, ids=lambda model: str(model)[:30])
def test_a_model_answers_the_same_to_the_bit_once_it_is_saved(model, tmp_path):
    model.fit(VALUES, LABELS)
    assert np.array_equal(answers(kept(model, tmp_path / f"model{SUFFIX}")), answers(model))


@pytest.mark.parametrize("model", OF_TREES, ids=lambda model: type(model).__name__)
def test_trees_are_saved_only_where_an_approach_allows_them(model, tmp_path):
    path = tmp_path / "model.skops"
    model.fit(VALUES, LABELS)
    with pytest.raises(GlioBenchError, match=r"model\.skops: a model's file may not hold sklearn\..*Tree.*adding-an"):
        save(model, path)
    assert not path.exists()
    assert np.array_equal(answers(kept(model, path, trusted=TREES)), answers(model))
    with pytest.raises(GlioBenchError, match="may not hold"):
        load(path)


@pytest.mark.parametrize(
    "model", [FunctionTransformer(doubled), SelectKBest(doubled)], ids=["transformer", "selection"]
)
def test_a_function_of_ones_own_is_refused_when_the_model_is_saved(model, tmp_path):
    with pytest.raises(GlioBenchError, match=r"may not hold .*doubled"):
        save(model, tmp_path / "model.skops")


def test_a_file_without_an_estimator_is_a_sentence(tmp_path):
    path = tmp_path / "model.skops"
    skops.io.dump({"a": [1, 2]}, path)
    with pytest.raises(GlioBenchError, match="holds no estimator of scikit-learn"):
        load(path)


class Attack(LogisticRegression):
    """Unpickled, it makes a file."""

    def __init__(self, target=None):
        self.target = target
        super().__init__()

    def __reduce__(self):
        return (Path.touch, (self.target,))


@pytest.fixture
def target(tmp_path):
    return tmp_path / "made by the attack"


def test_a_pickle_in_place_of_a_model_is_a_sentence_and_its_code_does_not_run(tmp_path, target):
    path = tmp_path / "fold-0.skops"
    path.write_bytes(pickle.dumps(Attack(target)))
    with pytest.raises(GlioBenchError, match="cannot be read as a model of sklearn_models"):
        load_model(sklearn_models, path)
    assert not target.exists()
    pickle.loads(path.read_bytes())
    assert target.exists(), "the attack would work"


def test_a_file_that_names_a_command_is_a_sentence_and_the_command_does_not_run(tmp_path, target):
    path = tmp_path / "fold-0.skops"
    skops.io.dump(make_pipeline(FunctionTransformer(os.system), LogisticRegression()), path)
    with pytest.raises(GlioBenchError, match=r"fold-0\.skops: a model's file may not hold posix\.system"):
        load_model(sklearn_models, path)
    skops.io.load(path, trusted=["posix.system"])[0].transform(f"touch '{target}'")
    assert target.exists(), "the attack would work"


def test_an_estimator_from_elsewhere_is_refused(tmp_path):
    path = tmp_path / "fold-0.skops"
    skops.io.dump(make_pipeline(StandardScaler(), Elsewhere()), path)
    with pytest.raises(GlioBenchError, match=r"may not hold test_sklearn_models\.Elsewhere"):
        load_model(sklearn_models, path)


def part(seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(30) % 2
    return Part(rng.normal(size=(30, 2)) + labels[:, None], labels, np.arange(30).astype(str))


def test_a_method_without_epochs_has_the_scores_of_its_fitted_model_as_one_epoch():
    train, validation, history = part(1), part(2), []
    model = LogisticRegression()
    with one_epoch(train, validation, lambda inputs: model.decision_function(inputs), history.append):
        model.fit(train.inputs, train.labels)
    (epoch,) = history
    for prefix, of in (("", train), ("validation_", validation)):
        probabilities = model.predict_proba(of.inputs)[:, 1]
        assert epoch[f"{prefix}auc"] == pytest.approx(roc_auc_score(of.labels, probabilities))
        assert epoch[f"{prefix}loss"] == pytest.approx(log_loss(of.labels, probabilities))
        assert epoch[f"{prefix}accuracy"] == pytest.approx(model.score(of.inputs, of.labels))
    assert epoch["epoch"] == 1
    assert 0 <= epoch["seconds"] < 60


def test_an_error_while_fitting_reports_no_epoch():
    history = []
    with pytest.raises(ZeroDivisionError), one_epoch(part(1), part(2), lambda inputs: inputs[:, 0], history.append):
        raise ZeroDivisionError
    assert not history


def test_it_runs_on_the_cpu_and_has_no_initial_weights():
    assert prepare(Machine()) == "cpu"
    no_weights("mine", "none")
    with pytest.raises(GlioBenchError, match=r"mine: `weights: imagenet` cannot be used: .*set `weights: none`"):
        no_weights("mine", "imagenet")
