"""Radiomics: features of the segmentation's regions or the brain, the same whatever the scanner's scale and grid."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from gliobench.approaches import radiomics as approach
from gliobench.approaches import tabular
from gliobench.cohorts.features import NUMBER
from gliobench.evaluation.cohort_tables import exclusions
from gliobench.files import table_schema
from gliobench.imaging.ibsi import intensity_names, shape_names
from gliobench.imaging.volume import Volume
from gliobench.inputs.radiomics import FEWEST, Space, column_names, make_input
from gliobench.inputs.read import NotCovered
from gliobench.inputs.store import without_input
from gliobench.predict.patient import check_made
from gliobench.study import Study
from phantoms import affine_of, places, radius, reader, textured

CONFIG = Path(__file__).parents[2] / "config" / "approaches"
ASKED = {
    "kind": "radiomics",
    "around": "segmentation",
    "regions": ["whole", "oedema", "core"],
    "segmentation": True,
    "reference": "T1wCE",
    "registration": "none",
    "skull_stripping": "auto",
    "spacing": 4.0,
    "bins": 16,
    "outliers": 3.0,
}
SHAPE = (30, 50, 40)
AFFINE = affine_of(np.eye(3)[:, ::-1], (4.0, 3.0, 3.0), SHAPE)
POINTS = places(AFFINE, SHAPE)
TUMOUR = radius(POINTS, np.full(3, 20.0))
LABELS = np.where(TUMOUR < 0.6, 1, np.where(TUMOUR < 1, 2, 0)).astype(np.uint8)
IMAGE = textured(POINTS)


def patient(image=IMAGE, labels=LABELS, affine=AFFINE):
    return reader(FLAIR=Volume(image, affine), T1wCE=Volume(image, affine), segmentation=Volume(labels, affine))


def made(read, name, **changes):
    """The columns of a series by name, and the remarks."""
    settings = ASKED | changes
    space = Space(read, settings)
    (array,), slice_indexes = make_input(space, name, settings)
    names = column_names(name, settings)
    assert slice_indexes == [None]
    assert (array[1, : len(names)] == NUMBER).all()
    assert np.isnan(array[:, len(names) :]).all()
    return pd.Series(array[0, : len(names)], index=names), space.remarks


def test_every_region_has_every_feature():
    values, remarks = made(patient(), "FLAIR")
    assert len(values) == 3 * len(intensity_names())
    assert values.notna().all()
    assert not remarks
    assert values["whole_stat_var"] != values["oedema_stat_var"] != values["core_stat_var"]


def test_the_shape_of_a_region_is_that_of_the_tumour():
    values, _ = made(patient(), "segmentation")
    assert len(values) == 3 * len(shape_names())
    assert values["whole_morph_volume"] == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.05)
    assert values["core_morph_diam"] == pytest.approx(24, abs=4)
    both = values["oedema_morph_vol_approx"] + values["core_morph_vol_approx"]
    assert both == values["whole_morph_vol_approx"]


def test_all_series_of_a_patient_have_inputs_of_one_shape():
    shapes = {make_input(Space(patient(), ASKED), name, ASKED)[0][0].shape for name in ("FLAIR", "segmentation")}
    assert len(shapes) == 1


@pytest.mark.parametrize("around", ["segmentation", "brain"])
def test_features_do_not_depend_on_the_scale_of_a_scanner(around):
    one, other = (made(patient(IMAGE * gain), "FLAIR", around=around)[0] for gain in (1.0, 8.0))
    assert np.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_features_of_the_brain_are_taken_where_there_is_no_segmentation():
    settings = {"around": "brain", "segmentation": False}
    values, remarks = made(reader(T1wCE=Volume(IMAGE, AFFINE)), "T1wCE", **settings)
    assert list(values.index) == [f"brain_{name}" for name in intensity_names()]
    assert values["brain_stat_mean"] == pytest.approx(0, abs=0.1)  # z-scores over the brain
    assert values["brain_stat_var"] == pytest.approx(1, abs=0.2)
    assert not remarks


def test_a_patient_turned_in_the_scanner_keeps_features():
    turned = np.ascontiguousarray(IMAGE.transpose(2, 1, 0)), np.ascontiguousarray(LABELS.transpose(2, 1, 0))
    affine = AFFINE[:, [2, 1, 0, 3]]
    plain, sagittal = (made(read, "FLAIR")[0] for read in (patient(), patient(*turned, affine)))
    assert np.allclose(plain, sagittal, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("few", [0, 1])
def test_an_empty_or_tiny_region_has_no_value_and_is_said_once(few):
    labels = np.where(LABELS == 2, 1, LABELS)
    labels[15, 25, 20 : 20 + few] = 2
    space = Space(patient(labels=labels), ASKED)
    for name in ("FLAIR", "T1wCE", "segmentation"):
        (array,), _ = make_input(space, name, ASKED)
        values = pd.Series(array[0, : len(column_names(name, ASKED))], index=column_names(name, ASKED))
        missing = values.index[values.isna()]
        assert list(missing) == [each for each in values.index if each.startswith("oedema_")]
    ((series, sentence),) = space.remarks
    assert series == "FLAIR"
    assert ("is empty" if not few else f"of the {FEWEST} voxels") in sentence


def test_features_that_are_not_defined_are_said():
    values, remarks = made(patient(np.where(IMAGE > 0, 5.0, 0.0)), "FLAIR")  # one value: no skewness
    assert values.isna().any()
    for name, (_, sentence) in zip(ASKED["regions"], remarks, strict=True):
        assert sentence.startswith(f"region {name} in FLAIR: ")


def test_a_series_that_does_not_show_the_tumour_is_not_covered():
    cut = IMAGE.copy()
    cut[15:] = 0
    volumes = {"T1wCE": Volume(IMAGE, AFFINE), "FLAIR": Volume(cut, AFFINE), "segmentation": Volume(LABELS, AFFINE)}
    with pytest.raises(NotCovered, match=r"FLAIR covers .* of the segmentation"):
        made(reader(**volumes), "FLAIR")


def test_a_remark_is_listed_and_does_not_stop_a_prediction():
    columns = ["patient_id", "modality", "slice_index", "reason"]
    rows = [("p1", "FLAIR", None, None), ("p1", "FLAIR", None, "no oedema"), ("p2", "FLAIR", None, "no brain")]
    index = pd.DataFrame(rows, columns=columns)
    assert list(without_input(index)["patient_id"]) == ["p2"]
    check_made(index[:2])
    series = pd.DataFrame(columns=list(table_schema("series")["properties"]))
    listed = exclusions("here", series, {"radiomics": [index]})
    assert dict(zip(listed["patient_id"], listed["status"], strict=True)) == {"p1": "no value", "p2": "not covered"}


def test_the_code_and_the_parameters_are_those_of_tabular():
    assert all(getattr(approach, name) is getattr(tabular, name) for name in approach.__all__)
    mine, theirs = (yaml.safe_load((CONFIG / f"{name}.yaml").read_text()) for name in ("radiomics", "tabular"))
    assert mine["parameters"] == theirs["parameters"]
    assert all(theirs["variants"][name] == variant for name, variant in mine["variants"].items())


def test_hospitals_with_and_without_a_segmentation_share_features_of_the_brain_and_test_each_other():
    generated = {"kind": "synthetic", "generator": {"patients": 20, "modalities": ["FLAIR", "T1wCE"]}}
    drawn = {"kind": "synthetic", "generator": {"patients": 20, "segmentation": True}}
    study = Study(
        {
            "study": "external",
            "seed": 1,
            "cohorts": {"north": generated, "south": drawn, "both": {"kind": "union", "members": ["north", "south"]}},
            "runs": [{"approach": "radiomics", "cohorts": ["both", "south"], "protocols": ["leave-one-site-out"]}],
        },
        CONFIG.parents[1],
    )
    assert study.input("radiomics", "both")["around"] == "brain"
    assert study.input("radiomics", "south")["around"] == "segmentation"
    both, south = study.cells
    assert study.series(both) == ["FLAIR", "T1wCE"]
    assert study.series(south) == ["FLAIR", "T1w", "T1wCE", "T2w", "segmentation"]
    assert study.field_cohorts("radiomics") == []
