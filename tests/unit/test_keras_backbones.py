import os
import socket
from importlib import import_module

import h5py
import numpy as np
import pytest

from gliobench.errors import GlioBenchError
from gliobench.training import Machine
from weights_server import serving

pytestmark = pytest.mark.tensorflow
SHAPE = (32, 32, 3)


@pytest.fixture(scope="module")
def backbones():
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import_module("gliobench.training.keras_session").prepare(Machine())
    return import_module("gliobench.training.keras_backbones")


@pytest.fixture(scope="module")
def b0(backbones):
    return backbones.build_backbone("efficientnetb0", SHAPE)


# Keras' documentation of keras.applications gives these networks with their top; less that of 1000 classes.
TOPLESS = {
    "mobilenet": 4_253_864 - 1_025_000,
    "resnet50": 25_636_712 - 2_049_000,
    "efficientnetb0": 5_330_571 - 1_281_000,
    "efficientnetb3": 12_320_535 - 1_537_000,
    "alexnet": 34_944 + 614_656 + 885_120 + 1_327_488 + 884_992,
}


@pytest.mark.parametrize("name", sorted(TOPLESS))
def test_each_network_has_its_published_number_of_parameters(backbones, name):
    base = backbones.build_backbone(name, SHAPE)
    assert base.count_params() == TOPLESS[name]
    assert base.name == name


def test_resnet10_has_one_basic_block_a_stage(backbones):
    base = backbones.build_backbone("resnet10", SHAPE)
    convolutions = 3 * 64 * 49 + 2 * 9 * 64 * 64
    for narrow, wide in ((64, 128), (128, 256), (256, 512)):
        convolutions += 9 * narrow * wide + 9 * wide * wide + narrow * wide
    channels = 3 * 64 + 3 * (128 + 256 + 512)
    assert base.count_params() == convolutions + 4 * channels
    assert base.output.shape == (None, 1, 1, 512)


@pytest.mark.parametrize("name", ["mobilenet", "resnet50", "efficientnetb0"])
def test_each_network_gets_what_its_own_preprocessing_makes(backbones, name):
    applications = backbones.keras.applications
    module = {"mobilenet": applications.mobilenet, "resnet50": applications.resnet50}.get(
        name, applications.efficientnet
    )
    grey = np.repeat(np.linspace(0, 255, 12, dtype=np.float32).reshape(1, 3, 4, 1), 3, axis=3)
    known = backbones.BACKBONES[name]
    np.testing.assert_allclose(grey / 255 * known.scale + known.offset, module.preprocess_input(grey.copy()), atol=1e-3)


@pytest.mark.parametrize("name", ["alexnet", "resnet10"])
def test_networks_that_keras_lacks_have_no_imagenet_weights(backbones, name):
    base = backbones.build_backbone(name, SHAPE)
    with pytest.raises(GlioBenchError, match=f"Keras has no ImageNet weights for {name}; choose `weights: none`"):
        backbones.pretrained_weights(base, "imagenet")


def test_an_impossible_download_is_a_sentence(backbones, b0, monkeypatch, tmp_path):
    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    get_file = import_module("keras.src.applications.efficientnet").file_utils.get_file

    def elsewhere(*names, **options):
        return get_file(*names, **options | {"cache_dir": str(tmp_path)})

    monkeypatch.setattr(import_module("keras.src.applications.efficientnet").file_utils, "get_file", elsewhere)
    with pytest.raises(
        GlioBenchError,
        match=r"The ImageNet weights of efficientnetb0 could not be downloaded \(.*\); choose `weights: none`, "
        r"`weights: imagenet` or the path of a file\.$",
    ):
        backbones.pretrained_weights(b0, "imagenet")


def test_weights_downloaded_once_need_no_network_afterwards(backbones, monkeypatch, tmp_path):
    source = backbones.build_backbone("mobilenet", SHAPE)
    with h5py.File(tmp_path / "published.h5", "w") as file:
        import_module("keras.src.legacy.saving.legacy_h5_format").save_weights_to_hdf5_group(file, source)
    mobilenet = import_module("keras.src.applications.mobilenet")
    get_file = mobilenet.file_utils.get_file

    def elsewhere(*names, **options):
        return get_file(*names, **options | {"cache_dir": str(tmp_path)})

    monkeypatch.setattr(mobilenet.file_utils, "get_file", elsewhere)
    bases = [backbones.build_backbone("mobilenet", SHAPE) for _ in range(2)]
    with serving((tmp_path / "published.h5").read_bytes()) as (address, asked):
        monkeypatch.setattr(mobilenet, "BASE_WEIGHT_PATH", address)
        backbones.pretrained_weights(bases[0], "imagenet")
        assert len(asked) == 1
    for found, expected in zip(  # the server is gone
        backbones.pretrained_weights(bases[1], "imagenet"), source.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def normalization(backbones, base):
    return next(layer for layer in base.layers if isinstance(layer, backbones.layers.Normalization))


def test_imagenets_efficientnet_divides_by_the_deviation(backbones, b0, tmp_path):
    other = backbones.build_backbone("efficientnetb0", SHAPE)
    inner = normalization(backbones, other)
    inner.adapt_mean.assign([0.485, 0.456, 0.406])
    inner.adapt_variance.assign([0.229, 0.224, 0.225])  # as in the published file
    other.save_weights(tmp_path / "published.weights.h5")
    backbones.pretrained_weights(b0, str(tmp_path / "published.weights.h5"))
    scaled = normalization(backbones, b0)(np.full((1, 1, 1, 3), 0.5, np.float32))
    np.testing.assert_allclose(
        np.ravel(scaled), (0.5 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225]), rtol=1e-4
    )


def test_the_file_of_another_backbone_is_refused(backbones, b0, tmp_path):
    backbones.build_backbone("mobilenet", SHAPE).save_weights(tmp_path / "mobile.weights.h5")
    with pytest.raises(GlioBenchError, match=r"mobile\.weights\.h5 does not hold weights of efficientnetb0"):
        backbones.pretrained_weights(b0, str(tmp_path / "mobile.weights.h5"))


def test_settled_statistics_are_those_of_the_images(backbones):
    keras = backbones.keras
    inputs = keras.Input((4, 4, 1))
    norm = keras.layers.BatchNormalization(momentum=0.9)
    images = np.random.default_rng(0).normal(3, 2, (8, 4, 4, 1)).astype(np.float32)
    backbones.settle_batch_norm(keras.Model(inputs, norm(inputs)), images)
    assert norm.momentum == 0.9
    assert float(norm.moving_mean[0]) == pytest.approx(images.mean(), rel=1e-4)
    assert float(norm.moving_variance[0]) == pytest.approx(images.var(), rel=1e-3)
