"""Features have the values of IBSI's reference, which no program computed, and of formulas written out here."""

from itertools import product

import numpy as np
import pytest

from gliobench.imaging.ibsi import intensity_features, intensity_names, shape_features, shape_names
from ibsi_reference import PHANTOM, REFERENCE, SLICE_MATRICES, SPACING

INSIDE = PHANTOM > 0
DIRECTIONS = [step for step in product((-1, 0, 1), repeat=3) if any(step)]  # both ways: matrices are symmetrical


@pytest.fixture(scope="module")
def values():
    return computed()


def computed():
    of_intensities = intensity_features(PHANTOM, INSIDE, SPACING, None, None)
    return dict(zip(intensity_names(), of_intensities, strict=True)) | dict(
        zip(shape_names(), shape_features(INSIDE, SPACING), strict=True)
    )


def cooccurrences(levels, steps):
    """Count pairs of grey levels at each step, by looking at every voxel; 0 is outside."""
    counts = np.zeros((levels.max() + 1,) * 2)
    for place in np.argwhere(levels):
        for step in steps:
            other = place + step
            if (other >= 0).all() and (other < levels.shape).all() and levels[tuple(other)]:
                counts[levels[tuple(place)], levels[tuple(other)]] += 1
    return counts


def test_the_phantom_has_the_cooccurrence_matrices_that_the_manual_prints():
    in_slice = [step for step in DIRECTIONS if step[0] == 0]
    for level, printed in zip(PHANTOM, SLICE_MATRICES, strict=True):
        counts = cooccurrences(level[None], in_slice)
        assert {(i, j): counts[i, j] for i, j in np.argwhere(np.triu(counts)).tolist()} == printed


def test_every_feature_used_has_a_reference_value_and_no_other_is_kept():
    names = [*intensity_names(), *shape_names()]
    assert len(names) == len(set(names)) > 120
    assert set(names) == set(REFERENCE)


@pytest.mark.parametrize("name", REFERENCE)
def test_a_feature_agrees_with_the_reference_of_ibsi(name, values):
    _, reference, tolerance = REFERENCE[name]
    rounded = float(f"{values[name]:.3g}")  # the manual gives three digits
    assert rounded == pytest.approx(reference, rel=1e-12, abs=tolerance + 1e-12)


def test_statistics_and_texture_are_those_of_formulas_written_out(values):
    levels = PHANTOM[INSIDE].astype(float)
    around = levels - levels.mean()
    assert values["stat_var"] == pytest.approx((around**2).mean())
    assert values["stat_skew"] == pytest.approx((around**3).mean() / (around**2).mean() ** 1.5)
    assert values["stat_kurt"] == pytest.approx((around**4).mean() / (around**2).mean() ** 2 - 3)
    assert values["stat_energy"] == (levels**2).sum()
    counts = cooccurrences(PHANTOM, DIRECTIONS)
    p = counts / counts.sum()
    i, j = np.indices(p.shape)
    mean = (i * p).sum()
    assert values["cm_contrast"] == pytest.approx(((i - j) ** 2 * p).sum())
    assert values["cm_energy"] == pytest.approx((p**2).sum())
    assert values["cm_joint_entr"] == pytest.approx(-(p[p > 0] * np.log2(p[p > 0])).sum())
    assert values["cm_joint_var"] == pytest.approx(((i - mean) ** 2 * p).sum())
    assert values["cm_corr"] == pytest.approx(
        (i * j * p).sum() / ((i - mean) ** 2 * p).sum() - mean**2 / ((i - mean) ** 2 * p).sum()
    )
    assert values["cm_clust_prom"] == pytest.approx(((i + j - 2 * mean) ** 4 * p).sum())


def test_six_bins_of_the_phantom_are_its_grey_levels():
    plain, binned = (intensity_features(PHANTOM, INSIDE, SPACING, bins, None) for bins in (None, 6))
    np.testing.assert_allclose(binned, plain)


def test_a_fixed_number_of_bins_and_texture_do_not_depend_on_the_scale_of_intensities():
    texture = np.array([not name.startswith("stat_") for name in intensity_names()])
    one, other = (intensity_features(gain * PHANTOM + 7.0, INSIDE, SPACING, 32, None) for gain in (1.0, 250.0))
    np.testing.assert_allclose(one[texture], other[texture])


def test_voxels_beyond_three_standard_deviations_do_not_count():
    values = np.random.default_rng(0).normal(size=(8, 8, 8))
    values[4, 4, 4] = 40.0
    mask = np.ones(values.shape, bool)
    names = intensity_names()
    kept, clipped = (intensity_features(values, mask, 1.0, 32, outliers) for outliers in (None, 3.0))
    assert kept[names.index("stat_max")] == 40.0
    assert clipped[names.index("stat_max")] < 5.0


def test_the_same_region_has_the_same_features_every_time():
    np.testing.assert_array_equal(*(list(computed().values()) for _ in range(2)))
