import hashlib
import subprocess
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml

from gliobench.errors import GlioBenchError
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Machine, Part
from gliobench.training.fetching import fetch_imagenet
from training_checks import check_repeats
from weights_server import serving

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[2]
PAPER = yaml.safe_load((ROOT / "config" / "approaches" / "resnet18.yaml").read_text(encoding="utf-8"))
DEFAULTS = StudyApproach(ROOT / "config" / "approaches" / "resnet18.yaml").parameters
SMALL = DEFAULTS | {"batch_size": 8, "epochs": 3}
SHAPE = (32, 32)


@pytest.fixture(scope="module")
def resnet18():
    module = import_module("gliobench.approaches.resnet18")
    module.prepare(Machine(1, "cpu", False))
    return module


@pytest.fixture(scope="module")
def model(resnet18):
    return resnet18.build(SHAPE, SMALL, "none")


def make_part(n, seed=0):
    """Slices whose brightness tells the label; two of each patient."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) // 2 % 2
    inputs = (rng.random((n, *SHAPE)) * 100 + labels[:, None, None] * 100).astype(np.uint8)
    return Part(inputs, labels, np.array([f"{number // 2:05}" for number in range(n)]))


def fit(resnet18, model, seed=1, train=None, validation=None, **changes):
    history = []
    best = resnet18.fit(
        model, "final", train or make_part(16), validation or make_part(8, 1), SMALL | changes, seed, history.append
    )
    return best, history, resnet18.predict(model, make_part(6, 2).inputs)


def test_the_network_is_torchvisions_with_two_outputs(resnet18, model):
    from torchvision.models import resnet18 as original

    assert sum(values.numel() for values in model.network.parameters()) == 11_177_538
    theirs = {name: values.shape for name, values in original().state_dict().items() if not name.startswith("fc.")}
    ours = {name: values.shape for name, values in model.network.state_dict().items()}
    assert ours.pop("fc.weight") == (2, 512)
    assert ours.pop("fc.bias") == (2,)
    assert ours == theirs


def test_settings_are_the_papers():
    assert (DEFAULTS["step_size"], DEFAULTS["gamma"], DEFAULTS["epochs"]) == (
        7,
        0.1,
        30,
    )
    assert PAPER["weights"] == "imagenet"


def test_slices_are_normalised_as_imagenets_images_were(resnet18):
    from torchvision.models import ResNet18_Weights

    torch = resnet18.torch
    slices = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    theirs = ResNet18_Weights.IMAGENET1K_V1.transforms()
    assert (list(resnet18.MEAN), list(resnet18.DEVIATION)) == (theirs.mean, theirs.std)
    expected = import_module("torchvision.transforms.functional").normalize(
        (slices / 255).expand(3, -1, -1), theirs.mean, theirs.std
    )
    np.testing.assert_allclose(resnet18.as_colours(slices)[0], expected, atol=1e-6)


def test_the_learning_rate_falls_by_step_and_training_uses_every_epoch(resnet18, model, monkeypatch):
    rates = []
    kept = resnet18.torch.optim.lr_scheduler.StepLR

    class Spy(kept):
        def step(self, *arguments):
            super().step(*arguments)
            rates.append(self.get_last_lr()[0])

    monkeypatch.setattr(resnet18.torch.optim.lr_scheduler, "StepLR", Spy)
    _, history, _ = fit(resnet18, model, epochs=5, step_size=2, train=make_part(4))
    assert len(history) == 5
    assert rates[-5:] == pytest.approx([1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_a_bright_label_is_learnt_and_the_best_accuracy_kept(resnet18, model):
    validation = make_part(8, 1)
    best, history, _ = fit(resnet18, model, epochs=6, train=make_part(32), validation=validation, learning_rate=1e-2)
    accuracies = [record["validation_accuracy"] for record in history]
    now = np.mean((resnet18.predict(model, validation.inputs) >= 0) == validation.labels)
    assert accuracies[best - 1] == max(accuracies) == now
    losses = [record["validation_loss"] for record in history if record["validation_accuracy"] == max(accuracies)]
    assert history[best - 1]["validation_loss"] == min(losses)
    assert now > 0.8


def test_a_training_repeats_to_the_byte_also_after_another_fold(resnet18, model):
    check_repeats(partial(fit, resnet18), 3, model, resnet18.build(SHAPE, SMALL, "none"), make_part(12, 5))


def test_a_saved_model_predicts_the_same(resnet18, model, tmp_path):
    expected = fit(resnet18, model, epochs=1)[2]
    resnet18.save(model, tmp_path / f"model{resnet18.SUFFIX}")
    loaded = resnet18.load(tmp_path / f"model{resnet18.SUFFIX}")
    assert (resnet18.predict(loaded, make_part(6, 2).inputs) == expected).all()


def test_a_last_batch_of_one_slice_is_no_trouble(resnet18, model):
    assert np.isfinite(fit(resnet18, model, epochs=1, train=make_part(9))[2]).all()


def test_imagenet_weights_that_cannot_be_downloaded_are_a_sentence(resnet18, monkeypatch, tmp_path):
    def refuse(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    with pytest.raises(GlioBenchError, match=r"could not be downloaded .*none, imagenet or the path of a file"):
        resnet18.build(SHAPE, SMALL, "imagenet")


def published(resnet18, monkeypatch, tmp_path, address, content, digest=None):
    """Have torchvision load its weights from another address; a file's name begins its checksum."""
    from torchvision.models import ResNet18_Weights

    digest = digest or hashlib.sha256(content).hexdigest()[:8]
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(ResNet18_Weights.IMAGENET1K_V1.value, "url", f"{address}resnet18-{digest}.pth")


def test_weights_fetched_once_need_no_network_in_trainings(resnet18, monkeypatch, tmp_path):
    from torchvision.models import resnet18 as original

    torch = resnet18.torch
    torch.manual_seed(12)
    given = original().state_dict()
    torch.save(given, tmp_path / "published.pth")
    content = (tmp_path / "published.pth").read_bytes()
    networks = [{"shape": list(SHAPE), "parameters": SMALL}]
    with serving(content) as (address, asked):
        published(resnet18, monkeypatch, tmp_path, address, content)
        fetch_imagenet(resnet18, networks)
        fetch_imagenet(resnet18, networks)
        assert len(asked) == 1
    model = resnet18.build(SHAPE, SMALL, "imagenet")  # the server is gone
    assert (model.start["conv1.weight"] == given["conv1.weight"]).all()


def test_fetched_weights_of_another_checksum_are_refused(resnet18, monkeypatch, tmp_path):
    with serving(b"damaged") as (address, _):
        published(resnet18, monkeypatch, tmp_path, address, b"damaged", digest="0" * 8)
        with pytest.raises(GlioBenchError, match=r"could not be downloaded .*hash"):
            fetch_imagenet(resnet18, [{"shape": list(SHAPE), "parameters": SMALL}])


def test_training_starts_from_a_files_weights_with_a_fresh_last_layer(resnet18, tmp_path):
    from torchvision.models import resnet18 as original

    torch = resnet18.torch
    torch.manual_seed(11)
    given = original().state_dict()
    torch.save(given, tmp_path / "imagenet.pth")
    model = resnet18.build(SHAPE, SMALL, str(tmp_path / "imagenet.pth"))
    fit(resnet18, model, learning_rate=0.0, epochs=1)
    now = model.network.state_dict()
    for name, values in model.network.named_parameters():
        if not name.startswith("fc."):
            assert (values == given[name]).all()
    assert now["fc.weight"].shape == (2, 512)


def test_importing_it_loads_no_tensorflow():
    code = "import sys, gliobench.approaches.resnet18; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "workflow" / "scripts")
