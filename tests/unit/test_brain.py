"""Skull stripping takes skulls away, and only skulls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliobench.imaging.brain import head_mask, stripped
from gliobench.imaging.intensity import background, rescale, standardise
from gliobench.imaging.volume import Volume
from phantoms import affine_of, brain_with_marker, head


def dice(one, other):
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("background_value", [0, -20, 7])
def test_a_stripped_brain_stays_untouched(background_value):
    affine = affine_of(np.eye(3), (4, 4, 4), (24, 30, 26))
    volume = brain_with_marker(affine, (24, 30, 26), np.zeros(3))
    true = volume.voxels > 0
    volume = Volume((volume.voxels + background_value).astype(np.int16), affine)
    before = volume.voxels.tobytes()
    kept, mask = stripped(volume, "auto")
    assert kept is volume
    assert kept.voxels.tobytes() == before
    assert np.array_equal(mask, true)


@pytest.mark.parametrize("spacing", [(5.0, 2.5, 2.5), (2.0, 2.0, 2.0), (7.0, 1.2, 1.2)])
@pytest.mark.parametrize("when", ["auto", "always"])
def test_a_skull_is_removed(spacing, when):
    volume, brain = head(tuple(int(165 / step) for step in spacing), spacing)
    kept, mask = stripped(volume, when)
    assert dice(mask, brain) > 0.9
    assert np.array_equal(kept.voxels[mask], volume.voxels[mask])
    assert set(np.unique(kept.voxels[~mask])) == {volume.voxels.min()}


def test_a_skull_stays_where_none_is_to_be_stripped():
    volume, brain = head()
    kept, mask = stripped(volume, "none")
    assert kept is volume
    assert np.array_equal(mask, head_mask(volume))
    assert mask[brain].mean() > 0.999  # dark fluid inside included
    assert 1.3 < mask.sum() / brain.sum() < 3


def test_always_strips_a_stripped_brain_of_little():
    volume, _ = head()
    once, mask = stripped(volume, "always")
    assert dice(stripped(once, "always")[1], mask) > 0.9


def test_air_with_noise_is_no_background():
    volume, _ = head()
    assert background(volume.voxels) is None
    assert background(np.where(volume.voxels > 60, volume.voxels, 3)) == 3


@settings(max_examples=50, deadline=None)
@given(gain=st.floats(0.01, 1e4), level=st.floats(-1e3, 1e3), seed=st.integers(0, 99))
def test_standardised_values_have_mean_0_and_sd_1_over_the_mask(gain, level, seed):
    rng = np.random.default_rng(seed)
    inside = rng.random((6, 7, 8)) < 0.5
    made = standardise(gain * rng.gamma(2, size=inside.shape) + level, inside)
    assert made.dtype == np.float32
    assert made[inside].mean() == pytest.approx(0, abs=1e-4)
    assert made[inside].std() == pytest.approx(1, abs=1e-3)
    assert not made[~inside].any()


def test_rescaled_values_fill_the_unit_interval_over_the_mask():
    rng = np.random.default_rng(0)
    inside = rng.random((20, 20, 20)) < 0.5
    values = rng.normal(300, 40, inside.shape)
    values[tuple(np.argwhere(inside)[0])] = 1e6
    made = rescale(values, inside)
    assert (made[inside].min(), made[inside].max()) == (0, 1)
    assert made[inside].std() > 0.1  # one outlier does not flatten the rest
    assert not made[~inside].any()


@pytest.mark.parametrize("scale", [standardise, rescale])
def test_constant_values_and_empty_masks_become_0(scale):
    assert not scale(np.full((2, 3, 4), 9.0), np.ones((2, 3, 4), bool)).any()
    assert not scale(np.arange(24.0).reshape(2, 3, 4), np.zeros((2, 3, 4), bool)).any()
