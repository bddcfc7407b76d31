import os
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from scipy.special import expit

from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Diverged, Machine, Part
from gliobench.training.scores import binary_scores

pytestmark = pytest.mark.tensorflow
YAML = Path(__file__).parents[2] / "config" / "approaches" / "efficientnet.yaml"
PAPER = yaml.safe_load(YAML.read_text(encoding="utf-8"))
DEFAULTS = StudyApproach(YAML).parameters
SHORT = {"epochs": 2, "batch_size": 8, "patience": 9, "plateau": {"patience": 9, "factor": 0.5}}
SMALL = DEFAULTS | {
    "backbone": "tiny",
    "batch_norm_momentum": 0.8,
    "transfer": SHORT | {"learning_rate": 5e-3},
    "finetuned": SHORT | {"learning_rate": 1e-3},
}
SHAPE = (32, 32)
PHASES = PAPER["phases"]


def tiny(input_shape):
    """A backbone that is traced in no time, with all that the phases treat differently."""
    keras = import_module("gliobench.training.keras_session").keras
    features = inputs = keras.Input(input_shape)
    for filters in (8, 16):
        features = keras.layers.Conv2D(filters, 5, 3)(features)
        features = keras.layers.ReLU()(keras.layers.BatchNormalization()(features))
    return keras.Model(inputs, keras.layers.Dropout(0.1)(features))


@pytest.fixture(scope="module")
def efficientnet():
    os.environ["KERAS_BACKEND"] = "tensorflow"
    module = import_module("gliobench.approaches.efficientnet")
    module.prepare(Machine())
    backbones = import_module("gliobench.training.keras_backbones")
    backbones.BACKBONES["tiny"] = backbones.Backbone(tiny, scale=2.0, offset=(-1.0, -1.0, -1.0), in_keras=False)
    yield module
    del backbones.BACKBONES["tiny"]


@pytest.fixture(scope="module")
def model(efficientnet):
    return efficientnet.build(SHAPE, SMALL, "none")


def make_part(n, seed=0):
    """Noise with a square in the middle that is larger where the label is 1; two slices a patient."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) // 2 % 2
    slices = rng.integers(0, 60, (n, *SHAPE), dtype=np.uint8)
    for picture, label in zip(slices, labels, strict=True):
        half = 4 + 6 * label
        picture[16 - half : 16 + half, 16 - half : 16 + half] += 150
    return Part(slices, labels, np.array([f"{number // 2:05}" for number in range(n)]))


def train(efficientnet, model, seed, phases=PHASES, part=None, **changes):
    """Train some phases; return for each the best epoch and the history, and the predictions afterwards."""
    told = []
    for phase in phases:
        history = []
        parameters = SMALL | {phase: SMALL[phase] | changes}
        best = efficientnet.fit(model, phase, part or make_part(20), make_part(8, 1), parameters, seed, history.append)
        told.append((best, [{**record, "seconds": 0} for record in history]))
    return told, efficientnet.predict(model, make_part(6, 2).inputs)


def by_layer(model, kind, inside=None):
    """Copies of the arrays of the layers that are (or are not) BatchNormalization."""
    session = import_module("gliobench.training.keras_session")
    layers = session.all_layers(model.network.get_layer(inside) if inside else model.network)
    wanted = [layer for layer in layers if not hasattr(layer, "layers") and layer.weights]
    return [
        np.copy(array)
        for layer in wanted
        for array in layer.get_weights()
        if (type(layer).__name__ == "BatchNormalization") == (kind == "norm")
    ]


def same(one, other):
    return [mine.tobytes() == theirs.tobytes() for mine, theirs in zip(one, other, strict=True)]


@pytest.mark.parametrize(
    ("backbone", "channels"),
    [("alexnet", 256), ("mobilenet", 1024), ("resnet10", 512), ("resnet50", 2048), ("efficientnetb3", 1536)],
)
def test_every_variant_has_the_documents_head_and_predicts_probabilities(efficientnet, backbone, channels):
    variant = PAPER["variants"][backbone]
    built = efficientnet.build(SHAPE, DEFAULTS | variant["parameters"], "none")
    assert built.network.get_layer("head").count_params() == 4 * channels + 32 * channels + 32 + 4 * 32 + 32 + 1
    slices = make_part(3).inputs[..., None].astype("float32") / 255
    probabilities = np.ravel(built.network(slices, training=False))  # `predict` would trace it first
    assert probabilities.shape == (3,)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_the_network_is_the_documents(efficientnet):
    built = efficientnet.build(SHAPE, DEFAULTS, "none")
    features, head = built.network.layers[1:]
    assert [type(layer).__name__ for layer in features.layers[1:]] == [
        "Concatenate",
        "Rescaling",
        "Functional",
        "GlobalAveragePooling2D",
    ]
    assert features.layers[2].scale == 255, "what Keras' EfficientNet expects"
    assert [type(layer).__name__ for layer in head.layers] == ["BatchNormalization", "Dropout", "Dense"] * 2
    assert [layer.rate for layer in head.layers if hasattr(layer, "rate")] == [0.4, 0.4]
    assert [layer.units for layer in head.layers if hasattr(layer, "units")] == [32, 1]
    assert built.network.count_params() == 5_330_571 - 1_281_000 + 4 * 1280 + 32 * 1280 + 32 + 4 * 32 + 33
    for phase, rate in (("transfer", 1e-4), ("finetuned", 1e-5)):
        assert type(built.steps[phase].optimizer).__name__ == "Adam"
        assert float(built.steps[phase].optimizer.learning_rate) == pytest.approx(rate)
        assert built.steps[phase].loss == "binary_crossentropy"


def test_as_described_slices_reach_the_network_between_0_and_1(efficientnet):
    changed = DEFAULTS | PAPER["variants"]["double_rescale"]["parameters"]
    features = efficientnet._features(SHAPE, changed)
    assert features.layers[2].scale == 1


def test_the_transfer_phase_changes_the_head_only(efficientnet, model, tmp_path):
    base = model.network.get_layer("features").get_layer("tiny")
    base.save_weights(tmp_path / "base.weights.h5")
    started = efficientnet.build(SHAPE, SMALL, str(tmp_path / "base.weights.h5"))
    for found, expected in zip(started.pretrained, base.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    train(efficientnet, started, 1, ["transfer"])
    kept = started.network.get_layer("features").get_weights()
    assert all(same(kept, started.pretrained))
    first = by_layer(started, "norm", "head") + by_layer(started, "other", "head")
    train(efficientnet, started, 2, ["transfer"])
    second = by_layer(started, "norm", "head") + by_layer(started, "other", "head")
    assert not any(same(first, second))
    assert all(same(started.network.get_layer("features").get_weights(), started.pretrained))


def test_fine_tuning_changes_all_but_batch_normalisation(efficientnet, model):
    train(efficientnet, model, 1, ["transfer"])
    norms, others = by_layer(model, "norm"), by_layer(model, "other")
    train(efficientnet, model, 1, ["finetuned"])
    assert all(same(norms, by_layer(model, "norm")))
    assert not any(same(others, by_layer(model, "other")))


def test_a_backbone_of_random_weights_has_the_statistics_of_training_slices(efficientnet, model):
    train(efficientnet, model, 1, ["transfer"])
    norms = by_layer(model, "norm", "features")
    fresh = [np.ones, np.zeros, np.zeros, np.ones]  # scale, shift, moving mean, moving variance
    untouched = [(array == fresh[place % 4](array.shape)).all() for place, array in enumerate(norms)]
    assert untouched == [True, True, False, False] * (len(norms) // 4)


def test_folds_of_one_job_equal_a_fold_trained_alone_byte_for_byte(efficientnet, model):
    train(efficientnet, model, seed=1, part=make_part(26, 5))
    told, log_odds = train(efficientnet, model, seed=2)
    alone, expected = train(efficientnet, efficientnet.build(SHAPE, SMALL, "none"), seed=2)
    assert told == alone
    assert log_odds.tobytes() == expected.tobytes()
    assert (train(efficientnet, model, seed=3)[1] != expected).any()


def test_what_trains_follows_the_phase_fold_after_fold(efficientnet, model):
    for _ in range(2):
        efficientnet._unfreeze(model.network, "transfer")
        assert len(model.steps["transfer"].trainable_variables) == 8, "two dense layers and two BatchNormalization"
        efficientnet._unfreeze(model.network, "finetuned")
        assert len(model.steps["finetuned"].trainable_variables) == 8, "two dense layers and two convolutions"


def test_a_second_fold_traces_nothing_again(efficientnet, model, monkeypatch):
    train(efficientnet, model, seed=1)
    traced = []
    monkeypatch.setattr(efficientnet.keras.Model, "compute_loss", lambda *_, **__: traced.append(1))
    train(efficientnet, model, seed=2, part=make_part(22, 3))
    assert not traced, "Python runs a step only to trace it"


def test_every_epoch_is_reported_with_training_and_validation_numbers(efficientnet, model):
    told, _ = train(efficientnet, model, seed=1)
    for best, history in told:
        assert [record["epoch"] for record in history] == [1, 2]
        assert 1 <= best <= 2
        for record in history:
            names = {"loss", "accuracy", "auc"}
            assert set(record) == names | {f"validation_{name}" for name in names} | {"epoch", "seconds"}


def test_the_weights_are_those_of_the_lowest_validation_loss(efficientnet, model):
    for phase in PHASES:
        ((best, history),), _ = train(efficientnet, model, 4, [phase], epochs=4, learning_rate=0.05)
        validation = make_part(8, 1)
        now = binary_scores(validation.labels, expit(efficientnet.predict(model, validation.inputs)))
        assert best == 1 + np.argmin([record["validation_loss"] for record in history])
        assert now["loss"] == pytest.approx(history[best - 1]["validation_loss"], abs=1e-6)


def test_a_plateau_slows_learning_then_stops_it_and_the_next_fold_starts_at_full_rate(efficientnet, model, monkeypatch):
    monkeypatch.setattr(efficientnet, "predict", lambda _, slices: np.zeros(len(slices)))
    optimizer = model.steps["transfer"].optimizer
    rates = []
    changes = {"epochs": 9, "patience": 3, "learning_rate": 0.02, "plateau": {"patience": 2, "factor": 0.5}}
    parameters = SMALL | {"transfer": SMALL["transfer"] | changes}
    for seed in (1, 2):
        best = efficientnet.fit(
            model,
            "transfer",
            make_part(8),
            make_part(4),
            parameters,
            seed,
            lambda record: rates.append(float(optimizer.learning_rate)),
        )
        assert best == 1
    assert rates == pytest.approx([0.02, 0.02, 0.02, 0.01] * 2)


def test_divergence_is_said_and_leaves_no_trace(efficientnet, model):
    expected = train(efficientnet, model, seed=9)[1]
    for phase in PHASES:
        with pytest.raises(Diverged, match="NaN or infinite in epoch"):
            train(efficientnet, model, 1, [phase], learning_rate=1e30)
    assert train(efficientnet, model, seed=9)[1].tobytes() == expected.tobytes()


def test_a_saved_model_predicts_the_same(efficientnet, model, tmp_path):
    path = tmp_path / f"model{efficientnet.SUFFIX}"
    expected = train(efficientnet, model, seed=4)[1]
    efficientnet.save(model, path)
    assert efficientnet.predict(efficientnet.load(path), make_part(6, 2).inputs).tobytes() == expected.tobytes()


def test_a_saved_model_can_be_the_start_of_another(efficientnet, model, tmp_path):
    efficientnet.save(model, tmp_path / "model.keras")
    started = efficientnet.build(SHAPE, SMALL, str(tmp_path / "model.keras"))
    base = model.network.get_layer("features").get_layer("tiny")
    assert all(same(started.pretrained, base.get_weights()))


def test_log_odds_are_those_of_the_networks_probabilities(efficientnet, model):
    slices = make_part(6, 2).inputs
    expected = np.ravel(model.network.predict((slices / 255).astype("float32")[..., None], verbose=0))
    assert expit(efficientnet.predict(model, slices)) == pytest.approx(expected, abs=1e-6)


def test_no_slices_are_predicted_as_none(efficientnet, model):
    assert efficientnet.predict(model, np.empty((0, *SHAPE), np.uint8)).shape == (0,)


def test_a_prediction_does_not_follow_its_neighbours(efficientnet, model):
    inputs = make_part(70, 6).inputs
    together = efficientnet.predict(model, inputs)
    np.testing.assert_allclose(together[60:], efficientnet.predict(model, inputs[60:]), atol=1e-5)


def test_slices_to_predict_are_only_scaled(efficientnet, monkeypatch):
    monkeypatch.setattr(efficientnet.keras_session, "below_sigmoid", lambda network: network)
    monkeypatch.setattr(efficientnet.keras_session, "log_odds", lambda network, features: features[:, 0])
    inputs, seen = make_part(70).inputs, []
    spy = SimpleNamespace(predict_on_batch=lambda rows: seen.append(rows) or np.zeros((len(rows), 1)))
    efficientnet.predict(efficientnet.Classifier(spy, steps={}), inputs)
    assert [len(rows) for rows in seen] == [64, 6]
    np.testing.assert_array_equal(np.concatenate(seen)[..., 0], inputs.astype("float32") / 255)


def test_training_slices_keep_their_labels_in_an_order_new_each_epoch(efficientnet):
    part = Part(
        np.repeat(np.arange(10, dtype=np.uint8) * 20, 64).reshape(10, 8, 8),
        np.arange(10) % 2,
        np.array([*"abcdefghij"]),
    )
    still = {"rotation": 0, "zoom": [1, 1], "shift": 0, "brightness": [1, 1]}
    batches = efficientnet.TrainingSlices(part, 4, still, seed=3)
    orders = []
    for _ in range(2):
        pairs = [batches[number] for number in range(len(batches))]
        assert [len(labels) for _, labels in pairs] == [4, 4, 2]
        numbers = np.concatenate([np.round(slices[:, 4, 4, 0] * 255 / 20) for slices, _ in pairs])
        np.testing.assert_array_equal(np.concatenate([labels[:, 0] for _, labels in pairs]), numbers % 2)
        assert sorted(numbers) == list(range(10))
        orders.append(numbers.tolist())
        batches.shuffle()
    assert orders[0] != orders[1]


@pytest.mark.parametrize(
    ("n", "size", "expected"), [(10, 4, [4, 4, 2]), (9, 4, [4, 5]), (8, 4, [4, 4]), (3, 4, [3]), (1, 4, [1])]
)
def test_every_slice_is_in_one_batch_and_none_is_alone(efficientnet, n, size, expected):
    batches = efficientnet.TrainingSlices(make_part(n), size, SMALL["augmentation"], seed=3)
    assert [len(batches[number][1]) for number in range(len(batches))] == expected


def test_a_batch_is_the_same_whenever_it_is_asked_for_and_another_in_the_next_epoch(efficientnet):
    batches = efficientnet.TrainingSlices(make_part(8), 8, SMALL["augmentation"], seed=3)
    first = batches[0][0]
    np.testing.assert_array_equal(first, batches[0][0])
    batches.shuffle()
    assert np.any(first != batches[0][0])


def test_an_easy_signal_is_learnt(efficientnet, model):
    train(efficientnet, model, 1, part=make_part(160, 3), epochs=10)
    test = make_part(40, 7)
    assert binary_scores(test.labels, expit(efficientnet.predict(model, test.inputs)))["auc"] > 0.9


def test_the_backbones_of_the_yaml_are_those_that_can_be_built(efficientnet):
    assert set(PAPER["parameters"]["backbone"]["choices"]) == set(efficientnet.BACKBONES) - {"tiny"}, (
        "tiny is these tests' own"
    )
