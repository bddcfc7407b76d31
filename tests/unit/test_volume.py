"""The `cnn3d` input is what the paper and its code describe, that of `resnet10_3d` what its code does."""

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.imaging.intensity import minmax
from gliobench.imaging.presentation import Presentation
from gliobench.imaging.volume import Stored, Volume, cut, windowed
from gliobench.inputs.depth import central_slices, largest_slice, padding, slices_around
from gliobench.inputs.make import needed_series, usable_statuses
from gliobench.inputs.read import NotCovered
from gliobench.inputs.volume import box_around, chosen_slices, make_input, volume_input
from phantoms import CENTRE, affine_of, places, reader, turn

RNG = np.random.default_rng(0)
WINNER = {"choose": "largest", "interpolation": "bilinear", "scale": "slice", "pad": "behind"}


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


@pytest.mark.parametrize(
    ("middle", "n_slices", "kept"),
    [
        (50, 100, (18, 82)),
        (0, 100, (0, 32)),
        (10, 100, (0, 42)),
        (99, 100, (67, 100)),
        (20, 40, (0, 40)),
        (0, 1, (0, 1)),
    ],
)
def test_32_slices_before_the_middle_and_32_from_it_on_are_kept(middle: int, n_slices: int, kept: tuple) -> None:
    assert slices_around(middle, n_slices, 64) == slice(*kept)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), n_slices=st.integers(1, 90), depth=st.integers(1, 70))
def test_slices_around_one_hold_it_unless_the_depth_is_one_sided_and_never_exceed_the_series(
    data, n_slices, depth
) -> None:
    middle = data.draw(st.integers(0, n_slices - 1))
    kept = range(n_slices)[slices_around(middle, n_slices, depth)]
    assert middle in kept
    assert list(kept) == [place for place in range(n_slices) if -(depth // 2) <= place - middle < depth - depth // 2]


def box_area(mask: np.ndarray) -> int:
    """Return the area of a bounding box, counted from the places of the pixels."""
    rows, columns = np.nonzero(mask)
    return int((np.ptp(rows) + 1) * (np.ptp(columns) + 1)) if len(rows) else 0


@settings(max_examples=200, deadline=None)
@given(hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)))
def test_the_largest_slice_is_the_first_with_the_largest_bounding_box(inside: np.ndarray) -> None:
    areas = [box_area(mask) for mask in inside]
    assert largest_slice(inside) == areas.index(max(areas))


def test_two_far_pixels_span_a_larger_box_than_many_near_ones() -> None:
    inside = np.zeros((4, 6, 6), bool)
    inside[1, 1:4, 1:4] = True
    inside[2, [0, 5], [0, 5]] = True
    inside[3] = inside[2]
    assert largest_slice(inside) == 2
    assert largest_slice(inside[:2]) == 1
    assert largest_slice(np.zeros((3, 4, 4), bool)) == 0


def stripped(n_slices: int, widest: int, side: int = 20) -> np.ndarray:
    """Return a series without a skull, grey values on zeros; one slice shows most of the brain."""
    voxels = np.zeros((n_slices, side, side), np.uint16)
    for place in range(n_slices):
        half = max(side // 2 - 2 - abs(place - widest), 0)
        voxels[place, side // 2 - half : side // 2 + half, side // 2 - half : side // 2 + half] = 100 + place
        voxels[place, side // 2, side // 2] += 50 * (half > 0)
    return voxels


def winners(files: np.ndarray, size: int, depth: int) -> np.ndarray:
    """Return the input of a series by the winner's steps, as they are written down; without the transposition."""
    sizes = [box_area(image != 0) for image in files]
    middle = int(np.argmax(sizes))
    first, behind = max(0, middle - depth // 2), min(len(files), middle + depth // 2)
    images = []
    for image in files[first:behind]:
        small = cv2.resize(image.astype(float), (size, size))
        small = small - small.min()
        images.append(small / small.max() if small.max() > 0 else small)
    stack = np.stack(images, axis=-1)
    return np.concatenate([stack, np.zeros((size, size, depth - stack.shape[-1]))], axis=-1)


@pytest.mark.parametrize(
    ("n_slices", "widest", "depth"), [(30, 15, 8), (30, 1, 8), (30, 28, 8), (5, 2, 8), (3, 0, 8), (30, 14, 64)]
)
def test_the_input_is_the_winners(n_slices: int, widest: int, depth: int) -> None:
    voxels = stripped(n_slices, widest)
    volume = Volume(voxels, np.eye(4))
    arrays, _ = make_input(lambda name: (volume, SeriesFacts()), "T1wCE", {"shape": [7, 7, depth], **WINNER})
    assert arrays[0].dtype == np.float32
    np.testing.assert_allclose(arrays[0], winners(voxels, 7, depth), atol=1e-6)


def test_each_slice_has_its_own_scale_and_a_flat_one_is_zero() -> None:
    voxels = np.zeros((3, 4, 4), np.uint16)
    voxels[0, 0, 0], voxels[1] = 7, 9
    voxels[2, :2] = [[10, 20, 30, 40]] * 2
    made = volume_input(voxels, (4, 4, 5), scale="slice", pad="behind")
    assert made.max(axis=(0, 1)).tolist() == [1, 0, 1, 0, 0]
    assert made[0, :, 2].tolist() == [0.25, 0.5, 0.75, 1]


def test_bilinear_slices_skip_pixels_where_they_shrink() -> None:
    voxels = RNG.integers(0, 1000, (1, 8, 8), dtype=np.uint16)
    made = volume_input(voxels, (2, 2, 1), interpolation="bilinear")[..., 0]
    chosen = voxels[0].astype(float)[[1, 2, 5, 6]][:, [1, 2, 5, 6]].reshape(2, 2, 2, 2).mean(axis=(1, 3))
    assert np.allclose(made, (chosen - chosen.min()) / np.ptp(chosen), atol=1e-6)


def test_a_window_that_turns_the_background_grey_does_not_move_the_middle() -> None:
    voxels = stripped(30, 11)
    header = {"PhotometricInterpretation": "MONOCHROME2"}
    grey = [
        Presentation("file", header, (0, [100.0 + value / 9 + number for value in range(999)])) for number in range(30)
    ]
    shown = windowed(Volume(voxels, np.eye(4), None, Stored(voxels, grey)))
    assert shown.voxels.min() == 100
    assert chosen_slices(shown, 8, "largest") == slice(7, 15)
    from_grey_ones = chosen_slices(Volume(shown.voxels, np.eye(4)), 8, "largest")
    assert from_grey_ones != slice(7, 15), "otherwise the windows test nothing"


def test_a_series_with_its_skull_is_centred_on_its_largest_head() -> None:
    voxels = RNG.integers(1, 20, (30, 20, 20), dtype=np.uint16) + stripped(30, 19)
    assert chosen_slices(Volume(voxels, np.eye(4)), 8, "largest") == slice(15, 23)


def ball(points, centre, size=12.0):
    return np.linalg.norm(points - centre, axis=-1) <= size


def outlined(affine, shape, centre, mask_affine=None, mask_shape=None):
    """A series that is bright in a ball, and its segmentation, by default on the same grid."""
    mask_affine, mask_shape = affine if mask_affine is None else mask_affine, mask_shape or shape
    series = Volume(100 + 900 * ball(places(affine, shape), centre), affine)
    return series, Volume(ball(places(mask_affine, mask_shape), centre).astype(np.uint8), mask_affine)


CROP = {"kind": "volume", "shape": [20, 20, 8], "around": "segmentation", "margin": 6.0, "pad": "behind"}


def test_a_box_is_that_of_the_segmentation_with_its_margin_and_square_in_millimetres():
    affine, shape = affine_of(np.eye(3), (4.0, 2.0, 1.0), (12, 40, 80)), (12, 40, 80)
    mask = np.zeros(shape, bool)
    mask[4:7, 10:15, 30:71] = True  # 8 mm by 40 mm between the middles of its pixels
    slices, rows, columns = box_around(Volume(np.zeros(shape), affine), Volume(mask, affine), 8.0, "T1wCE")
    assert slices == slice(2, 9), "8 mm are two slices on each side"
    assert columns == slice(22, 79), "40 mm and 8 on each side"
    assert rows == slice(0, 29), "56 mm around the middle row, moved inwards from row -2"


@settings(max_examples=25, deadline=None)
@given(degrees=st.floats(-30, 30), spacing=st.tuples(*[st.floats(1.5, 4)] * 3), at=st.tuples(*[st.floats(-10, 10)] * 3))
def test_the_tumour_is_found_through_the_positions_of_series_and_segmentation(degrees, spacing, at) -> None:
    centre, shape = CENTRE + np.array(at), (40, 50, 50)
    affine = affine_of(turn(degrees, (1, 1, 0)), spacing, shape)
    series, segmentation = outlined(affine, shape, centre, affine_of(np.eye(3), (1, 1, 1), (60, 60, 60)), (60, 60, 60))
    box = box_around(series, segmentation, 6.0, "T1wCE")
    shown = np.zeros(shape, bool)
    shown[box] = True
    near = ball(places(affine, shape), centre, 16.0)
    assert shown[near].all(), "the ball, and most of its margin"
    far = (
        np.abs(np.arange(40)[:, None, None] - np.argwhere(near).mean(axis=0)[0]) * spacing[0] > 12 + 6 + 2 * spacing[0]
    )
    assert not (shown & far).any(), "no slice far from it"
    part = cut(series, box)
    np.testing.assert_allclose(part.voxels > 500, ball(places(part.affine, part.voxels.shape), centre))


def test_the_input_shows_the_tumour_and_the_rest_of_the_series_does_not_matter():
    shape = (20, 60, 60)
    affine = affine_of(np.eye(3), (3.0, 2.0, 2.0), shape)
    series, segmentation = outlined(affine, shape, CENTRE + np.array([9, -20, 15]))
    read = reader(T1wCE=series, segmentation=segmentation)
    ((array,), (index,)) = make_input(read, "T1wCE", CROP)
    assert array.shape == (20, 20, 8)
    assert index is None
    assert array.mean() > 0.2, "much of it is tumour"
    elsewhere = series.voxels + 5000 * ~ball(places(affine, shape), CENTRE + np.array([9, -20, 15]), 40.0)
    again = make_input(reader(T1wCE=Volume(elsewhere, affine), segmentation=segmentation), "T1wCE", CROP)
    np.testing.assert_array_equal(again[0][0], array)
    assert make_input(read, "T1wCE", {"kind": "volume", "shape": [20, 20, 8]})[0][0].mean() < array.mean()


def test_a_crop_needs_the_segmentation_and_positions_in_millimetres() -> None:
    assert needed_series("T1wCE", CROP) == ["T1wCE", "segmentation"]
    assert usable_statuses(CROP) == ("ok",)
    assert usable_statuses({"kind": "volume", "shape": [20, 20, 8]}) == ("ok", "voxels only")


def test_an_empty_segmentation_and_a_series_beside_the_tumour_are_a_sentence() -> None:
    shape = (20, 30, 30)
    affine = affine_of(np.eye(3), (3.0, 2.0, 2.0), shape)
    series, _ = outlined(affine, shape, CENTRE)
    with pytest.raises(SeriesError, match="cut around is empty; exclude it"):
        make_input(reader(T1wCE=series, segmentation=Volume(np.zeros(shape), affine)), "T1wCE", CROP)
    wide = affine_of(np.eye(3), (3.0, 2.0, 2.0), (60, 60, 60))
    _, beside = outlined(affine, shape, CENTRE + np.array([28, 0, 0]), wide, (60, 60, 60))
    with pytest.raises(NotCovered, match=r"T1wCE covers \d+% of the segmentation, but 80% are needed"):
        make_input(reader(T1wCE=series, segmentation=beside), "T1wCE", CROP)
    unplaced = lambda name: (series, SeriesFacts(unplaced="no position"))  # noqa: E731
    with pytest.raises(SeriesError, match="no position; it cannot be aligned"):
        make_input(unplaced, "T1wCE", CROP)


def test_a_part_of_a_volume_keeps_what_the_files_hold_of_it() -> None:
    pixels = RNG.integers(0, 900, (6, 5, 4), dtype=np.uint16)
    shown = [Presentation(f"Image-{number}.dcm", {}) for number in range(6)]
    volume = Volume(pixels.astype(np.float32), np.eye(4), stored=Stored(pixels, shown))
    part = cut(volume, (slice(2, 5), slice(1, 3), slice(0, 4)))
    assert part.voxels.shape == (3, 2, 4)
    assert part.stored.shown == shown[2:5]
    np.testing.assert_array_equal(part.stored.pixels, pixels[2:5, 1:3])
    assert part.affine[:3, 3].tolist() == [2, 1, 0]
