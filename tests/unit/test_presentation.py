"""Windows of DICOM slices: the values are those of pydicom, and slices that share a window share its evaluation."""

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from pydicom.pixels import apply_voi_lut

from gliobench.imaging import presentation as presentations
from gliobench.imaging.presentation import presentation

DTYPES = st.sampled_from(["uint8", "int8", "uint16", "int16"])
PIXELS = DTYPES.flatmap(lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=2, max_dims=2, max_side=12)))
WINDOWS = st.fixed_dictionaries(
    {
        "WindowCenter": st.lists(st.integers(-3000, 3000).map(float), min_size=1, max_size=2),
        "WindowWidth": st.sampled_from([[2.0], [400.0], [3001.5, 7.0]]),
        "VOILUTFunction": st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    },
    optional={"RescaleSlope": st.sampled_from([1.0, 0.37]), "RescaleIntercept": st.sampled_from([0.0, -1024.0])},
)


def header(pixels, window):
    signed = int(pixels.dtype.kind == "i")
    depth = {"BitsStored": 8 * pixels.dtype.itemsize, "PixelRepresentation": signed}
    return {"PhotometricInterpretation": "MONOCHROME2"} | depth | window


@given(PIXELS, WINDOWS)
def test_windowed_values_are_those_of_pydicom_to_the_last_bit(pixels, window):
    fields = header(pixels, window)
    dataset = pydicom.Dataset()
    for keyword, value in fields.items():
        setattr(dataset, keyword, value)
    rescaled = pixels * window.get("RescaleSlope", 1.0) + window.get("RescaleIntercept", 0.0)
    same = (window.get("RescaleSlope", 1.0), window.get("RescaleIntercept", 0.0)) == (1.0, 0.0)
    expected = apply_voi_lut(pixels if same else rescaled, dataset).astype(np.float32)
    shown = presentation("a file", fields).windowed(pixels)
    assert shown.dtype == np.float32
    assert shown.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("centres", "times"), [([900, 900, 900], 1), ([900, 400, 900], 2)])
def test_slices_that_share_a_window_evaluate_it_once(monkeypatch, centres, times):
    evaluated = []
    monkeypatch.setattr(presentations, "apply_voi_lut", lambda *each: evaluated.append(each) or apply_voi_lut(*each))
    presentations._windowed_blocks.cache_clear()
    pixels = np.random.default_rng(0).integers(0, 1000, (3, 50, 50)).astype(np.uint16)
    for image, centre in zip(pixels, centres, strict=True):
        window = {"WindowCenter": [float(centre)], "WindowWidth": [500.0]}
        presentation("a file", header(image, window)).windowed(image)
    assert len(evaluated) == times
