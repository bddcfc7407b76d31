"""Where a patient's images lie outside the range of the cohort's."""

import pandas as pd
import pytest

from gliobench.predict.unlike import KINDS, MEASURES, unlike_cohort


def row(modality: str = "FLAIR", status: str = "ok", **values: object) -> dict[str, object]:
    plain = dict.fromkeys(MEASURES, 5.0) | dict.fromkeys(KINDS, "axial")
    return {"modality": modality, "status": status} | plain | values


COHORT = pd.DataFrame(
    [
        *(row(slice_spacing=spacing, manufacturer=maker) for spacing, maker in ((3.0, "GE"), (6.0, "Philips"))),
        row("T1w", slice_spacing=1.0),
        row(status="failed", slice_spacing=99.0),
    ]
)


@pytest.mark.parametrize("spacing", [3.0, 4.5, 6.0, 6.05, 2.98])
def test_images_within_the_range_are_not_reported(spacing):
    assert unlike_cohort(pd.DataFrame([row(slice_spacing=spacing, manufacturer="GE")]), COHORT) == []


def test_each_difference_is_a_sentence_with_the_range_of_the_same_modality():
    patient = pd.DataFrame(
        [row(slice_spacing=7.0, manufacturer="SIEMENS"), row("T1w", plane="sagittal", slice_spacing=1)]
    )
    assert unlike_cohort(patient, COHORT) == [
        "FLAIR: the slice spacing is 7 mm; in the cohort 3 to 6 mm.",
        "FLAIR: the manufacturer is SIEMENS; in the cohort it is GE or Philips.",
        "T1w: the plane is sagittal; in the cohort it is axial.",
    ]


def test_series_with_the_same_difference_share_a_sentence():
    patient = pd.DataFrame([row(plane="sagittal", manufacturer="GE"), row("T1w", plane="sagittal", slice_spacing=1)])
    assert unlike_cohort(patient, COHORT) == ["FLAIR, T1w: the plane is sagittal; in the cohort it is axial."]


def test_nothing_is_said_of_what_is_not_known():
    patient = pd.DataFrame([row(slice_spacing=None), row("T2w"), row(status="failed", slice_spacing=50.0)])
    assert unlike_cohort(patient.assign(manufacturer=None), COHORT) == []
    assert unlike_cohort(patient, None) == []
