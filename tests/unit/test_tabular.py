"""The tabular approach is scikit-learn's pipeline, fitted to training patients but where a variant says otherwise."""

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from gliobench.approaches import tabular
from gliobench.errors import GlioBenchError
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.sources import SCRIPTS, source_files
from gliobench.training import Part

ROOT = SCRIPTS.parents[1]
YAML = ROOT / "config/approaches/tabular.yaml"
APPROACH = StudyApproach(YAML)
LEARNERS = ["main", "forest", "svm", "selected"]


def parameters(variant, **changes):
    return APPROACH.parameters_of(variant) | {"trees": 20} | changes


def inputs(n=40, columns=6, codes=2, groups=1, seed=0):
    """Numbers, then categories, then an absent column."""
    rng = np.random.default_rng(seed)
    made = np.full((n, groups, 2, columns + codes + 1), np.nan)
    made[:, :, 0, :columns] = rng.normal(0, 3, (n, groups, columns))
    made[:, :, 0, columns : columns + codes] = rng.integers(10, 13, (n, groups, codes))
    made[:, :, 1, :columns] = 0
    made[:, :, 1, columns : columns + codes] = 1
    return made


def part(values, seed=0):
    labels = np.random.default_rng(seed).permutation(np.arange(len(values)) % 2)
    return Part(values, labels, np.array([f"p{number}" for number in range(len(values))]))


def fitted(variant, train, validation=None, seed=7, **changes):
    model = tabular.build(train.inputs.shape[1:], parameters(variant, **changes), "none")
    history = []
    given_parameters = parameters(variant, **changes)
    tabular.fit(model, "final", train, validation or train, given_parameters, seed, history.append)
    return model, history[0]


@pytest.mark.parametrize("variant", LEARNERS)
def test_the_written_out_model_is_scikit_learns(variant):
    values = inputs(groups=2)
    values[:, :, 0][np.random.default_rng(1).random(values[:, :, 0].shape) < 0.2] = np.nan
    train = part(values)
    model, _ = fitted(variant, train)
    pipeline = tabular._fitted(train, parameters(variant), 7)
    new = inputs(15, groups=2, seed=5)
    flat = tabular._flat(new)
    if variant == "svm":
        np.testing.assert_allclose(tabular.predict(model, new), pipeline.decision_function(flat), rtol=1e-9)
    else:
        np.testing.assert_allclose(expit(tabular.predict(model, new)), pipeline.predict_proba(flat)[:, 1], rtol=1e-9)


@given(
    variant=st.sampled_from(LEARNERS),
    n=st.integers(4, 14),
    columns=st.integers(0, 4),
    codes=st.integers(0, 2),
    groups=st.integers(1, 2),
    seed=st.integers(0, 1000),
    unknown=st.floats(0, 1),
    constant=st.booleans(),
)
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:Features")
@pytest.mark.filterwarnings("ignore:k=")
@pytest.mark.filterwarnings("ignore:invalid value")
def test_whatever_is_missing_or_constant_a_saved_model_answers_the_same(
    tmp_path_factory, variant, n, columns, codes, groups, seed, unknown, constant
):
    values = inputs(n, max(columns, 1 - codes), codes, groups, seed)
    if constant:
        values[:, :, 0] = 5.0
    values[:, :, 0][np.random.default_rng(seed).random(values[:, :, 0].shape) < unknown] = np.nan
    model, _ = fitted(variant, part(values, seed), trees=3)
    path = tmp_path_factory.mktemp("tabular") / "model.npz"
    tabular.save(model, path)
    new = values.copy()
    new[0, :, 0] = np.nan
    answers = tabular.predict(model, new)
    assert np.isfinite(answers).all()
    assert (tabular.predict(tabular.load(path), new) == answers).all()


@pytest.mark.parametrize("variant", LEARNERS)
def test_each_learner_finds_a_planted_number_and_a_planted_category(variant):
    for place in (0, 6):
        train, new = part(inputs(120, seed=1), 1), part(inputs(120, seed=2), 2)
        for each in (train, new):
            each.inputs[:, 0, 0, place] = each.labels + (10 if place == 6 else 0)
        assert fitted(variant, train, new)[1]["validation_auc"] > 0.95


@pytest.mark.parametrize("variant", LEARNERS)
def test_validation_patients_change_nothing_but_their_scores(variant):
    train = part(inputs())
    one, _ = fitted(variant, train, part(inputs(12, seed=3)))
    other, _ = fitted(variant, train, part(inputs(12, seed=4)))
    assert all(np.array_equal(one.arrays[name], other.arrays[name], equal_nan=True) for name in one.arrays)


@pytest.mark.parametrize("variant", LEARNERS)
def test_only_selected_on_all_looks_at_all_patients_before_folds(variant):
    values = inputs()
    assert tabular.before_folds(values, part(values).labels, parameters(variant)) is values


def test_selecting_on_all_patients_keeps_the_columns_that_scikit_learn_would():
    values = inputs(60, columns=30, codes=0)
    labels = part(values).labels
    selected = tabular.before_folds(values, labels, parameters("selected_on_all", features=4))
    kept = np.flatnonzero(selected[0, 0, 1] == 0)
    gap = [abs(np.corrcoef(values[:, 0, 0, column], labels)[0, 1]) for column in range(30)]
    assert sorted(kept) == sorted(np.argsort(gap)[-4:])
    assert (selected[:, 0, 0] == values[:, 0, 0])[:, :30].all(), "the values stay"


def test_selecting_on_all_patients_finds_a_signal_that_is_not_there_and_inside_the_folds_none():
    values = inputs(80, columns=400, codes=0)
    labels = part(values).labels
    found = {}
    for variant in ("selected", "selected_on_all"):
        seen = tabular.before_folds(values, labels, parameters(variant))
        scores = np.empty(80)
        for fold in range(4):
            test = np.arange(80) % 4 == fold
            train = Part(seen[~test], labels[~test], np.arange(60).astype(str))
            model, _ = fitted(variant, train)
            scores[test] = tabular.predict(model, seen[test])
        found[variant] = np.mean([roc_auc_score(labels[fold::4], scores[fold::4]) for fold in range(4)])
    assert found["selected_on_all"] > 0.75
    assert found["selected"] < 0.65


def test_the_leak_is_a_caveat_in_the_tables():
    assert "all patients" in APPROACH.variant("selected_on_all").caveat


def test_the_penalty_is_the_one_with_the_best_log_loss_in_folds_of_the_training_patients():
    train = part(inputs(60, columns=40))
    model, _ = fitted("main", train)
    weak, _ = fitted("main", train, C=[10.0, 10.0], penalties=1)
    assert np.abs(model.arrays["coefficient"]).max() < np.abs(weak.arrays["coefficient"]).max() / 3, "noise: shrunk"


def test_weights_are_refused_in_a_sentence():
    with pytest.raises(GlioBenchError, match="no initial weights"):
        tabular.build((1, 2, 3), parameters("main"), "weights.h5")


def test_no_job_of_a_study_of_tables_imports_a_framework_and_its_environments_install_none():
    frameworks = {"tensorflow", "torch", "keras", "monai", "torchvision", "torchio"}
    scripts = ["read_cohort.py", "audit_series.py", "gather_series.py", "preprocess.py", "split.py", "train.py"]
    entries = [*scripts, "gliobench/approaches/tabular.py", "gliobench/inputs/table.py"]
    used = {path.relative_to(SCRIPTS).as_posix() for path in source_files(*entries)}
    for path in used:
        text = (SCRIPTS / path).read_text(encoding="utf-8")
        lines = [line.split() for line in text.splitlines() if line.lstrip().startswith(("import ", "from "))]
        assert not {line[1].split(".")[0] for line in lines} & frameworks, path
    assert "gliobench/training/keras_session.py" not in used
    for name in ("imaging", "report"):
        environment = yaml.safe_load((ROOT / f"envs/{name}.yaml").read_text(encoding="utf-8"))
        pins = next(entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
        assert not {pin.split("==")[0] for pin in pins} & frameworks
