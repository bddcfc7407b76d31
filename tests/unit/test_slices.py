"""The 2D input: which slices, how large, on which scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.volume import Volume
from gliobench.inputs.make import needed_series
from gliobench.inputs.slices import central, make_input, nonblank, spread

RNG = np.random.default_rng(0)


def made(voxels, **asked):
    volume = Volume(np.asarray(voxels), np.eye(4))
    return make_input(lambda name: ({"FLAIR": volume}[name], SeriesFacts()), "FLAIR", asked)


def stripped_series(sizes, side=20):
    """Slices that each show a square of noise, `sizes[k]` pixels a side, on a background of 0."""
    voxels = np.zeros((len(sizes), side, side), np.uint16)
    for image, size in zip(voxels, sizes, strict=True):
        image[3 : 3 + size, 3 : 3 + size] = RNG.integers(100, 200, (size, size))
    return voxels


@given(n_slices=st.integers(1, 400), share=st.floats(0.01, 1))
def test_the_central_share_lies_in_the_middle(n_slices, share):
    chosen = central(n_slices, share)
    assert len(chosen) == max(round(share * n_slices), 1)
    assert (np.diff(chosen) == 1).all()
    assert abs(chosen[0] - (n_slices - 1 - chosen[-1])) <= 1


@given(places=st.lists(st.integers(0, 400), min_size=1, max_size=60, unique=True).map(sorted), most=st.integers(1, 70))
def test_at_most_so_many_are_taken_evenly(places, most):
    kept = spread(np.array(places), most)
    assert len(set(kept)) == len(kept) == min(most, len(places))
    assert set(kept) <= set(places)
    if 1 < most <= len(places):
        assert (kept[0], kept[-1]) == (places[0], places[-1])


def test_one_slice_is_the_middle_one_and_none_named_are_all():
    assert spread(np.arange(9), 1).tolist() == [4]
    assert spread(np.arange(9), None).tolist() == list(range(9))


def test_slices_that_show_too_little_of_the_brain_are_blank():
    voxels = stripped_series([0, 1, 3, 10, 12, 10, 2, 0])
    assert nonblank(voxels, 0.0).tolist() == [1, 2, 3, 4, 5, 6]
    assert nonblank(voxels, 0.05).tolist() == [2, 3, 4, 5]  # 9 of 144 pixels are enough, 4 are not
    assert nonblank(voxels, 1.0).tolist() == [4]


def test_blank_slices_are_found_where_the_air_is_noise():
    voxels = stripped_series([0, 0, 12, 12, 0]) + RNG.integers(0, 10, (5, 20, 20), dtype=np.uint16)
    assert nonblank(voxels, 0.1).tolist() == [2, 3]


@pytest.mark.parametrize("most", [None, 3])
def test_slices_know_their_place_in_the_series(most):
    voxels = np.arange(10)[:, None, None] * np.ones((10, 4, 4), np.float32)
    asked = {"shape": [4, 4], "choose": "central", "share": 0.5, "most": most}
    images, places = made(voxels, **asked)
    assert needed_series("FLAIR", asked | {"kind": "slices"}) == ["FLAIR"]
    assert places == ([2, 3, 4, 5, 6] if most is None else [2, 4, 6])
    assert [image[0, 0] for image in images] == [round((place - 2) / 4 * 255) for place in places]


def test_slices_are_resized_bytes_on_the_scale_of_their_series():
    images, places = made(stripped_series([0, 5, 12, 0]), shape=[7, 9], choose="nonblank", minimum_foreground=0)
    assert places == [1, 2]
    assert all(image.shape == (7, 9) and image.dtype == np.uint8 for image in images)
    assert min(image.min() for image in images) == 0
    assert max(image.max() for image in images) == 255
