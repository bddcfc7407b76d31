"""All series of a patient come to lie on one grid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliobench.errors import GlioBenchError
from gliobench.imaging.registration import rigid
from gliobench.imaging.resample import Grid, box, sample, sample_mask
from gliobench.imaging.volume import Volume
from gliobench.inputs.grid import Space, make_input, needs
from gliobench.inputs.read import NotCovered
from phantoms import BRAIN, CENTRE, affine_of, brain_with_marker, head, places, radius, reader, textured, turn

NAMES = ("FLAIR", "T1w", "T1wCE", "T2w")
ASKED = {
    "kind": "grid",
    "shape": [32, 38, 30],
    "spacing": 3.0,
    "around": "brain",
    "reference": "T1wCE",
    "registration": "none",
    "skull_stripping": "auto",
    "intensity": "standardise",
}

PLANES = st.permutations([0, 1, 2])
SIGNS = st.tuples(*[st.sampled_from([-1, 1])] * 3)
TILTS = st.tuples(st.floats(-25, 25), st.sampled_from([(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (1, -2, 0.5)]))
SPACINGS = st.tuples(st.floats(1.5, 6), st.floats(1.5, 3.5), st.floats(1.5, 3.5))
MARGINS = st.tuples(*[st.floats(5, 40)] * 3)
MARKERS = st.tuples(*[st.floats(-0.5, 0.5)] * 3)


def made(read, name, **changes):
    arrays, slice_indexes = make_input(Space(read, ASKED | changes), name, ASKED | changes)
    assert slice_indexes == [None]
    assert arrays[0].dtype == np.float16
    return arrays[0].astype(np.float32)


@st.composite
def geometries(draw):
    """An affine and a shape that hold the brain: any plane, direction, tilt, spacing and field of view."""
    directions = np.eye(3)[:, draw(PLANES)] * draw(SIGNS)
    degrees, axis = draw(TILTS)
    directions = turn(degrees, axis) @ directions
    spacing, margin = np.array(draw(SPACINGS)), np.array(draw(MARGINS))
    reach = np.abs(directions.T) @ BRAIN
    shape = tuple(np.ceil(2 * (reach + margin) / spacing).astype(int).tolist())
    return affine_of(directions, spacing, shape, CENTRE + directions @ (margin / 3)), shape


@settings(max_examples=12, deadline=None)
@given(each=st.tuples(*[geometries()] * 5), place=MARKERS, spacing=st.floats(2.0, 4.0))
def test_a_place_in_the_patient_is_the_same_voxel_of_all_channels(each, place, spacing):
    marker = CENTRE + np.array(place) * BRAIN
    series = {name: brain_with_marker(*each[n], marker, gain=1.0 + 2 * n) for n, name in enumerate(NAMES)}
    affine, shape = each[4]
    series["lesion"] = Volume(np.linalg.norm(places(affine, shape) - marker, axis=-1) < 8, affine)
    shape = [int(130 / spacing)] * 3
    channels = {name: made(reader(**series), name, spacing=spacing, shape=shape) for name in series}
    found = []
    for channel in channels.values():
        assert channel.shape == tuple(shape)
        bright = np.where(channel > channel.max() / 2, channel, 0)
        found.append(np.array([np.average(axis, weights=bright) for axis in np.indices(shape)]))
    assert np.abs(np.array(found) - found[0]).max() <= 1
    steps = np.linalg.norm(series["T1wCE"].affine[:3, :3], axis=0)
    expected = (marker - CENTRE) / spacing + (np.array(shape) - 1) / 2  # along x, y, z of RAS+
    assert np.abs(np.array(found) - expected).max() <= 1 + steps.max() / 2 / spacing
    assert set(np.unique(channels["lesion"])) == {0, 1}


def test_the_grid_stands_around_the_segmentation():
    affine, shape = affine_of(np.eye(3), (3, 3, 3), (40, 44, 36)), (40, 44, 36)
    marker = CENTRE + np.array([12, -20, -9])
    mask = np.linalg.norm(places(affine, shape) - marker, axis=-1) < 10
    read = reader(FLAIR=brain_with_marker(affine, shape, marker), segmentation=Volume(2 * mask, affine))
    changes = {"around": "segmentation", "shape": [15, 15, 15], "spacing": [3.0, 2.0, 2.5]}
    segmentation = made(read, "segmentation", **changes)
    assert np.allclose(np.argwhere(segmentation == 1).mean(axis=0), 7, atol=0.6)
    assert segmentation.sum() * 15 == pytest.approx(4 / 3 * np.pi * 10**3, rel=0.1)
    peak = np.unravel_index(made(read, "FLAIR", **changes).argmax(), (15, 15, 15))
    assert np.abs(np.array(peak) - 7).max() <= 1


def test_a_series_needs_what_its_grid_is_placed_by():
    assert needs("FLAIR", ASKED) == ["FLAIR", "T1wCE"]
    assert needs("T1wCE", ASKED) == ["T1wCE"]
    assert needs("lesion", ASKED) == ["T1wCE"]
    around = ASKED | {"around": "segmentation"}
    assert needs("FLAIR", around) == ["FLAIR", "segmentation"]
    assert needs("segmentation", around) == ["segmentation"]
    assert needs("FLAIR", around | {"registration": "rigid"}) == ["FLAIR", "segmentation", "T1wCE"]


def brain_series():
    affine, shape = affine_of(turn(10, (1, 1, 0)), (5, 2, 2.5), (26, 66, 50)), (26, 66, 50)
    return Volume(textured(places(affine, shape)).astype(np.float32), affine)


def test_standardised_brains_have_mean_0_and_sd_1_and_0_outside():
    channel = made(reader(T1wCE=brain_series()), "T1wCE")
    inside = channel[channel != 0]
    assert 0.2 < len(inside) / channel.size < 0.6
    assert inside.mean() == pytest.approx(0, abs=2e-3)
    assert inside.std() == pytest.approx(1, abs=2e-3)


def test_rescaled_brains_lie_in_the_unit_interval():
    channel = made(reader(T1wCE=brain_series()), "T1wCE", intensity="rescale")
    assert (channel.min(), channel.max()) == (0, 1)


def test_fluid_without_signal_inside_the_brain_is_no_background():
    volume = brain_series()
    points = places(volume.affine, volume.voxels.shape)
    volume.voxels[radius(points, np.array([10.0, 14.0, 10.0])) < 1] = 0
    channel = made(reader(T1wCE=volume), "T1wCE")
    assert (channel[14:18, 17:21, 13:17] < -1).all()


def test_a_skull_is_stripped_before_the_brain_is_scaled():
    volume, brain = head()
    kept = made(reader(T1wCE=volume), "T1wCE")
    truth = made(reader(T1wCE=Volume(np.where(brain, volume.voxels, 0), volume.affine)), "T1wCE")
    assert np.corrcoef(kept.ravel(), truth.ravel())[0, 1] > 0.9
    whole = made(reader(T1wCE=volume), "T1wCE", skull_stripping="none")
    assert np.count_nonzero(whole) > 1.2 * np.count_nonzero(kept)


def test_shrinking_much_takes_means():
    checker = Volume(np.indices((64, 64, 64)).sum(0) % 2 * 100.0, affine_of(np.eye(3), (0.5,) * 3, (64,) * 3))
    values = sample(checker, Grid((6, 6, 6), (4.0, 4.0, 4.0), CENTRE))
    assert values == pytest.approx(50, abs=1)


def test_what_lies_beyond_the_field_of_view_is_outside():
    affine = affine_of(np.eye(3), (2, 2, 2), (8, 8, 8))
    grid = Grid((16, 16, 16), (2.0, 2.0, 2.0), CENTRE)
    assert sample_mask(np.ones((8, 8, 8), bool), affine, grid).sum() == 8**3


@given(geometry=geometries())
@settings(max_examples=15, deadline=None)
def test_the_bounding_box_is_the_patients_not_the_series(geometry):
    affine, shape = geometry
    mask = np.random.default_rng(0).random(shape) < 0.001
    mask.flat[0] = True
    points = places(affine, shape)[mask]
    assert np.allclose(box(mask, affine), [points.min(axis=0), points.max(axis=0)])


def test_an_empty_segmentation_is_a_sentence():
    empty = Volume(np.zeros((4, 4, 4)), np.eye(4))
    with pytest.raises(GlioBenchError, match="has no foreground"):
        made(reader(FLAIR=empty, segmentation=empty), "FLAIR", around="segmentation")


def moved_patient():
    """Two series of one patient who turned by 6 degrees and moved by 7 mm in between."""
    fixed = brain_series()
    movement = np.eye(4)
    movement[:3, :3] = turn(6, (1, 2, -1))
    movement[:3, 3] = CENTRE - movement[:3, :3] @ CENTRE + [4, -5, 3]
    affine, shape = affine_of(np.eye(3)[:, [2, 1, 0]], (4, 2.5, 2.5), (28, 52, 46)), (28, 52, 46)
    voxels = textured(places(affine, shape))
    return fixed, Volume(np.where(voxels > 0, 300 - voxels, 0), movement @ affine), movement


def test_registration_finds_where_the_patient_moved():
    fixed, moving, movement = moved_patient()
    transform = rigid(moving, fixed)
    lps = np.array([-1, -1, 1])
    points = CENTRE + np.random.default_rng(1).uniform(-0.7, 0.7, (30, 3)) * BRAIN
    found = np.array([lps * transform.TransformPoint((lps * point).tolist()) for point in points])
    true = points @ movement[:3, :3].T + movement[:3, 3]
    assert np.linalg.norm(found - true, axis=1).max() < 2.0  # less than a voxel
    rotation = np.diag(lps) @ np.reshape(transform.GetMatrix(), (3, 3)) @ np.diag(lps)
    angle = np.arccos((np.trace(rotation @ movement[:3, :3].T) - 1) / 2)
    assert np.rad2deg(angle) < 2
    assert rigid(moving, fixed).GetParameters() == transform.GetParameters()


def test_registered_series_lie_over_the_reference():
    fixed, moving, _ = moved_patient()
    read = reader(T1wCE=fixed, T2w=moving)
    reference = made(read, "T1wCE").ravel()
    before, after = (made(read, "T2w", registration=way).ravel() for way in ("none", "rigid"))
    assert np.array_equal(made(read, "T1wCE", registration="rigid").ravel(), reference)
    grid = Grid((32, 38, 30), (3.0, 3.0, 3.0), CENTRE)
    inside = (radius(places(grid.affine, grid.shape)) < 0.8).ravel()
    assert np.corrcoef(after[inside], reference[inside])[0, 1] < -0.95  # the contrast is inverted
    assert np.corrcoef(before[inside], reference[inside])[0, 1] > -0.8


def test_series_too_thin_to_register_stay_in_their_place():
    thin = Volume(np.ones((3, 20, 20)), np.eye(4))
    assert rigid(thin, brain_series()).GetParameters() == (0,) * 6


def test_series_apart_from_each_other_are_a_sentence():
    fixed = brain_series()
    far = fixed.affine + np.array([[0, 0, 0, 900.0]] + [[0.0] * 4] * 3)
    with pytest.raises(GlioBenchError, match="cannot be registered"):
        rigid(Volume(fixed.voxels, far), fixed)


@settings(max_examples=10, deadline=None)
@given(geometry=geometries(), spacing=st.floats(3.0, 9.0), background=st.sampled_from([0, -1024, 5000]))
def test_the_background_does_not_bleed_into_the_brain(geometry, spacing, background):
    affine, shape = geometry
    inside = radius(places(affine, shape)) < 1
    volume = Volume(np.where(inside, 400, background).astype(np.int16), affine)
    grid = Grid((int(140 / spacing),) * 3, (spacing,) * 3, CENTRE)
    values = sample(volume, grid, inside=inside)
    assert values[sample_mask(inside, affine, grid)] == pytest.approx(400, abs=0.5)


def test_a_channel_that_shows_too_little_of_the_brain_is_a_reason_and_no_zeros():
    whole = brain_series()
    points = places(whole.affine, whole.voxels.shape)
    for share, upper in ((0.95, 45), (0.5, 20)):
        part = Volume(np.where(points[..., 2] < upper, whole.voxels, 0), whole.affine)
        read = reader(T1wCE=whole, FLAIR=part)
        if share > 0.8:
            assert np.count_nonzero(made(read, "FLAIR")) > 1000
            continue
        said = r"FLAIR covers 5\d% of the brain in T1wCE, but 80% are needed"
        with pytest.raises(NotCovered, match=said):
            made(read, "FLAIR")
    far = whole.affine + np.array([[0, 0, 0, 900.0]] + [[0.0] * 4] * 3)
    with pytest.raises(NotCovered, match="FLAIR covers 0% of the brain"):
        made(reader(T1wCE=whole, FLAIR=Volume(whole.voxels, far)), "FLAIR")


@pytest.mark.parametrize("side", [1.0, 2.0])
def test_a_hole_in_the_brain_has_its_own_value_whatever_the_background_is(side):
    """So that a constant added to a series is added to its samples."""
    voxels = np.zeros((12, 12, 12), np.float32)
    voxels[2:10, 2:10, 2:10] = 100
    voxels[4:8, 4:8, 4:8] = 0
    inside = voxels > 0
    grid = Grid((int(12 / side),) * 3, (side,) * 3, np.full(3, 5.5))
    plain, shifted = (sample(Volume(voxels + shift, np.eye(4)), grid, None, inside) for shift in (0, -1000))
    near = plain.shape[0] // 2
    assert plain[near, near, near] == 0
    assert shifted[near, near, near] == pytest.approx(-1000)
    np.testing.assert_allclose(shifted[plain > 0], plain[plain > 0] - 1000, rtol=1e-4)
