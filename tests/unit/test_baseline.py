import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from gliobench.approaches import baseline
from gliobench.errors import GlioBenchError
from gliobench.inputs.facts import CATEGORICAL, HEADER, INTENSITY
from gliobench.inputs.patient_facts import patient_facts, with_patient_facts
from gliobench.training import Machine, Part

N_FEATURES = len(HEADER) + len(INTENSITY) + 2  # and site and rank of the id


def parameters(features):
    return {"features": features, "C": 1.0}


def facts(n=40, seed=0, channels=4):
    """Facts without any signal; codes are one of three."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, channels, N_FEATURES))
    for name in CATEGORICAL:
        inputs[..., HEADER.index(name)] = rng.integers(0, 3, (n, channels))
    return inputs


def part(inputs, labels=None):
    labels = np.arange(len(inputs)) % 2 if labels is None else labels
    return Part(inputs, labels, np.array([f"{number:05}" for number in range(len(inputs))]))


def fit(features, train, validation=None):
    history = []
    model = baseline.build(train.inputs.shape[1:], parameters(features), "none")
    best = baseline.fit(model, "final", train, validation or train, parameters(features), 7, history.append)
    assert best == 1
    return model, history


def test_it_runs_on_the_cpu():
    assert baseline.prepare(Machine()) == "cpu"


def test_the_prior_answers_the_training_prevalence_whoever_asks():
    labels = np.array([1] * 15 + [0] * 9)
    model, history = fit("none", part(facts(24), labels))
    np.testing.assert_allclose(expit(baseline.predict(model, facts(5, 1))), 15 / 24)
    assert history[0]["loss"] == pytest.approx(0.662, abs=5e-4)
    assert history[0]["auc"] == 0.5


@pytest.mark.parametrize("features", ["header", "intensity"])
def test_the_written_out_regression_is_scikit_learns(features):
    inputs = facts()
    inputs[np.random.default_rng(1).random(inputs.shape) < 0.2] = np.nan
    train = part(inputs)
    pipeline = baseline._regression(train, baseline.FEATURES[features], 1.0)
    model, _ = fit(features, train)
    expected = pipeline.predict_proba(inputs.reshape(len(inputs), -1))[:, 1]
    np.testing.assert_allclose(expit(baseline.predict(model, inputs)), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("signal", "finder", "blind"),
    [("n_slices", "header", "intensity"), ("manufacturer", "header", "intensity"), ("skewness", "intensity", "header")],
)
def test_each_finds_a_signal_among_its_own_features_and_no_other(signal, finder, blind):
    def planted(seed):
        inputs = facts(60, seed)
        place = (HEADER + INTENSITY).index(signal)
        inputs[:, 2, place] = np.arange(60) % 2 * 3_000_000_000 + (0 if signal in CATEGORICAL else inputs[:, 2, place])
        return part(inputs)

    train, new = planted(0), planted(1)
    assert fit(finder, train, new)[1][0]["validation_auc"] > 0.95
    assert fit(blind, train, new)[1][0]["validation_auc"] < 0.75


def known(sites, ranks):
    """Inputs of patients of whom only site and rank of the id are known."""
    return with_patient_facts(np.empty((len(sites), 0, 0)), np.column_stack([sites, ranks]).astype(float))


def test_the_site_answers_its_share_of_label_1_and_that_of_all_where_it_is_unknown_or_new():
    labels = np.array([1, 1, 0, 0, 0, 0, 1, 1])
    train = part(known([7, 7, 7, 8, 8, 8, 9, np.nan], range(8)), labels)
    model, _ = fit("site", train)
    answers = expit(baseline.predict(model, known([7, 8, 9, 10, np.nan], [np.nan] * 5)))
    np.testing.assert_allclose(answers, [2 / 3, 0, 1, 1 / 2, 1 / 2], atol=2e-6)


def test_the_order_of_ids_answers_the_share_of_the_nearest_ones_as_scikit_learn():
    rng = np.random.default_rng(5)
    ranks = rng.permutation(60) + rng.random(60) / 3  # no two at the same distance
    train = part(known(np.zeros(60), ranks), (np.sin(ranks / 6) > rng.normal(0, 0.3, 60)).astype(int))
    model, history = fit("id_order", train)
    asked = rng.uniform(-5, 70, 200)
    neighbours = KNeighborsClassifier(n_neighbors=8).fit(ranks[:, None], train.labels)  # the root of 60
    expected = neighbours.predict_proba(asked[:, None])[:, 1]
    np.testing.assert_allclose(expit(baseline.predict(model, known(np.zeros(200), asked))), expected, atol=2e-6)
    assert history[0]["auc"] > 0.7, "a share that rises and falls along the ids is found"


@pytest.mark.parametrize("features", ["site", "id_order"])
def test_without_a_signal_in_folds_by_label_their_auc_is_a_half(features):
    """Folds stratified by site as well would make the baseline site read more than 0.5 on labels without a signal."""
    rng, aucs = np.random.default_rng(6), []
    sites = rng.integers(0, 6, 80)
    for seed in range(150):
        labels = rng.permutation(np.arange(80) % 2)
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(sites, labels):
            model, _ = fit(features, part(known(sites[train], train), labels[train]))
            aucs.append(roc_auc_score(labels[test], baseline.predict(model, known(sites[test], test))))
    assert np.mean(aucs) == pytest.approx(0.5, abs=0.02)  # four standard errors


def test_what_is_known_of_patients_stands_beside_the_facts_of_each_series():
    ids, sites = ["p10", "p2", "p1x3"], ["north", None, "south"]
    found = patient_facts(pd.DataFrame({"patient_id": ids, "site": sites}))
    assert found["id_rank"].tolist() == [2, 1, 0], "p10 comes after p2"
    assert found["site"].isna().tolist() == [False, True, False]
    assert found["site"].nunique() == 2
    facts_of_series = np.arange(12.0).reshape(3, 2, 2)
    joined = with_patient_facts(facts_of_series, found.to_numpy())
    assert joined.shape == (3, 2, 4)
    np.testing.assert_array_equal(joined[..., :2], facts_of_series)
    np.testing.assert_array_equal(joined[:, 1, 2:], found.to_numpy())
    assert np.isnan(with_patient_facts(facts_of_series)[..., 2:]).all()


def test_history_has_one_row_of_both_parts():
    _, history = fit("header", part(facts()), part(facts(12, 3)))
    assert len(history) == 1
    assert history[0]["epoch"] == 1
    assert set(history[0]) == {"epoch", "seconds"} | {
        before + name for before in ("", "validation_") for name in ("loss", "accuracy", "auc")
    }


def test_validation_patients_change_nothing_but_their_scores():
    one, _ = fit("intensity", part(facts()), part(facts(8, 1)))
    other, _ = fit("intensity", part(facts()), part(facts(8, 2)))
    assert one == other


def test_the_folds_of_a_job_are_apart():
    model, _ = fit("header", part(facts(seed=1)))
    baseline.fit(model, "final", part(facts()), part(facts()), parameters("header"), 7, lambda record: None)
    assert model == fit("header", part(facts()))[0]


def test_a_code_never_trained_on_is_no_crash_and_adds_nothing():
    model, _ = fit("header", part(facts()))
    known, unknown = facts(1, 5), facts(1, 5)
    place = HEADER.index("manufacturer")
    unknown[:, 0, place] = 4_000_000_000
    known[:, 0, place] = 1
    term = next(
        term for term in model.codes if (term["channel"], term["feature"], term["code"]) == (0, "manufacturer", 1)
    )
    odds = [baseline.predict(model, inputs)[0] for inputs in (known, unknown)]
    assert odds[0] - odds[1] == pytest.approx(term["coefficient"])


@given(
    n=st.integers(4, 12),
    channels=st.integers(1, 4),
    features=st.sampled_from(["none", "header", "intensity", "site", "id_order"]),
    seed=st.integers(0, 1000),
    constant=st.booleans(),
    unknown=st.floats(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_whatever_is_missing_or_constant_a_saved_model_answers_the_same(
    tmp_path_factory, n, channels, features, seed, constant, unknown
):
    inputs = facts(n, seed, channels)
    if constant:
        inputs[:] = 5.0
    inputs[np.random.default_rng(seed).random(inputs.shape) < unknown] = np.nan
    inputs[:, 0, 0] = np.nan
    model, _ = fit(features, part(inputs))
    path = tmp_path_factory.mktemp("baseline") / f"model{baseline.SUFFIX}"
    baseline.save(model, path)
    new = np.concatenate([facts(3, seed + 1, channels), np.full((1, channels, N_FEATURES), np.nan)])
    answers = baseline.predict(model, new)
    assert np.isfinite(answers).all()
    assert (baseline.predict(baseline.load(path), new) == answers).all()


def test_nobody_is_predicted_as_nobody():
    model, _ = fit("header", part(facts()))
    assert baseline.predict(model, np.empty((0, 4, N_FEATURES))).shape == (0,)


def test_other_weights_are_refused_in_a_sentence():
    with pytest.raises(GlioBenchError, match="none, imagenet or a file"):
        baseline.build((4, N_FEATURES), parameters("none"), "imagenet")
