"""The baselines' input says what headers and intensities say, and keeps unknown things unknown."""

import zlib

import numpy as np
import pytest

from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.volume import Volume
from gliobench.inputs.facts import CATEGORICAL, HEADER, INTENSITY, make_input
from gliobench.inputs.make import needed_series

RNG = np.random.default_rng(0)
FACTS = SeriesFacts(
    n_files=20, n_slices=20, rows=64, columns=48, spacing=0.5, slice_spacing=6.0, plane="coronal", manufacturer="ACME"
)


def made(voxels, facts=FACTS):
    arrays, slice_indexes = make_input(lambda name: (Volume(voxels, np.eye(4)), facts), "T1w", {"kind": "facts"})
    assert slice_indexes == [None]
    assert arrays[0].dtype == np.float64
    return dict(zip(HEADER + INTENSITY, arrays[0], strict=True))


def brain():
    voxels = np.zeros((6, 10, 10))
    voxels[1:5, 2:8, 2:8] = RNG.gamma(2.0, 100.0, (4, 6, 6)) + 1
    return voxels


def test_header_facts_are_the_audits():
    named = made(brain())
    assert needed_series("T1w", {"kind": "facts"}) == ["T1w"]
    assert [named[name] for name in HEADER] == [20, 64, 48, 0.5, 6.0, 1, zlib.crc32(b"ACME")]
    assert set(CATEGORICAL) == {"plane", "manufacturer"}


def test_unknown_facts_are_nan():
    named = made(brain(), SeriesFacts(n_files=1, n_slices=6, rows=10, columns=10))
    assert [name for name in HEADER if np.isnan(named[name])] == ["spacing", "slice_spacing", "plane", "manufacturer"]


def test_intensity_facts_describe_the_brain_in_units_of_the_range():
    voxels = brain()
    inside = voxels[voxels > 0] / voxels.max()
    named = made(voxels)
    assert named["mean"] == pytest.approx(inside.mean(), rel=1e-5)
    assert named["sd"] == pytest.approx(inside.std(), rel=1e-5)
    assert named["skewness"] == pytest.approx(((inside - inside.mean()) ** 3).mean() / inside.std() ** 3, rel=1e-4)
    assert [named[name] for name in ("p05", "p25", "p50", "p75", "p95")] == pytest.approx(
        np.percentile(inside, [5, 25, 50, 75, 95]), rel=1e-5
    )
    assert named["foreground_fraction"] == pytest.approx(len(inside) / voxels.size)


def test_gain_and_background_level_do_not_count():
    voxels = brain()
    first, second = made(voxels), made(3 * voxels + 40)
    assert [second[name] for name in INTENSITY] == pytest.approx([first[name] for name in INTENSITY], rel=1e-4)


@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_series_gives_numbers(value):
    named = made(np.full((2, 3, 4), value, np.uint16))
    assert all(np.isfinite(named[name]) for name in INTENSITY)
