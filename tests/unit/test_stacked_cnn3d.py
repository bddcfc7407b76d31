from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.special import expit

from gliobench.errors import GlioBenchError
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Diverged, Machine, Part
from gliobench.training.folds import train_in_memory
from training_checks import check_repeats

pytestmark = pytest.mark.torch
YAML = Path(__file__).parents[2] / "config" / "approaches" / "stacked_cnn3d.yaml"
PAPER = yaml.safe_load(YAML.read_text(encoding="utf-8"))
DEFAULTS = StudyApproach(YAML).parameters
SMALL = DEFAULTS | {"depth": 2, "filters": 4, "batch_size": 4, "epochs": 3, "learning_rate": 1e-2}
SHAPE = (4, 12, 12, 10)


@pytest.fixture(scope="module")
def stacked():
    module = import_module("gliobench.approaches.stacked_cnn3d")
    module.prepare(Machine(1, "cpu", False))
    return module


@pytest.fixture(scope="module")
def model(stacked):
    return stacked.build(SHAPE, SMALL, "none")


def make_part(n, seed=0, signal=2.0):
    """Standardised brains in a box of zeros; a bright spot in the second channel tells the label."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    inputs = np.zeros((n, *SHAPE), np.float16)
    inputs[:, :, 2:-2, 2:-2, 2:-2] = rng.normal(size=inputs[:, :, 2:-2, 2:-2, 2:-2].shape)
    inputs[labels == 1, 1, 4:8, 4:8, 3:6] += signal
    return Part(inputs, labels, np.array([f"{number:05}" for number in range(n)]))


def fit(stacked, model, seed=1, train=None, validation=None, on_epoch=None, **changes):
    history = []
    best = stacked.fit(
        model,
        "final",
        train or make_part(14),
        validation or make_part(8, 1),
        SMALL | changes,
        seed,
        on_epoch or history.append,
    )
    return best, history, stacked.predict(model, make_part(6, 2).inputs)


@pytest.mark.parametrize(("depth", "filters"), [(1, 4), (2, 4), (3, 8), (4, 16)])
def test_each_block_doubles_the_filters_and_the_count_is_as_computed(stacked, depth, filters):
    built = stacked.build((4, 16, 16, 16), SMALL | {"depth": depth, "filters": filters}, "none")
    widths = [4] + [filters * 2**number for number in range(depth)]
    blocks = sum(27 * widths[number] * widths[number + 1] + 2 * widths[number + 1] for number in range(depth))
    assert sum(values.numel() for values in built.network.parameters()) == blocks + widths[-1] + 1


def test_a_grid_too_small_for_its_depth_still_works(stacked):
    built = stacked.build((4, 5, 4, 3), SMALL | {"depth": 5}, "none")
    assert stacked.predict(built, np.ones((2, 4, 5, 4, 3), np.float16)).shape == (2,)


def test_a_spot_in_one_modality_is_learnt(stacked, model):
    quiet = {"flips": ["x"], "rotation": 5, "zoom": 0.05, "shift": 0.1, "noise": 0.1}
    validation = make_part(12, 1)
    best, history, _ = fit(
        stacked, model, train=make_part(32), validation=validation, epochs=12, augmentation=quiet, dropout=0.0
    )
    losses = [record["validation_loss"] for record in history]
    assert best == 1 + int(np.argmin(losses))
    scores = import_module("gliobench.training.scores").binary_scores
    now = scores(validation.labels, expit(stacked.predict(model, validation.inputs)))
    assert now["loss"] == pytest.approx(min(losses))
    assert now["auc"] > 0.9


def test_training_stops_early_without_a_lower_validation_loss(stacked, model):
    best, history, _ = fit(stacked, model, epochs=50, patience=2, learning_rate=0.1)
    assert len(history) == best + 2


def test_a_training_repeats_to_the_byte_also_after_another_fold(stacked, model):
    check_repeats(partial(fit, stacked), 3, model, stacked.build(SHAPE, SMALL, "none"), make_part(12, 5))


class Pruned(Exception):
    """What a search raises to end a trial."""


def test_a_pruned_or_diverged_training_leaves_no_trace_in_the_next(stacked, model):
    expected = fit(stacked, model, seed=3)[2]

    def prune(record):
        raise Pruned

    with pytest.raises(Pruned):
        fit(stacked, model, seed=4, on_epoch=prune)
    broken = make_part(14)
    broken.inputs[:] = np.nan
    with pytest.raises(Diverged, match="NaN or infinite in epoch 1"):
        fit(stacked, model, seed=5, train=broken)
    assert fit(stacked, model, seed=3)[2].tobytes() == expected.tobytes()


def test_a_saved_model_is_rebuilt_from_the_file_alone(stacked, model, tmp_path):
    expected = fit(stacked, model)[2]
    stacked.save(model, tmp_path / f"model{stacked.SUFFIX}")
    loaded = stacked.load(tmp_path / f"model{stacked.SUFFIX}")
    assert (stacked.predict(loaded, make_part(6, 2).inputs) == expected).all()


def test_training_starts_from_a_files_weights(stacked, model, tmp_path):
    expected = fit(stacked, model)[2]
    stacked.save(model, tmp_path / "model.pt")
    further = stacked.build(SHAPE, SMALL, str(tmp_path / "model.pt"))
    still = {"learning_rate": 0.0, "epochs": 1}
    fit(stacked, further, **still)
    for name, values in further.network.named_parameters():
        assert (values == model.network.state_dict()[name]).all()
    assert expected.shape == (6,)


def test_a_3d_network_has_no_imagenet_weights(stacked):
    with pytest.raises(GlioBenchError, match="no ImageNet weights; set `weights` to none, imagenet or the path"):
        stacked.build(SHAPE, SMALL, "imagenet")


def test_a_network_drawn_anew_has_other_weights_and_the_first_stays(stacked, model):
    before = stacked.predict(model, make_part(6, 2).inputs)
    other = stacked.redrawn(model, 5)
    assert (stacked.predict(other, make_part(6, 2).inputs) != before).all()
    assert (stacked.predict(model, make_part(6, 2).inputs) == before).all()


def test_every_hyperparameter_of_the_search_is_one_of_the_approach():
    assert set(PAPER["tuning"]["space"]) <= set(DEFAULTS)
    assert PAPER["variants"]["tuned"]["tuned"]


def test_a_network_for_which_the_gpu_is_too_small_is_trained_on_minibatches_in_parts(
    stacked, model, tmp_path, monkeypatch
):
    forward, sizes = stacked.StackedCNN.forward, []

    def on_a_small_gpu(network, rows):
        if network.training:
            sizes.append(len(rows))
            if len(rows) > SMALL["batch_size"] / 2:
                raise stacked.torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(network, rows)

    monkeypatch.setattr(stacked.StackedCNN, "forward", on_a_small_gpu)
    parts, record = (make_part(12), make_part(8, 1)), {}
    fit = partial(stacked.fit, model, "final", *parts, SMALL, 1, lambda epoch: None)
    train_in_memory(fit, model, record)
    assert record == {"accumulate": 2}
    assert sizes == [4] + [2] * 6 * SMALL["epochs"]
    assert np.isfinite(stacked.predict(model, parts[1].inputs)).all()
    monkeypatch.undo()
    record.clear()
    train_in_memory(fit, model, record)
    assert (record, model.accumulate) == ({}, 1), "the next fold finds the whole GPU"
