"""The `cnn3d` input is what the paper and its code describe."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.intensity import minmax
from gliobench.imaging.volume import Volume
from gliobench.inputs.depth import central_slices, padding
from gliobench.inputs.make import needed_series
from gliobench.inputs.volume import make_input, volume_input

RNG = np.random.default_rng(0)


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(st.sampled_from([np.uint16, np.int16, np.float32, np.float64]), hnp.array_shapes(min_dims=3, max_dims=3))
)
@example(np.array([[[-1.5e308, 1.5e308]]]))
@pytest.mark.filterwarnings("ignore:overflow")
def test_minmax_fills_the_unit_interval_or_is_zero(volume: np.ndarray) -> None:
    scaled = minmax(volume)
    finite = volume[np.isfinite(volume)]
    assert scaled.dtype == np.float32
    assert scaled.min() >= 0
    assert scaled.max() <= 1
    assert not np.isnan(scaled).any()
    if finite.size and finite.min() < finite.max():
        assert scaled.max() == 1
        assert scaled.min() == 0


def test_minmax_keeps_non_finite_voxels_at_the_ends() -> None:
    scaled = minmax(np.array([[[np.nan, -np.inf, np.inf, 2.0, 4.0]]]))
    assert scaled.tolist() == [[[0, 0, 1, 0, 1]]]


@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_minmax_of_a_constant_is_zero(value: float) -> None:
    assert not minmax(np.full((2, 3, 4), value)).any()


@settings(max_examples=60, deadline=None)
@given(n_slices=st.integers(1, 70), depth=st.integers(1, 40))
def test_the_input_has_its_shape_and_shows_every_slice_it_can(n_slices: int, depth: int) -> None:
    kept = range(n_slices)[central_slices(n_slices, depth)]
    front, behind = padding(n_slices, depth)
    assert len(kept) == min(n_slices, depth)
    assert front + len(kept) + behind == depth
    assert behind - front in (0, 1)
    made = volume_input(RNG.integers(0, 9, (n_slices, 5, 6), dtype=np.uint16), (4, 3, depth))
    assert made.shape == (4, 3, depth)
    assert made.dtype == np.float32
    assert made.flags.c_contiguous


def test_sixteen_slices_on_each_side_of_the_middle_are_kept() -> None:
    assert central_slices(100, 32) == slice(34, 66)
    assert central_slices(101, 32) == slice(34, 66)


def test_zero_slices_lie_in_front_and_behind_whatever_the_smallest_value() -> None:
    voxels = np.full((2, 4, 4), 100, np.uint16)
    voxels[0, 0, 0], voxels[1, 3, 3] = 50, 150
    made = volume_input(voxels, (4, 4, 5))
    assert padding(2, 5) == (1, 2)
    assert not made[..., [0, 3, 4]].any()
    assert made[0, 0, 1] == 0
    assert made[3, 3, 2] == 1
    assert made[1, 1, 1] == pytest.approx(0.5)


def test_shrinking_takes_the_mean_of_each_area() -> None:
    voxels = RNG.integers(0, 1000, (3, 8, 12), dtype=np.uint16)
    means = voxels.reshape(3, 4, 2, 4, 3).mean(axis=(2, 4))
    expected = (means - means.min()) / (means.max() - means.min())
    assert np.allclose(volume_input(voxels, (4, 4, 3)), expected.transpose(1, 2, 0), atol=1e-6)


def test_growing_keeps_the_range() -> None:
    made = volume_input(RNG.integers(0, 1000, (3, 4, 4), dtype=np.int16), (8, 8, 3))
    assert (made.min(), made.max()) == (0, 1)


def test_the_input_is_one_array_of_the_series_itself() -> None:
    volume = Volume(RNG.integers(0, 1000, (3, 8, 12), dtype=np.uint16), np.eye(4))
    asked = {"shape": [4, 4, 3]}
    arrays, slice_indexes = make_input(lambda name: ({"T2w": volume}[name], SeriesFacts()), "T2w", asked)
    assert needed_series("T2w", asked | {"kind": "volume"}) == ["T2w"]
    assert slice_indexes == [None]
    assert np.array_equal(arrays[0], volume_input(volume.voxels, (4, 4, 3)))
