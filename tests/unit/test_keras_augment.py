import os
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliobench.training import Machine

pytestmark = pytest.mark.tensorflow
STILL = {"rotation": 0.0, "zoom": [1.0, 1.0], "shift": 0.0, "brightness": [1.0, 1.0]}
PAPER = {"rotation": 15, "zoom": [0.8, 1.2], "shift": 0.1, "brightness": [0.8, 1.2]}


@pytest.fixture(scope="module")
def augment():
    os.environ["KERAS_BACKEND"] = "tensorflow"
    keras_session = import_module("gliobench.training.keras_session")
    keras_session.prepare(Machine())
    on_the_device = import_module("gliobench.training.keras_augment").augment
    return lambda *arguments: keras_session.keras.ops.convert_to_numpy(on_the_device(*arguments))


def pictures(n=6, rows=12, columns=16, seed=0):
    return np.random.default_rng(seed).random((n, rows, columns), dtype=np.float32)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    rotation=st.floats(0, 180),
    zoom=st.floats(0.5, 2),
    shift=st.floats(0, 0.5),
    brightness=st.floats(0.5, 3),
)
def test_slices_keep_shape_type_and_range(augment, seed, rotation, zoom, shift, brightness):
    ranges = {"rotation": rotation, "zoom": [0.5, zoom + 0.5], "shift": shift, "brightness": [0.4, brightness]}
    changed = augment(pictures(), ranges, np.random.default_rng(seed))
    assert changed.shape == (6, 12, 16)
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_without_room_for_change_a_slice_is_itself_or_its_mirror_image(augment):
    slices = pictures(40)
    changed = augment(slices, STILL, np.random.default_rng(1))
    same = np.isclose(changed, slices, atol=1e-5).all((1, 2))
    mirrored = np.isclose(changed, slices[:, :, ::-1], atol=1e-5).all((1, 2))
    assert (same ^ mirrored).all()
    assert 8 <= mirrored.sum() <= 32


def test_the_same_numbers_give_the_same_slices_and_slices_differ_among_themselves(augment):
    slices = np.repeat(pictures(1), 5, axis=0)
    changed = augment(slices, PAPER, np.random.default_rng(2))
    np.testing.assert_array_equal(changed, augment(slices, PAPER, np.random.default_rng(2)))
    assert all((changed[0] != other).any() for other in changed[1:])


def disc(side=41):
    y, x = np.mgrid[:side, :side] - side // 2
    return (x**2 + y**2 <= 8**2).astype(np.float32)[None]


def middle(picture):
    return [np.average(places, weights=picture) for places in np.indices(picture.shape)]


def test_zoom_above_one_enlarges_about_the_middle(augment):
    larger = augment(disc(), STILL | {"zoom": [1.2, 1.2]}, np.random.default_rng(0))
    assert larger.sum() == pytest.approx(disc().sum() * 1.44, rel=0.05)
    np.testing.assert_allclose(middle(larger[0]), [20, 20], atol=1e-3)


def test_shifts_stay_within_their_share_of_the_side(augment):
    moved = augment(np.repeat(disc(), 60, axis=0), STILL | {"shift": 0.1}, np.random.default_rng(0))
    middles = np.array([middle(picture) for picture in moved])
    assert np.abs(middles - 20).max() <= 4.1 + 1e-3
    assert (np.abs(middles - 20).max(0) > 3).all()


def test_rotation_turns_about_the_middle_by_no_more_than_its_angle(augment):
    bar = np.zeros((60, 41, 41), np.float32)
    bar[:, 20, 5:36] = 1
    turned = augment(bar, STILL | {"rotation": 15}, np.random.default_rng(0))
    ends = [np.argmax(picture[:, 33]) - 20 for picture in turned]
    assert max(np.abs(ends)) <= np.ceil(13 * np.tan(np.deg2rad(15)))
    assert min(ends) < -1
    assert max(ends) > 1


def test_brightness_multiplies(augment):
    dark = augment(pictures() * 0 + 0.5, STILL | {"brightness": [0.8, 0.8]}, np.random.default_rng(0))
    np.testing.assert_allclose(dark, 0.4, atol=1e-6)
