"""The peer of `perf/training.py`: it trains the same network on the same batches, and the fastest form is kept."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from gliobench.errors import GlioBenchError
from gliobench.sources import SCRIPTS
from gliobench.training import Machine, import_approach

sys.path.insert(0, str(SCRIPTS.parents[1]))

from perf import contenders, peers
from perf.training import random_part, read_task

STEPS, EPOCHS = 10, 16  # more steps than are augmented at once
CHANGES = {  # so that a few epochs suffice
    "stacked_cnn3d": {"filters": 4},
    "cnn3d": {"filters": [8]},
    "efficientnet": {"backbone": "alexnet"},  # quick to trace
}


def learnable(approach, backend):
    """Return a small training whose patients with label 0 are darker."""
    task = read_task(approach, 0.01, STEPS, 1, "cpu", backend)
    task.parameters.update(CHANGES[approach])
    task.parameters.get(task.phase, task.parameters)["learning_rate"] = 1e-3
    part = random_part(task, STEPS * task.batch_size)
    part.inputs[part.labels == 0] = (part.inputs[part.labels == 0] * 0.3).astype(part.inputs.dtype)
    module = import_approach(approach, backend)
    module.prepare(Machine(1, "cpu"))
    seed_weights()
    model = module.build(task.shape, task.parameters, "none")
    return contenders.Training(task, module, model, part, random_part(task, 2))


def seed_weights():
    """Draw the same weights in each run of the tests."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


def steps_of_ours(training):
    """Count the optimiser's steps in an epoch of the approach's own `fit`, which trains two."""
    if "loop" in contenders.CONTENDERS[training.task.approach].__name__:
        from torch.optim.optimizer import register_optimizer_step_post_hook

        taken = []
        hook = register_optimizer_step_post_hook(lambda *_: taken.append(1))
        training.fit()
        hook.remove()
        return len(taken) // 2
    training.fit()
    return int(contenders.keras_step(training).optimizer.iterations) // 2


def seen(approach, backend):
    """Train both; return the batch size, our steps in an epoch, the rows of the peer's steps, and its losses."""
    training = learnable(approach, backend)
    ours = steps_of_ours(training)
    peer = next(peers.PEERS[contenders.CONTENDERS[approach]](training))
    rows, losses, step = [], [], peer.step

    def watched(inputs, labels):
        rows.append([len(inputs), len(labels)])
        return step(inputs, labels)

    peer.step = watched
    for _ in range(EPOCHS):
        assert peer() > 0
        losses.append(peer.loss)
    return {"batch": training.task.batch_size, "ours": ours, "rows": rows, "losses": losses}


def check(found):
    assert found["ours"] == STEPS
    assert found["rows"] == [[found["batch"]] * 2] * STEPS * EPOCHS
    assert min(found["losses"]) < 0.7 * found["losses"][0], "without learning they stay within a tenth"


@pytest.mark.parametrize(
    ("approach", "backend"),
    [
        pytest.param("stacked_cnn3d", "torch", marks=pytest.mark.torch),
        pytest.param("cnn3d", "tensorflow", marks=pytest.mark.tensorflow),
        pytest.param("efficientnet", "tensorflow", marks=pytest.mark.tensorflow),
    ],
)
def test_the_peer_learns_and_steps_as_often_as_we_do(approach, backend):
    check(seen(approach, backend))


@pytest.mark.slow  # torch is loaded in a process of its own
@pytest.mark.parametrize("approach", ["cnn3d", "efficientnet"])
def test_the_peer_of_keras_on_torch_learns_and_steps_as_often_as_we_do(approach):
    code = f"import json, test_perf_peers; print(json.dumps(test_perf_peers.seen({approach!r}, 'torch')))"
    path = os.pathsep.join([str(SCRIPTS), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check(json.loads(done.stdout.splitlines()[-1]))


def test_batches_are_cut_in_order_and_read_some_at_a_time():
    read = mock.Mock(side_effect=lambda rows: (rows * 10, rows))
    batches = list(peers.cut(np.arange(20), 2, read))
    assert [labels.tolist() for _, labels in batches] == [[row, row + 1] for row in range(0, 20, 2)]
    assert all((inputs == labels * 10).all() for inputs, labels in batches)
    assert [len(call.args[0]) for call in read.call_args_list] == [2 * peers.AHEAD, 20 - 2 * peers.AHEAD]


class Fake:
    """A peer whose epochs take given seconds; the first compiles."""

    def __init__(self, form, *seconds):
        self.form = form
        self.seconds = iter(seconds)

    def __call__(self):
        return next(self.seconds)


def failing(form):
    return mock.Mock(form=form, side_effect=RuntimeError("no compiler\nand more"))


def test_the_fastest_form_is_kept_by_its_second_epoch_and_what_fails_is_said(capsys):
    kept = peers.fastest([Fake("slow", 1, 3), failing("broken"), Fake("fast", 90, 2)])
    assert kept.form == "fast"
    assert capsys.readouterr().err == "the peer is not broken: RuntimeError: no compiler\n"


def test_a_peer_of_which_no_form_works_is_an_error():
    with pytest.raises(GlioBenchError, match="no form of the peer could be computed"):
        peers.fastest([failing("broken")])


def test_a_loss_that_is_no_number_is_refused():
    peer = peers.Peer("broken", lambda: iter([(0, 0)]), lambda inputs, labels: float("nan"))
    with pytest.raises(GlioBenchError, match="a loss was no number"):
        peer()
