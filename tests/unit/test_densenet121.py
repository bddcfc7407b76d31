import signal
from functools import partial
from importlib import import_module
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.special import expit

from gliobench.errors import GlioBenchError
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Diverged, Machine, Part
from training_checks import check_repeats

pytestmark = pytest.mark.torch
YAML = Path(__file__).parents[2] / "config" / "approaches" / "densenet121.yaml"
PAPER = yaml.safe_load(YAML.read_text(encoding="utf-8"))
DEFAULTS = StudyApproach(YAML).parameters
SMALL = DEFAULTS | {"blocks": [2, 2], "epochs": 3}
SHAPE = (4, 8, 8, 8)
UNCHANGED = dict.fromkeys(("affine", "noise", "gamma", "motion", "bias_field"), 0.0) | {"motion_mm": 1}


@pytest.fixture(scope="module")
def densenet121():
    module = import_module("gliobench.approaches.densenet121")
    assert module.prepare(Machine(device="cpu")) == "cpu"
    return module


@pytest.fixture(scope="module")
def model(densenet121):
    return densenet121.build(SHAPE, SMALL, "none")


def make_part(n, seed=0, shape=SHAPE):
    """Patients whose label shows as a bright block in the second channel."""
    labels = np.arange(n) % 2
    inputs = np.random.default_rng(seed).random((n, *shape)) * 0.5
    inputs[:, 1, 2:6, 2:6, 2:6] += labels[:, None, None, None] * 0.5
    return Part(inputs.astype(np.float16), labels, np.array([f"{number:05}" for number in range(n)]))


def fit(densenet121, model, seed, train=None, validation=None, **changes):
    history = []
    best = densenet121.fit(
        model, "final", train or make_part(9), validation or make_part(6, 1), SMALL | changes, seed, history.append
    )
    return best, history, densenet121.predict(model, make_part(5, 2).inputs)


@pytest.mark.parametrize(("channels", "count"), [(4, 11_309_505), (5, 11_331_457)])
def test_the_network_is_monais_densenet121_with_one_logit(densenet121, channels, count):
    nets = import_module("monai.networks.nets")
    ours = densenet121.build((channels, 29, 29, 29), DEFAULTS, "none").network
    theirs = nets.DenseNet121(spatial_dims=3, in_channels=channels, out_channels=1)
    assert {name: values.shape for name, values in ours.state_dict().items()} == {
        name: values.shape for name, values in theirs.state_dict().items()
    }
    assert sum(values.numel() for values in ours.parameters()) == count


def test_the_smallest_input_goes_through_the_whole_network(densenet121):
    network = densenet121.build((4, 29, 29, 40), DEFAULTS, "none")
    assert np.isfinite(densenet121.predict(network, np.zeros((2, 4, 29, 29, 40), np.float16))).all()


def test_a_smaller_input_is_refused_in_a_sentence(densenet121):
    with pytest.raises(
        GlioBenchError, match=r"28x40x40 voxels is too small .* needs 29 along each axis; raise `shape`"
    ):
        densenet121.build((4, 28, 40, 40), DEFAULTS, "none")
    with pytest.raises(GlioBenchError, match="needs 5 along"):
        densenet121.build((4, 8, 8, 4), SMALL, "none")


@pytest.mark.parametrize(
    ("n_patients", "size", "sizes"),
    [(19, 4, [4, 4, 4, 4, 3]), (17, 4, [4, 4, 4, 5]), (3, 2, [3]), (4, 4, [4]), (2, 4, [2])],
)
def test_every_patient_is_in_one_batch_and_none_is_alone(densenet121, model, monkeypatch, n_patients, size, sizes):
    part = make_part(n_patients)
    batches = shown_batches(densenet121, monkeypatch)
    fit(densenet121, model, 0, part, epochs=2, batch_size=size, augmentation=UNCHANGED)
    first, second = batches[: len(sizes)], batches[len(sizes) :]
    for epoch in (first, second):
        assert [len(batch) for batch in epoch] == sizes
        assert sorted(map(bytes_of, chain(*epoch))) == sorted(map(bytes_of, part.inputs.astype(np.float32)))


def test_patients_are_shuffled_each_epoch_anew(densenet121, model, monkeypatch):
    batches = shown_batches(densenet121, monkeypatch)
    fit(densenet121, model, 0, make_part(19), epochs=2, augmentation=UNCHANGED)
    first, second = np.split(np.concatenate(batches), 2)
    assert (first != second).any()


def shown_batches(densenet121, monkeypatch):
    """Return a list that a training fills with the batches that it augments."""
    batches = []
    augment = densenet121.augment_patients

    def spy(batch, *arguments, **settings):
        batches.append(batch.numpy().copy())
        return augment(batch, *arguments, **settings)

    monkeypatch.setattr(densenet121, "augment_patients", spy)
    return batches


def bytes_of(patient):
    return patient.tobytes()


def test_an_epoch_with_a_patient_left_over_trains_where_the_last_block_is_one_voxel(densenet121):
    tiny = densenet121.build((4, 5, 5, 5), SMALL, "none")
    part = make_part(5, 0, (4, 5, 5, 5))
    assert densenet121.fit(tiny, "final", part, part, SMALL | {"epochs": 1}, 0, lambda record: None) == 1


def test_a_training_repeats_to_the_byte_also_after_another_fold(densenet121, model):
    check_repeats(partial(fit, densenet121), 3, model, densenet121.build(SHAPE, SMALL, "none"), make_part(12, 5))


def test_an_easy_signal_is_learnt(densenet121, model):
    new = make_part(20, 9)
    fit(densenet121, model, 0, make_part(24), make_part(8, 1), epochs=12, learning_rate=3e-3, patience=12)
    score = import_module("gliobench.training.scores").binary_scores
    assert score(new.labels, expit(densenet121.predict(model, new.inputs)))["auc"] > 0.9


def logits_of(loss):
    """Return logits, of labels 0 and 1, which cost that loss each."""
    logit = -np.log(np.expm1(loss))
    return -logit, logit


def scripted(densenet121, monkeypatch, logits, patience=10):
    """Let training see the scripted logits of two validation patients, a pair an epoch; return what `fit` reports."""
    torch = import_module("torch")
    model = densenet121.build(SHAPE, SMALL, "none")
    forward, states, history = model.network.forward, [], []

    def answer(batch):
        if model.network.training:
            return forward(batch)
        states.append({name: values.clone() for name, values in model.network.state_dict().items()})
        return torch.tensor(logits[len(states) - 1])[:, None]

    monkeypatch.setattr(model.network, "forward", answer)
    settings = SMALL | {"epochs": len(logits), "patience": patience}
    best = densenet121.fit(model, "final", make_part(4), make_part(2), settings, 0, history.append)
    return best, history, states, model


def test_the_best_epoch_has_the_lowest_validation_loss_and_its_weights_stay(densenet121, monkeypatch):
    losses = [0.7, 0.5, 0.5, 0.9]
    best, history, states, model = scripted(densenet121, monkeypatch, [logits_of(loss) for loss in losses])
    assert best == 2
    assert [record["validation_loss"] for record in history] == pytest.approx(losses)
    kept = model.network.state_dict()
    assert all((kept[name] == values).all() for name, values in states[1].items())
    assert any((kept[name] != values).any() for name, values in states[3].items())


@pytest.mark.parametrize(("patience", "epochs"), [(3, 5), (2, 4)])
def test_training_stops_after_so_many_epochs_without_a_lower_loss(densenet121, monkeypatch, patience, epochs):
    losses = [0.7, 0.5, 0.6, 0.6, 0.6, 0.4]
    _, history, _, _ = scripted(densenet121, monkeypatch, [logits_of(loss) for loss in losses], patience)
    assert len(history) == epochs


def test_the_documents_patience_is_three_and_two_when_one_is_left_out():
    assert DEFAULTS["patience"] == 3
    left_out = [PAPER["protocols"], PAPER["variants"]["stop_on_left_out"]["protocols"]]
    assert [protocols["published-loocv"]["parameters"] for protocols in left_out] == [{"patience": 2}] * 2


def test_a_loss_of_hundreds_is_reported_as_it_is(densenet121, monkeypatch):
    best, history, _, _ = scripted(densenet121, monkeypatch, [(-300.0, -500.0), (200.0, -40.0)])
    assert [record["validation_loss"] for record in history] == pytest.approx([250, 120])
    assert [record["validation_accuracy"] for record in history] == [0.5, 0]
    assert best == 2


@pytest.mark.parametrize("changes", [{"learning_rate": 1e30}, {"train": "broken"}])
def test_a_network_that_is_no_number_any_more_is_divergence_and_leaves_no_trace(densenet121, model, changes):
    expected = fit(densenet121, model, seed=9)[2]
    if "train" in changes:
        changes = {"train": make_part(8)}
        changes["train"].inputs[3] = np.nan
    with pytest.raises(Diverged, match="NaN or infinite in epoch 1"):
        fit(densenet121, model, seed=1, **changes)
    assert (fit(densenet121, model, seed=9)[2] == expected).all()


def test_only_training_patients_are_augmented(densenet121, model, monkeypatch):
    batches = shown_batches(densenet121, monkeypatch)
    train, validation = make_part(8), make_part(6, 1)
    _, history, _ = fit(densenet121, model, 3, train, validation)
    patients = set(map(bytes_of, train.inputs.astype(np.float32)))
    assert [bytes_of(patient) in patients for patient in chain(*batches)] == [True] * 8 * len(history)
    first, second = (densenet121.predict(model, validation.inputs) for _ in range(2))
    assert (first == second).all()


def test_a_saved_model_predicts_the_same_from_the_file_alone(densenet121, model, tmp_path):
    expected = fit(densenet121, model, seed=4)[2]
    path = tmp_path / f"model{densenet121.SUFFIX}"
    densenet121.save(model, path)
    assert (densenet121.predict(densenet121.load(path), make_part(5, 2).inputs) == expected).all()


def test_given_weights_are_where_a_training_starts(densenet121, model, tmp_path):
    fit(densenet121, model, seed=4)
    densenet121.save(model, tmp_path / "given.pt")
    expected = {name: values.clone() for name, values in model.network.named_parameters()}
    given = densenet121.build(SHAPE, SMALL, str(tmp_path / "given.pt"))
    fit(densenet121, given, seed=5, learning_rate=0.0)
    assert all((values == expected[name]).all() for name, values in given.network.named_parameters())


def test_weights_of_another_network_are_refused_in_a_sentence(densenet121, model, tmp_path):
    densenet121.save(model, tmp_path / "given.pt")
    for weights in (str(tmp_path / "given.pt"), str(tmp_path / "absent.pt"), "imagenet"):
        with pytest.raises(GlioBenchError, match="none, imagenet or the path of a file"):
            densenet121.build((5, 8, 8, 8), SMALL, weights)


def test_one_patient_may_stop_a_training(densenet121, model):
    left_out = Part(*(values[:1] for values in (make_part(2, 3).inputs, np.array([0]), np.array(["00000"]))))
    _, history, _ = fit(densenet121, model, seed=3, validation=left_out)
    assert [record["validation_auc"] for record in history] == [0.5] * len(history)


def test_nobody_is_predicted_as_nobody(densenet121, model):
    assert densenet121.predict(model, np.empty((0, *SHAPE), np.float16)).shape == (0,)


def test_a_prediction_does_not_follow_its_neighbours(densenet121, model):
    inputs = make_part(11, 6).inputs
    together = densenet121.predict(model, inputs)
    alone = np.concatenate([densenet121.predict(model, inputs[number : number + 1]) for number in range(11)])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_training_leaves_nothing_behind_but_its_weights(densenet121, model, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_JOB_NAME", "study")
    monkeypatch.setenv("SLURM_NTASKS", "2")
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    fit(densenet121, model, seed=6)
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == handlers
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
