from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.torch
NOTHING = {"flips": [], "rotation": 0, "zoom": 0, "shift": 0, "noise": 0}
ALL = {"flips": ["x", "y", "z"], "rotation": 15, "zoom": 0.1, "shift": 0.1, "noise": 0.1}
seeds = st.integers(0, 2**32)
shapes = st.tuples(*[st.integers(1, 4)] * 2, *[st.integers(2, 7)] * 3)


@pytest.fixture(scope="module")
def torch():
    return import_module("torch")


def augment(batch, seed=0, **changes):
    module = import_module("gliobench.training.torch_augment")
    return module.augment_volumes(batch, module.Draws(seed, batch.device), NOTHING | changes)


def volumes(shape, seed=0):
    torch = import_module("torch")
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def torch_close(first, second):
    return import_module("torch").allclose(first, second, atol=1e-4)


def ball(shape, centre, radius=2.5):
    """One volume with a soft ball of brightness 1."""
    places = np.indices(shape)
    distance = np.sqrt(sum((axis - middle) ** 2 for axis, middle in zip(places, centre, strict=True)))
    return import_module("torch").from_numpy(np.clip(radius - distance, 0, 1).astype(np.float32))[None, None]


def centre_of(volume):
    values = volume[0, 0].numpy()
    return np.array([(axis * values).sum() for axis in np.indices(values.shape)]) / values.sum()


@settings(max_examples=20, deadline=None)
@given(shape=shapes, seed=seeds)
def test_nothing_asked_for_changes_nothing(shape, seed):
    batch = volumes(shape)
    assert (augment(batch, seed) == batch).all()


@settings(max_examples=20, deadline=None)
@given(shape=shapes, seed=seeds, axes=st.lists(st.sampled_from("xyz"), unique=True))
def test_a_flip_moves_voxels_and_loses_none(shape, seed, axes):
    batch = volumes(shape)
    flipped = augment(batch, seed, flips=axes)
    for before, after in zip(batch, flipped, strict=True):
        mirrored = [before]
        for axis in axes:
            mirrored += [volume.flip(1 + "xyz".index(axis)) for volume in mirrored]
        assert any((after == volume).all() for volume in mirrored), "all channels alike, along the axes asked for"


@settings(max_examples=20, deadline=None)
@given(shape=shapes, seed=seeds, axes=st.lists(st.sampled_from("xyz"), unique=True))
def test_a_flip_is_the_same_whether_or_not_the_volume_is_turned_too(shape, seed, axes):
    batch = volumes(shape)
    for before, after in zip(batch, augment(batch, seed, flips=axes, rotation=1e-6), strict=True):
        mirrored = [before]
        for axis in axes:
            mirrored += [volume.flip(1 + "xyz".index(axis)) for volume in mirrored]
        assert any(torch_close(after, volume) for volume in mirrored), "all channels alike, along the axes asked for"


@pytest.mark.parametrize("turn", [{}, {"rotation": 1e-6}])
def test_about_half_of_the_rows_are_flipped_each_by_its_own_coin(torch, turn):
    batch = torch.arange(2.0).expand(400, 1, 1, 1, 2)
    flipped = augment(batch, flips=["z"], **turn)[:, 0, 0, 0, 0]
    assert 0.4 < flipped.mean() < 0.6


@settings(max_examples=20, deadline=None)
@given(shape=shapes, seed=seeds)
def test_the_grid_is_that_of_pytorch(shape, seed):
    torch, module = (import_module(name) for name in ("torch", "gliobench.training.torch_augment"))
    images, matrices, shifts = volumes(shape), volumes((shape[0], 3, 3), seed), volumes((shape[0], 3), seed)
    halves = module.sides(images) / 2
    maps = torch.cat([(matrices * halves / halves[:, None]).flip(1, 2), (shifts / halves).flip(1)[..., None]], dim=2)
    expected = torch.nn.functional.affine_grid(maps, list(images.shape), align_corners=False)
    torch.testing.assert_close(module.sampling_grid(matrices, shifts, images), expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(shape=shapes, seed=seeds)
def test_the_same_seed_gives_the_same_batch_and_the_original_stays(shape, seed):
    batch = volumes(shape)
    before = batch.clone()
    first = augment(batch, seed, **ALL)
    assert first.shape == batch.shape
    assert (augment(batch, seed, **ALL) == first).all()
    assert (batch == before).all()


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_the_background_stays_zero_whatever_is_added(seed):
    batch = volumes((2, 4, 5, 5, 5))
    batch[:, :, :2] = 0
    changed = augment(batch, seed, shift=0.5, noise=0.5)
    assert (changed[:, :, :2] == 0).all()
    assert (changed[:, :, 2:] != batch[:, :, 2:]).any()


@settings(max_examples=20, deadline=None)
@given(seed=seeds, shift=st.floats(0.01, 2))
def test_a_shift_is_one_number_a_channel_within_its_limit(seed, shift):
    batch = volumes((3, 4, 4, 4, 4))
    added = augment(batch, seed, shift=shift) - batch
    per_channel = added.flatten(2)
    np.testing.assert_allclose(per_channel.std(dim=2), 0, atol=1e-5)
    assert per_channel.abs().max() <= shift + 1e-5
    assert len(per_channel.mean(dim=2).unique()) > 1


def test_noise_has_the_deviation_asked_for():
    batch = volumes((2, 2, 16, 16, 16))
    added = augment(batch, noise=0.25) - batch
    assert float(added.std()) == pytest.approx(0.25, rel=0.05)


@settings(max_examples=20, deadline=None)
@given(angles=st.tuples(*[st.floats(-3, 3)] * 3))
def test_a_rotation_keeps_lengths_and_hands(angles):
    torch = import_module("torch")
    module = import_module("gliobench.training.torch_augment")
    matrix = module.rotations(torch.tensor([angles], dtype=torch.float64))[0]
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert float(torch.linalg.det(matrix)) == pytest.approx(1)


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_a_turn_keeps_distances_in_voxels_in_a_grid_that_is_no_cube(seed):
    shape = (24, 32, 20)
    middle = (np.array(shape) - 1) / 2
    offset = np.array([4, -5, 2])
    volume = ball(shape, middle + offset)
    turned = augment(volume, seed, rotation=20)
    assert (turned != volume).any()
    assert np.linalg.norm(centre_of(turned) - middle) == pytest.approx(np.linalg.norm(offset), abs=0.15)
    assert float(turned.sum()) == pytest.approx(float(volume.sum()), rel=0.08)


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_a_zoom_moves_along_the_ray_from_the_middle_and_stays_within_its_limit(seed):
    shape = (24, 32, 20)
    middle = (np.array(shape) - 1) / 2
    offset = np.array([4, -6, 3])
    zoomed = centre_of(augment(ball(shape, middle + offset), seed, zoom=0.2)) - middle
    factor = float(zoomed @ offset / (offset @ offset))
    np.testing.assert_allclose(zoomed, factor * offset, atol=0.1)
    assert 0.79 <= factor <= 1.21
