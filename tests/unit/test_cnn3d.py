import os
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.special import expit, logit

from gliobench.errors import GlioBenchError
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Diverged, Machine, Part
from training_checks import check_repeats

pytestmark = pytest.mark.tensorflow
YAML = Path(__file__).parents[2] / "config" / "approaches" / "cnn3d.yaml"
PAPER = yaml.safe_load(YAML.read_text(encoding="utf-8"))
DEFAULTS = StudyApproach(YAML).parameters
SMALL = DEFAULTS | {"filters": [4, 8], "dense": 8, "epochs": 3, "learning_rate": 1e-3, "batch_size": 4}
SHAPE = (8, 8, 8)


@pytest.fixture(scope="module")
def cnn3d():
    os.environ["KERAS_BACKEND"] = "tensorflow"
    module = import_module("gliobench.approaches.cnn3d")
    module.prepare(Machine())
    return module


@pytest.fixture(scope="module")
def model(cnn3d):
    return cnn3d.build(SHAPE, SMALL, "none")


def make_part(n, seed=0, shape=SHAPE):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    inputs = (rng.random((n, *shape)) * 0.5 + labels[:, None, None, None] * 0.4).astype(np.float32)
    return Part(inputs, labels, np.array([f"{number:05}" for number in range(n)]))


def numbered(n=10):
    """Patients whose input holds their number."""
    inputs = np.arange(n, dtype=np.float32)[:, None, None, None] * np.ones((1, 1, 1, 1), np.float32)
    return Part(inputs, (np.arange(n) % 3 == 0).astype(int), np.array([f"{number:05}" for number in range(n)]))


def fit(cnn3d, model, seed, train=None, validation=None, **changes):
    history = []
    best = cnn3d.fit(
        model, "final", train or make_part(10), validation or make_part(6, 1), SMALL | changes, seed, history.append
    )
    return best, history, cnn3d.predict(model, make_part(5, 2).inputs)


def test_layers_shapes_and_counts_are_those_of_fig_7(cnn3d):
    network = cnn3d.build(tuple(PAPER["input"]["shape"]), DEFAULTS, "none")
    layers = [(type(layer).__name__, tuple(layer.output.shape)[1:], layer.count_params()) for layer in network.layers]
    assert layers == [
        ("InputLayer", (128, 128, 32, 1), 0),
        ("Conv3D", (126, 126, 30, 64), 1_792),
        ("BatchNormalization", (126, 126, 30, 64), 256),
        ("LeakyReLU", (126, 126, 30, 64), 0),
        ("Conv3D", (124, 124, 28, 128), 221_312),
        ("BatchNormalization", (124, 124, 28, 128), 512),
        ("LeakyReLU", (124, 124, 28, 128), 0),
        ("GlobalAveragePooling3D", (128,), 0),
        ("Dense", (256,), 33_024),
        ("Dropout", (256,), 0),
        ("Dense", (1,), 257),
    ]
    assert network.count_params() == 257_153
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == 256_769


def test_the_deep_variant_has_one_more_hidden_layer(cnn3d):
    deep = cnn3d.build((16, 16, 16), DEFAULTS | PAPER["variants"]["deep"]["parameters"], "none")
    assert [layer.filters for layer in deep.layers if type(layer).__name__ == "Conv3D"] == [64, 128, 128]


def test_the_optimiser_and_the_loss_are_the_papers(cnn3d):
    network = cnn3d.build(SHAPE, DEFAULTS, "none")
    assert type(network.optimizer).__name__ == "Adam"
    assert network.loss == "binary_crossentropy"
    schedule = network.optimizer._learning_rate
    assert type(schedule).__name__ == "ExponentialDecay"
    assert schedule.initial_learning_rate == 1e-4
    tried = cnn3d.build(SHAPE, DEFAULTS | PAPER["variants"]["rmsprop"]["parameters"], "none")
    assert type(tried.optimizer).__name__ == "RMSprop"
    assert type(tried.optimizer._learning_rate).__name__ == "ExponentialDecay"
    leaky = next(layer for layer in network.layers if type(layer).__name__ == "LeakyReLU")
    assert leaky.negative_slope == pytest.approx(0.3)


def epochs(cnn3d, policy, count=3, part=None, seed=0):
    """The (patient, label) pairs of some epochs, in the order of training."""
    batches = cnn3d.LabelledMinibatches(part or numbered(), 4, policy, np.random.default_rng(seed))
    seen = []
    for _ in range(count):
        pairs = [batches[number] for number in range(len(batches))]
        patients = np.concatenate([inputs.ravel() for inputs, _ in pairs]).astype(int)
        labels = np.concatenate([labels.ravel() for _, labels in pairs]).astype(int)
        seen.append(list(zip(patients.tolist(), labels.tolist(), strict=True)))
        batches.shuffle()
    return seen


TRUE = sorted(zip(range(10), numbered().labels.tolist(), strict=True))


def test_kept_labels_stay_with_their_patients_while_the_order_changes(cnn3d):
    seen = epochs(cnn3d, "kept")
    assert all(sorted(pairs) == TRUE for pairs in seen)
    assert seen[0] != seen[1] != seen[2]


def test_labels_as_coded_are_right_in_the_first_epoch_and_permuted_afterwards(cnn3d):
    first, second, third = epochs(cnn3d, "permuted_after_first_epoch")
    assert first == TRUE, "in order, as the authors' loader has them"
    for pairs in (second, third):
        assert [patient for patient, _ in pairs] == list(range(10))
        assert sorted(label for _, label in pairs) == sorted(numbered().labels)
        assert pairs != TRUE
    assert second != third


def test_a_training_reads_each_epoch_whole_and_labels_as_coded_are_right_in_the_first(cnn3d, model, monkeypatch):
    """Keras itself calls the end of an epoch once before the first, too."""
    read = [[]]  # minibatches of each epoch, and what is left over

    class Watched(cnn3d.LabelledMinibatches):
        def __getitem__(self, number):
            inputs, labels = super().__getitem__(number)
            read[-1].append((number, labels[:, 0].astype(int).tolist()))
            return inputs, labels

        def shuffle(self):
            read.append([])
            super().shuffle()

    monkeypatch.setattr(cnn3d, "LabelledMinibatches", Watched)
    part = make_part(22)
    fit(cnn3d, model, 5, part, epochs=3, labels="permuted_after_first_epoch")
    epochs = [epoch[-6:] for epoch in read[:-1]]  # the first minibatch is read once more, for its shape
    assert [[number for number, _ in epoch] for epoch in epochs] == [list(range(6))] * 3
    first, *others = [[label for _, labels in epoch for label in labels] for epoch in epochs]
    assert first == part.labels.tolist()
    assert all(labels != first and sorted(labels) == sorted(first) for labels in others)


def test_permuted_labels_are_wrong_from_the_start_and_stay_so(cnn3d):
    seen = [sorted(pairs) for pairs in epochs(cnn3d, "permuted")]
    assert seen[0] != TRUE
    assert seen[0] == seen[1] == seen[2]
    assert sorted(label for _, label in seen[0]) == sorted(numbered().labels)


def test_every_patient_is_in_one_batch_and_the_last_may_be_smaller(cnn3d):
    batches = cnn3d.LabelledMinibatches(numbered(10), 4, "kept", np.random.default_rng(0))
    assert [len(batches[number][0]) for number in range(len(batches))] == [4, 4, 2]


UNSURE, SURE, WRONG = [0.4, 0.45, 0.55, 0.6], [0.1, 0.1, 0.9, 0.9], [0.9, 0.9, 0.1, 0.1]


def validated(cnn3d, monkeypatch, scripted, patience=10):
    """Train while validation patients get the scripted probabilities, an epoch each; return best epoch and history."""
    monkeypatch.setattr(cnn3d, "predict", lambda _, __: logit(scripted[len(history)]))
    history = []
    train, validation = (
        make_part(4),
        Part(np.zeros((4, *SHAPE), np.float32), np.array([0, 0, 1, 1]), np.array([*"abcd"])),
    )
    changes = {"epochs": len(scripted), "patience": patience}
    best = cnn3d.fit(cnn3d.build(SHAPE, SMALL, "none"), "final", train, validation, SMALL | changes, 1, history.append)
    return best, history


def test_the_best_epoch_has_the_highest_validation_auc(cnn3d, monkeypatch):
    best, history = validated(cnn3d, monkeypatch, [WRONG, UNSURE, WRONG])
    assert best == 2
    assert [record["validation_auc"] for record in history] == [0.0, 1.0, 0.0]


def test_at_equal_auc_the_lower_loss_wins_and_the_first_of_equals(cnn3d, monkeypatch):
    assert validated(cnn3d, monkeypatch, [UNSURE, SURE, SURE])[0] == 2


def test_training_stops_after_so_many_epochs_without_a_better_one(cnn3d, monkeypatch):
    assert len(validated(cnn3d, monkeypatch, [SURE] + [WRONG] * 5, patience=2)[1]) == 3


def scored_labels(cnn3d, policy, monkeypatch):
    """The labels against which eight epochs are scored."""
    seen = []
    monkeypatch.setattr(cnn3d, "binary_scores", lambda labels, _: seen.append(labels.tolist()))
    labels = cnn3d.ValidationLabels(np.array([0, 0, 1, 1]), policy, np.random.default_rng(3))
    for _ in range(8):
        labels.score(np.array(UNSURE))
    return seen


def test_validation_labels_follow_the_variant(cnn3d, monkeypatch):
    right = [0, 0, 1, 1]
    assert scored_labels(cnn3d, "kept", monkeypatch) == [right] * 8
    coded = scored_labels(cnn3d, "permuted_after_first_epoch", monkeypatch)
    assert coded[0] == right
    assert [sorted(labels) for labels in coded] == [right] * 8
    assert any(labels != right for labels in coded[1:])
    permuted = scored_labels(cnn3d, "permuted", monkeypatch)
    assert permuted == [permuted[0]] * 8
    assert permuted[0] != right


def test_a_training_repeats_to_the_byte_also_after_another_fold(cnn3d, model):
    check_repeats(partial(fit, cnn3d), 3, model, cnn3d.build(SHAPE, SMALL, "none"), make_part(12, 5))


def test_the_weights_are_those_of_the_best_epoch(cnn3d, model):
    validation = make_part(8, 4)
    best, history, _ = fit(cnn3d, model, seed=3, validation=validation)
    scores = import_module("gliobench.training.scores").binary_scores
    now = scores(validation.labels, expit(cnn3d.predict(model, validation.inputs)))
    assert now["loss"] == pytest.approx(history[best - 1]["validation_loss"], abs=1e-6)


def test_a_network_that_is_no_number_any_more_is_divergence(cnn3d, model):
    broken = make_part(8)
    broken.inputs[3] = np.nan
    with pytest.raises(Diverged, match="NaN or infinite in epoch 1"):
        fit(cnn3d, model, seed=1, train=broken)


def test_a_diverged_training_leaves_no_trace_in_the_next(cnn3d, model):
    expected = fit(cnn3d, model, seed=9)[2]
    broken = make_part(8)
    broken.inputs[:] = np.nan
    with pytest.raises(Diverged):
        fit(cnn3d, model, seed=1, train=broken)
    assert (fit(cnn3d, model, seed=9)[2] == expected).all()


def test_a_learning_rate_far_too_high_ends_as_a_record(cnn3d):
    wild = cnn3d.build(SHAPE, SMALL | {"learning_rate": 1e30}, "none")
    with pytest.raises(Diverged):
        fit(cnn3d, wild, seed=1)


def test_a_saved_model_predicts_the_same(cnn3d, model, tmp_path):
    expected = fit(cnn3d, model, seed=4)[2]
    cnn3d.save(model, tmp_path / f"model{cnn3d.SUFFIX}")
    loaded = cnn3d.load(tmp_path / f"model{cnn3d.SUFFIX}")
    assert (cnn3d.predict(loaded, make_part(5, 2).inputs) == expected).all()


def test_log_odds_are_those_of_the_networks_probabilities_and_keep_the_order_where_these_are_1(cnn3d, model):
    inputs = make_part(5, 2).inputs
    before = model.get_weights()
    expected = np.ravel(model.predict_on_batch(inputs[..., None]))
    assert expit(cnn3d.predict(model, inputs)) == pytest.approx(expected, abs=1e-6)
    model.layers[-1].set_weights([before[-2] * 1e4, before[-1] + 200])
    saturated = cnn3d.predict(model, inputs)
    model.set_weights(before)
    assert len(np.unique(saturated)) == 5


def test_nobody_is_predicted_as_nobody(cnn3d, model):
    assert cnn3d.predict(model, np.empty((0, *SHAPE), np.float32)).shape == (0,)


def test_a_prediction_does_not_follow_its_neighbours(cnn3d, model):
    inputs = make_part(11, 6).inputs
    together = cnn3d.predict(model, inputs)
    alone = np.concatenate([cnn3d.predict(model, inputs[number : number + 1]) for number in range(11)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_training_can_start_from_the_file_of_another(cnn3d, model, tmp_path):
    fit(cnn3d, model, seed=5)
    path = tmp_path / f"model{cnn3d.SUFFIX}"
    cnn3d.save(model, path)
    started = cnn3d.build(SHAPE, SMALL, str(path))
    for expected, found in zip(model.get_weights(), started.initial_weights, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert (fit(cnn3d, started, seed=8)[2] != fit(cnn3d, model, seed=8)[2]).any()


def test_there_are_no_imagenet_weights_of_a_3d_network(cnn3d):
    with pytest.raises(GlioBenchError, match=r"no ImageNet weights for this 3D CNN; choose `weights: none`"):
        cnn3d.build(SHAPE, SMALL, "imagenet")
