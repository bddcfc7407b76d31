"""A network that learns sees what an image shows; one frozen at random, head included, is caught by the same table."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from gliobench.evaluation.cells import as_metrics
from gliobench.evaluation.visible import visible_table
from gliobench.files import required_columns
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Machine, Part

pytestmark = pytest.mark.torch
YAML = Path(__file__).parents[2] / "config" / "approaches" / "stacked_cnn3d.yaml"
PARAMETERS = StudyApproach(YAML).parameters | {"depth": 2, "filters": 4, "batch_size": 8, "learning_rate": 1e-2}
PARAMETERS |= {"epochs": 10, "patience": 10, "dropout": 0.0}
SHAPE, PATIENTS, FOLDS = (1, 8, 8, 8), 60, 5


def make_images(rng):
    """Noise with a bright block; the label says whether its volume is above the median."""
    side = rng.permutation(np.linspace(1, 7, PATIENTS))
    places = np.indices(SHAPE[1:])
    blocks = np.stack([(np.abs(places - 3.5) < half).all(axis=0) for half in side / 2 + 0.5])
    images = rng.normal(size=(PATIENTS, *SHAPE)) + 2.0 * blocks[:, None]
    volume = blocks.sum(axis=(1, 2, 3)) + 1e-6 * side
    return images.astype(np.float16), (volume > np.median(volume)).astype(int)


@pytest.fixture(scope="module")
def stacked():
    module = import_module("gliobench.approaches.stacked_cnn3d")
    module.prepare(Machine(1, "cpu", False))
    return module


def cross_validated(stacked, seed):
    """Predictions and record of all folds, as a training job writes them."""
    rng = np.random.default_rng(seed)
    images, labels = make_images(rng)
    names = np.array([f"{number:05}" for number in range(PATIENTS)])
    fold_of = rng.permutation(np.arange(PATIENTS) % FOLDS)
    rows = []
    for fold in range(FOLDS):
        tested, chooses = fold_of == fold, fold_of == (fold + 1) % FOLDS
        parts = [Part(images[mine], labels[mine], names[mine]) for mine in (~tested & ~chooses, chooses, tested)]
        model = stacked.build(SHAPE, PARAMETERS, "none")
        stacked.fit(model, "final", *parts[:2], PARAMETERS, seed * FOLDS + fold, lambda record: None)
        log_odds = stacked.predict(model, parts[2].inputs)
        rows += [
            {"fold": fold, "phase": "final", "part": "test", "patient_id": name, "label": label, "log_odds": value}
            for name, label, value in zip(names[tested], labels[tested], log_odds, strict=True)
        ]
    table = pd.DataFrame(rows).reindex(columns=required_columns("predictions"))
    cell = {"cohort": "brains/visible-volume", "approach": "stacked_cnn3d", "variant": "main", "modality": "all"}
    record = cell | {"protocol": "harmonised", "repeat": 0, "seed_index": 0, "weights": "none"}
    record |= {"folds": [{"fold": fold, "status": "ok", "reason": None} for fold in range(FOLDS)]}
    return table.assign(probability=expit(table["log_odds"])), record


def judged(stacked, seed):
    table, record = cross_validated(stacked, seed)
    return visible_table([table], [record], as_metrics([]), base_seed=1, resamples=100).iloc[0]


def test_a_network_that_learns_sees(stacked):
    assert judged(stacked, seed=0)["network"] == "sees"


def test_a_network_frozen_at_random_with_its_head_is_not_shown_to_see(stacked, monkeypatch):
    adam = stacked.torch_session.adam
    monkeypatch.setattr(stacked.torch_session, "adam", lambda network, rate: adam(network, 0.0))
    found = [judged(stacked, seed) for seed in range(3)]
    assert [row["network"] for row in found] == ["not shown to see"] * 3
    assert all("not seen" in row["statement"] for row in found)
