from importlib import import_module

import numpy as np
import pytest
from scipy.special import expit

from gliobench.training import Diverged, Machine, Part

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def loop():
    module = import_module("gliobench.training.torch_loop")
    module.torch_session.prepare(Machine(1, "cpu", False))
    return module


def part(n=12, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return Part((rng.random((n, 3)) + labels[:, None]).astype(np.float32), labels, np.arange(n).astype(str))


def linear(loop, start=None):
    torch = loop.torch
    torch.manual_seed(1)

    def draw(about):
        return torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0))

    return loop.Model(draw, {}, 2, torch.Tensor.float, torch.Tensor.double, start or {})


def run(loop, model=None, on_epoch=None, rate=0.1, inputs=None, **changes):
    torch = loop.torch
    model = model or linear(loop)
    settings = {
        "batch_size": 5,
        "epochs": 4,
        "patience": 10,
        "rank": lambda record: -record["validation_loss"],
        "loss": lambda logits, labels: torch.nn.functional.binary_cross_entropy_with_logits(logits, labels.float()),
        "augment": lambda batch, generator: batch,
    }
    history = []
    optimizer = torch.optim.SGD(model.network.parameters(), lr=rate)
    best = loop.train(
        model, loop.Loop(**settings | changes), optimizer, (inputs or part(), part(8, 1)), 3, on_epoch or history.append
    )
    return best, history, model


@pytest.mark.parametrize(("n", "size", "expected"), [(10, 4, [4, 4, 2]), (9, 4, [4, 5]), (3, 4, [3]), (1, 4, [1])])
def test_every_row_is_in_one_batch_and_none_is_alone(loop, n, size, expected):
    batches = loop.split_minibatches(loop.torch.arange(n), size)
    assert [len(batch) for batch in batches] == expected
    assert loop.torch.cat(batches).tolist() == list(range(n))


@pytest.mark.parametrize(("n", "size", "expected"), [(10, 4, [4, 4]), (9, 4, [4, 4]), (8, 4, [4, 4]), (3, 4, [])])
def test_a_last_batch_that_is_not_full_is_dropped_on_request(loop, n, size, expected):
    batches = loop.split_minibatches(loop.torch.arange(n), size, drop_last=True)
    assert [len(batch) for batch in batches] == expected


def test_other_rows_are_dropped_in_each_epoch_and_the_loss_is_the_mean_over_those_seen(loop):
    seen = []
    _, history, model = run(
        loop, rate=0.0, epochs=2, drop_last=True, augment=lambda batch, generator: seen.append(batch) or batch
    )
    assert [len(batch) for batch in seen] == [5, 5, 5, 5]
    first, second = loop.torch.cat(seen[:2]), loop.torch.cat(seen[2:])
    assert {tuple(row) for row in first.tolist()} != {tuple(row) for row in second.tolist()}
    label_of = {row.tobytes(): label for row, label in zip(part().inputs, part().labels, strict=True)}
    scores = import_module("gliobench.training.scores").binary_scores
    for record, rows in zip(history, (first.numpy(), second.numpy()), strict=True):
        labels = np.array([label_of[row.tobytes()] for row in rows])
        expected = scores(labels, expit(loop.predict(model, rows)))
        assert record["loss"] == pytest.approx(expected["loss"], rel=1e-5)
        assert record["auc"] == pytest.approx(expected["auc"])


def test_every_epoch_shows_every_row_once_in_another_order(loop):
    seen = []

    def spy(batch, generator):
        seen.extend(batch[:, 0].tolist())
        return batch

    run(loop, augment=spy, epochs=2)
    rows = sorted(part().inputs[:, 0].tolist())
    assert sorted(seen[:12]) == sorted(seen[12:]) == rows
    assert seen[:12] != seen[12:]


def test_validation_rows_are_never_augmented(loop):
    calls = []
    run(loop, augment=lambda batch, generator: calls.append(len(batch)) or batch, epochs=1)
    assert calls == [5, 5, 2]


def test_rows_are_moved_to_the_device_once_and_an_epoch_waits_for_it_once(loop, monkeypatch):
    moved, waited = [], []
    resident, to_host = loop.resident, loop.torch.Tensor.cpu
    monkeypatch.setattr(loop, "resident", lambda array: moved.append(array) or resident(array))
    monkeypatch.setattr(loop.torch.Tensor, "cpu", lambda tensor: waited.append(tensor) or to_host(tensor))
    for reader in ("item", "tolist", "__float__", "__bool__"):
        monkeypatch.setattr(loop.torch.Tensor, reader, lambda *_: pytest.fail("a number was read on its own"))
    run(loop, epochs=4)
    assert [len(array) for array in moved] == [12, 8]
    assert len(waited) == 4


def test_a_record_holds_what_the_history_asks_for(loop):
    best, history, _ = run(loop)
    assert [record["epoch"] for record in history] == [1, 2, 3, 4]
    names = {"epoch", "loss", "accuracy", "auc", "validation_loss", "validation_accuracy", "validation_auc", "seconds"}
    assert set(history[0]) == names
    assert best == 4
    assert history[3]["loss"] < history[0]["loss"]


def test_the_reported_loss_is_the_mean_over_rows(loop):
    _, history, model = run(loop, rate=0.0, epochs=1)
    scores = import_module("gliobench.training.scores").binary_scores
    expected = scores(part().labels, expit(loop.predict(model, part().inputs)))
    assert history[0]["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert history[0]["auc"] == pytest.approx(expected["auc"])


@pytest.mark.parametrize("uncapped", [True, False])
def test_only_an_uncapped_validation_loss_goes_into_the_hundreds(loop, uncapped):
    model = linear(loop)
    with loop.torch.no_grad():
        model.network[0].weight.fill_(-400.0)
    _, history, _ = run(loop, model, rate=0.0, epochs=1, uncapped=uncapped)
    validation = part(8, 1)
    with loop.torch.inference_mode():
        logits = model.network(loop.torch.from_numpy(validation.inputs)).double().numpy()
    losses = np.logaddexp(0, np.where(validation.labels == 1, -logits, logits))
    assert losses.mean() > 100
    expected = losses if uncapped else losses.clip(max=-np.log(np.finfo(float).eps))
    assert history[0]["validation_loss"] == pytest.approx(expected.mean())
    assert history[0]["loss"] > 100, "the training loss is always of the outputs"
    assert history[0]["validation_accuracy"] == pytest.approx(np.mean((logits >= 0) == validation.labels))


def test_the_best_state_is_kept_and_patience_ends_the_training(loop):
    ranks = iter([1, 3, 3, 2, 0, 9])
    best, history, model = run(loop, rank=lambda record: next(ranks), patience=3, epochs=6)
    assert best == 2, "the first of equals"
    assert len(history) == 5
    scores = import_module("gliobench.training.scores").binary_scores
    validation = part(8, 1)
    loss = scores(validation.labels, expit(loop.predict(model, validation.inputs)))["loss"]
    assert loss == pytest.approx(history[1]["validation_loss"])


def test_a_rate_far_too_high_is_divergence(loop):
    with pytest.raises(Diverged, match="NaN or infinite in epoch"):
        run(loop, rate=1e38, epochs=9)


def test_an_input_that_is_no_number_is_divergence(loop):
    broken = part()
    broken.inputs[4] = np.nan
    with pytest.raises(Diverged, match="NaN or infinite in epoch 1"):
        run(loop, inputs=broken)


def test_weights_drawn_with_a_seed_lie_below_pretrained_ones(loop):
    start = {"0.weight": loop.torch.full((1, 3), 7.0)}
    model = linear(loop, start)
    loop.renew(model, seed=5)
    state = {name: values.clone() for name, values in model.network.state_dict().items()}
    assert (state["0.weight"] == 7).all()
    loop.torch.manual_seed(5)
    assert (state["0.bias"] == loop.torch.nn.Linear(3, 1).bias).all()
    assert (start["0.weight"] == 7).all()


def test_a_training_leaves_pretrained_weights_as_they_were(loop):
    start = {"0.weight": loop.torch.full((1, 3), 7.0)}
    model = linear(loop, start)
    loop.renew(model, seed=5)
    run(loop, model)
    assert (start["0.weight"] == 7).all()


def test_nobody_is_predicted_as_nobody(loop):
    assert loop.predict(linear(loop), np.empty((0, 3), np.float32)).shape == (0,)


@pytest.mark.parametrize(("rows_at_once", "sizes"), [(3, [3, 3, 1]), (7, [7]), (32, [7])])
def test_so_many_rows_are_predicted_at_once(loop, rows_at_once, sizes):
    model, seen = linear(loop), []
    expected = loop.predict(model, part(7).inputs)
    model.rows_at_once = rows_at_once
    model.network.register_forward_pre_hook(lambda network, arguments: seen.append(len(arguments[0])))
    assert loop.predict(model, part(7).inputs) == pytest.approx(expected)
    assert seen == sizes


def deep(loop, seed=1):
    torch = loop.torch

    def draw(about):
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1), torch.nn.Flatten(0))

    return loop.Model(draw, {}, 2, torch.Tensor.float, torch.Tensor.double)


@pytest.mark.parametrize(
    "batch_size", [4, 5, 12]
)  # also with a last minibatch of two rows, and halves of two and three
def test_steps_of_gradients_added_up_over_parts_are_those_of_whole_minibatches(loop, batch_size):
    whole, parts = deep(loop), deep(loop)
    parts.accumulate = 2
    sizes = []
    parts.network.register_forward_pre_hook(
        lambda network, rows: sizes.append(len(rows[0])) if network.training else None
    )
    (_, history, _), (_, history_of_parts, _) = (
        run(
            loop,
            model,
            batch_size=batch_size,
            augment=lambda rows, draws: rows + loop.torch.rand(1, generator=draws.images),
        )
        for model in (whole, parts)
    )
    assert max(sizes) == -(-batch_size // 2)
    assert min(sizes) > 1
    for name, values in whole.network.state_dict().items():
        assert parts.network.state_dict()[name].numpy() == pytest.approx(values.numpy(), abs=1e-5)
    for one, other in zip(history, history_of_parts, strict=True):
        assert {**other, "seconds": 0} == pytest.approx({**one, "seconds": 0}, abs=1e-5)


def test_no_part_of_a_minibatch_is_a_single_row(loop):
    model, sizes = deep(loop), []
    model.accumulate = 2
    model.network.register_forward_pre_hook(
        lambda network, rows: sizes.append(len(rows[0])) if network.training else None
    )
    run(loop, model, batch_size=3, epochs=1)
    assert sizes == [3, 3, 3, 3]
