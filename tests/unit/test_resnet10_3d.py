from collections import Counter
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

pytestmark = pytest.mark.torch
YAML = Path(__file__).parents[2] / "config" / "approaches" / "resnet10_3d.yaml"
PAPER = yaml.safe_load(YAML.read_text(encoding="utf-8"))
DEFAULTS = StudyApproach(YAML).parameters
SMALL = DEFAULTS | {"widen_factor": 0.0625, "batch_size": 4, "epochs": 3}
FIVE = SMALL | {"ensemble": 5}
SHAPE = (8, 8, 6)


@pytest.fixture(scope="module")
def resnet():
    module = import_module("gliobench.approaches.resnet10_3d")
    assert module.prepare(Machine(device="cpu")) == "cpu"
    return module


@pytest.fixture(scope="module")
def model(resnet):
    return resnet.build(SHAPE, SMALL, "none")


@pytest.fixture(scope="module")
def five(resnet):
    return resnet.build(SHAPE, FIVE, "none")


def make_part(n, seed=0):
    """Patients whose label shows as a bright block."""
    labels = np.arange(n) % 2
    inputs = np.random.default_rng(seed).random((n, *SHAPE)) * 0.5
    inputs[:, 2:6, 2:6, 1:4] += labels[:, None, None, None] * 0.5
    return Part(inputs.astype(np.float32), labels, np.array([f"{number:05}" for number in range(n)]))


def fit(resnet, model, seed, train=None, validation=None, settings=SMALL, **changes):
    history = []
    parts = train or make_part(11), validation or make_part(6, 1)
    best = resnet.fit(model, "final", *parts, settings | changes, seed, history.append)
    return best, history, resnet.predict(model, make_part(5, 2).inputs)


def shown_parts(resnet, monkeypatch):
    """Return a list that a training fills with the patients that train and choose each network."""
    parts, train = [], resnet.torch_loop.train

    def spy(model, loop, optimizer, of_network, *arguments):
        parts.append([part.patient_ids.tolist() for part in of_network])
        return train(model, loop, optimizer, of_network, *arguments)

    monkeypatch.setattr(resnet.torch_loop, "train", spy)
    return parts


def test_layers_and_counts_are_those_of_monais_resnet10(resnet):
    nets = import_module("monai.networks.nets")
    (ours,) = resnet.build((256, 256, 64), DEFAULTS, "none").network
    theirs = nets.resnet10(spatial_dims=3, n_input_channels=1, num_classes=1)
    assert str(ours) == str(theirs)
    assert {name: values.shape for name, values in ours.state_dict().items()} == {
        name: values.shape for name, values in theirs.state_dict().items()
    }
    assert sum(values.numel() for values in ours.parameters()) == 14_356_929


def test_the_network_answers_as_monais_with_the_same_weights(resnet, model):
    nets, torch = import_module("monai.networks.nets"), resnet.torch
    theirs = nets.resnet10(spatial_dims=3, n_input_channels=1, num_classes=1, widen_factor=SMALL["widen_factor"])
    theirs.load_state_dict(model.network[0].state_dict())
    inputs = make_part(5, 2).inputs
    with torch.inference_mode():
        expected = theirs.eval()(torch.from_numpy(inputs)[:, None])[:, 0].numpy()
    np.testing.assert_allclose(resnet.predict(model, inputs), expected, rtol=1e-4, atol=1e-6)


def test_the_published_settings_are_those_of_the_code():
    assert PAPER["input"]["shape"] == [256, 256, 64]
    assert {name: DEFAULTS[name] for name in ("learning_rate", "milestones", "gamma", "batch_size", "epochs")} == {
        "learning_rate": 1e-4, "milestones": [10], "gamma": 0.5, "batch_size": 8, "epochs": 15
    }  # fmt: skip
    assert (DEFAULTS["ensemble"], PAPER["variants"]["ensemble"]["parameters"]) == (1, {"ensemble": 5})


def test_the_learning_rate_is_halved_after_the_tenth_epoch(resnet, model, monkeypatch):
    rates, train = [], resnet.torch_loop.train

    def spy(of_network, loop, optimizer, parts, seed, on_epoch, schedule):
        def note(record):
            rates.append(optimizer.param_groups[0]["lr"])  # of the next epoch
            on_epoch(record)

        rates.append(optimizer.param_groups[0]["lr"])
        return train(of_network, loop, optimizer, parts, seed, note, schedule)

    monkeypatch.setattr(resnet.torch_loop, "train", spy)
    fit(resnet, model, 0, epochs=15)
    assert rates[:15] == pytest.approx([1e-4] * 10 + [5e-5] * 5)


def test_a_last_minibatch_that_is_not_full_is_dropped(resnet, model, monkeypatch):
    seen, loss = [], resnet._loss

    def spy(logits, labels):
        seen.append(len(labels))
        return loss(logits, labels)

    monkeypatch.setattr(resnet, "_loss", spy)
    fit(resnet, model, 0, epochs=2)
    assert seen == [4, 4, 4, 4]


def test_a_training_repeats_to_the_byte_also_after_another_fold(resnet, model):
    check_repeats(partial(fit, resnet), 3, model, resnet.build(SHAPE, SMALL, "none"), make_part(12, 5))


def test_the_weights_of_the_best_validation_auc_are_kept_and_the_loss_decides_between_equals(resnet, model):
    validation = make_part(8, 1)
    best, history, _ = fit(resnet, model, 3, validation=validation, epochs=6, learning_rate=1e-3)
    ranks = [(record["validation_auc"], -record["validation_loss"]) for record in history]
    assert best == 1 + ranks.index(max(ranks))
    scores = import_module("gliobench.training.scores").binary_scores
    kept = scores(validation.labels, expit(resnet.predict(model, validation.inputs)))
    assert (kept["auc"], -kept["loss"]) == pytest.approx(max(ranks))


def test_a_planted_difference_is_learnt(resnet, model):
    new = make_part(20, 9)
    score = import_module("gliobench.training.scores").binary_scores
    fit(resnet, model, 0, make_part(24), make_part(8, 1), epochs=8, learning_rate=3e-3)
    assert score(new.labels, expit(resnet.predict(model, new.inputs)))["auc"] > 0.9


def test_an_ensemble_is_as_many_networks_each_trained_and_chosen_on_training_patients_alone(resnet, five, monkeypatch):
    parts = shown_parts(resnet, monkeypatch)
    train, validation = make_part(25), make_part(6, 1)
    best, history, _ = fit(resnet, five, 4, train, validation, FIVE)
    assert len(five.network) == len(parts) == 5
    trained, chose = ([set(part[role]) for part in parts] for role in (0, 1))
    assert all(one.isdisjoint(other) for one, other in zip(trained, chose, strict=True))
    assert all(len(one) == 20 for one in trained)
    assert Counter(patient for part in chose for patient in part) == dict.fromkeys(train.patient_ids.tolist(), 1)
    labels = dict(zip(train.patient_ids.tolist(), train.labels.tolist(), strict=True))
    assert all(sum(labels[patient] for patient in part) in (2, 3) for part in chose)
    assert [record["epoch"] for record in history] == list(range(1, 16))
    assert history[best - 1]["validation_auc"] == max(record["validation_auc"] for record in history)


def test_no_network_of_an_ensemble_depends_on_the_validation_patients(resnet, five):
    one = fit(resnet, five, 4, make_part(25), make_part(6, 1), FIVE)
    other = fit(resnet, five, 4, make_part(25), make_part(8, 3), FIVE)
    assert (one[2] == other[2]).all()


def test_an_ensemble_answers_with_the_mean_of_its_networks_probabilities(resnet, five):
    torch, inputs = resnet.torch, make_part(5, 2).inputs
    fit(resnet, five, 4, make_part(25), settings=FIVE, learning_rate=3e-3)
    with torch.inference_mode():
        logits = [one.eval()(torch.from_numpy(inputs)[:, None])[:, 0].double().numpy() for one in five.network]
    assert np.ptp(logits, axis=0).min() > 1e-3, "networks that are alike would prove nothing"
    np.testing.assert_allclose(expit(resnet.predict(five, inputs)), expit(logits).mean(axis=0), rtol=1e-6)


def test_means_near_0_and_1_keep_their_order(resnet):
    logits = resnet.torch.tensor([[-800.0, -900.0], [-790.0, -900.0], [40.0, 40.0], [41.0, 40.0], [0.0, 2.0]]).double()
    found = resnet.log_odds_of_mean(logits).numpy()
    assert found[:4] == pytest.approx([-800 - np.log(2), -790 - np.log(2), 40, 40 + np.log(2 / (1 + np.exp(-1)))])
    assert found[4] == pytest.approx(logit((0.5 + expit(2)) / 2))


def test_an_ensemble_of_too_few_patients_is_refused_in_a_sentence(resnet, five):
    with pytest.raises(GlioBenchError, match="needs 5 training patients of each label, but label 1 has 4"):
        fit(resnet, five, 0, make_part(9), settings=FIVE)
    with pytest.raises(GlioBenchError, match="`batch_size` is 12, but the training part has 8 rows"):
        fit(resnet, five, 0, make_part(10), settings=FIVE, batch_size=12)


@pytest.mark.parametrize("changes", [{"learning_rate": 1e30}, {"train": "broken"}])
def test_a_network_that_is_no_number_any_more_is_divergence_and_leaves_no_trace(resnet, model, changes):
    expected = fit(resnet, model, seed=9)[2]
    if "train" in changes:
        changes = {"train": make_part(8)}
        changes["train"].inputs[3] = np.nan
    with pytest.raises(Diverged, match="NaN or infinite in epoch 1"):
        fit(resnet, model, seed=1, **changes)
    assert (fit(resnet, model, seed=9)[2] == expected).all()


@pytest.mark.parametrize("ensemble", [1, 5])
def test_a_saved_model_predicts_the_same_from_the_file_alone(resnet, tmp_path, ensemble):
    settings = SMALL | {"ensemble": ensemble}
    trained = resnet.build(SHAPE, settings, "none")
    expected = fit(resnet, trained, 4, make_part(25), settings=settings)[2]
    resnet.save(trained, tmp_path / "model.pt")
    assert (resnet.predict(resnet.load(tmp_path / "model.pt"), make_part(5, 2).inputs) == expected).all()


def test_given_weights_are_where_a_training_starts(resnet, model, tmp_path):
    fit(resnet, model, seed=4)
    resnet.save(model, tmp_path / "given.pt")
    expected = {name: values.clone() for name, values in model.network.named_parameters()}
    given = resnet.build(SHAPE, SMALL, str(tmp_path / "given.pt"))
    fit(resnet, given, seed=5, learning_rate=0.0)
    assert all((values == expected[name]).all() for name, values in given.network.named_parameters())


def test_weights_of_another_network_are_refused_in_a_sentence(resnet, model, tmp_path):
    resnet.save(model, tmp_path / "given.pt")
    for weights in (str(tmp_path / "given.pt"), str(tmp_path / "absent.pt"), "imagenet"):
        with pytest.raises(GlioBenchError, match="none, imagenet or the path of a file"):
            resnet.build(SHAPE, FIVE, weights)


def test_nobody_is_predicted_as_nobody(resnet, model):
    assert resnet.predict(model, np.empty((0, *SHAPE), np.float32)).shape == (0,)


def test_a_prediction_does_not_follow_its_neighbours(resnet, model):
    inputs = make_part(11, 6).inputs
    together = resnet.predict(model, inputs)
    alone = np.concatenate([resnet.predict(model, inputs[number : number + 1]) for number in range(11)])
    np.testing.assert_allclose(together, alone, atol=1e-6)
