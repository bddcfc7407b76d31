"""What the audit keeps of a series is all of it: voxels, windows, places and facts come back as they were."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_files import write_series
from gliobench.cohorts import DECODED_KIND, read_patient_series
from gliobench.cohorts.decoded import keep_series
from gliobench.errors import GlioBenchError
from gliobench.imaging.dicom import read_series
from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.volume import Volume, windowed


def kept(folder, volume, facts):
    """Keep a series and read it again."""
    keep_series(folder, "p-1", "FLAIR", volume, facts)
    return read_patient_series(DECODED_KIND, folder, "p-1", "FLAIR")


def same(first: Volume, second: Volume) -> bool:
    arrays = [(first.voxels, second.voxels), (first.affine, second.affine)]
    if first.places is not None:
        arrays.append((first.places, second.places))
    return (first.places is None) == (second.places is None) and all(
        one.dtype == other.dtype and np.array_equal(one, other) for one, other in arrays
    )


@settings(deadline=None, max_examples=60)
@given(
    shape=st.tuples(st.integers(2, 4), st.integers(1, 6), st.integers(1, 6)),
    background=st.sampled_from([0, 7, 4000]),
    filled=st.lists(st.tuples(*[st.integers(0, 5)] * 3), max_size=6),
    rescale=st.sampled_from([{}, {"RescaleSlope": 0.5, "RescaleIntercept": -100}]),
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
    window=st.sampled_from([{}, {"WindowCenter": 40, "WindowWidth": 80}]),
    unequal=st.booleans(),
    seed=st.integers(0, 99),
)
def test_a_dicom_series_comes_back_as_it_was_read(
    tmp_path_factory, shape, background, filled, rescale, photometric, window, unequal, seed
):
    folder = tmp_path_factory.mktemp("decoded")
    voxels = np.full(shape, background, np.uint16)
    for place in filled:
        voxels[tuple(min(at, side - 1) for at, side in zip(place, shape, strict=True))] = 1 + seed
    write_series(folder / "dicom", voxels, PhotometricInterpretation=photometric, **rescale, **window)
    volume, facts = read_series(folder / "dicom")
    if unequal:
        volume = replace(volume, places=np.cumsum(np.linspace(0, 2, shape[0])))
    again, same_facts = kept(folder, volume, facts)
    assert same_facts == facts
    assert same(volume, again)
    assert same(windowed(volume), windowed(again))


def test_a_series_of_another_format_comes_back_too(tmp_path):
    voxels = np.zeros((3, 4, 5), np.float32)
    voxels[1, 2, 3] = 0.25
    again, facts = kept(tmp_path, Volume(voxels, np.diag([3.0, 1, 1, 1])), SeriesFacts(n_files=1, unplaced="why"))
    assert same(again, Volume(voxels, np.diag([3.0, 1, 1, 1])))
    assert facts == SeriesFacts(n_files=1, unplaced="why")
    assert windowed(again) is again


def test_what_shows_nothing_at_the_borders_takes_no_room(tmp_path):
    voxels = np.zeros((20, 100, 100), np.uint16)
    voxels[8:12, 40:60, 30:70] = 9
    kept(tmp_path, Volume(voxels, np.eye(4)), SeriesFacts())
    size = (tmp_path / "p-1" / "FLAIR.npz").stat().st_size
    assert voxels[8:12, 40:60, 30:70].nbytes < size < voxels.nbytes / 20


def test_a_series_that_was_not_kept_is_a_sentence(tmp_path):
    with pytest.raises(GlioBenchError, match=r"FLAIR\.npz does not exist: run the audit again, with --forcerun audit"):
        read_patient_series(DECODED_KIND, tmp_path, "p-1", "FLAIR")
