"""The images of a study are read once, by the audit, whatever its approaches make of them."""

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from gliobench.cohorts import DECODED_KIND, rsna, synthetic
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.decoded import keep_series
from gliobench.imaging import dicom_slice
from gliobench.inputs.make import make_inputs, usable_series
from gliobench.settings.generators import SyntheticGenerator
from gliobench.study import Study

ROOT = Path(__file__).parents[2]
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
MGMT = ("baseline", "cnn3d", "efficientnet", "resnet18", "stacked_cnn3d", "densenet121", "resnet10_3d", "radiomics")


@pytest.fixture
def cohort(tmp_path):
    generator = SyntheticGenerator(patients=2, matrix=32, slices=[6, 8])
    synthetic.write_cohort(generator.model_dump(), 1, tmp_path / "images", 1)
    return tmp_path / "images"


@pytest.fixture
def opened(monkeypatch):
    """How often each image file was decoded."""
    counts: Counter[Path] = Counter()
    plain = dicom_slice._plain_slice

    def counted(path, head):
        found = plain(path, head)

        def load(target):
            counts[path] += 1
            return found.load(target)

        return replace(found, load=load)

    monkeypatch.setattr(dicom_slice, "_plain_slice", counted)
    return counts


def inputs(study, series, images, kind):
    """Make the inputs of every approach of a study, as its jobs do."""
    made = {}
    for approach in study.approaches:
        settings = study.input(approach, "planted")
        usable = usable_series(series, study.made_series(approach, "planted"), settings)
        made[approach] = [make_inputs(patient, names, images, kind, settings) for patient, names in usable.items()]
    return made


def test_every_file_is_decoded_once_for_all_approaches_and_the_inputs_are_those_made_of_the_files(
    cohort, opened, tmp_path
):
    planted = {"kind": "synthetic", "generator": {"patients": 2}}
    config = {name: SMOKE[name] for name in ("study", "seed", "settings")}
    study = Study(config | {"cohorts": {"planted": planted}, "runs": [{"approach": name} for name in MGMT]}, ROOT)
    patients = rsna.read_patients(cohort)["patient_id"]
    keep = partial(keep_series, tmp_path / "decoded")
    series, _ = audit_patients(patients, study.modalities("planted"), cohort, {}, "synthetic", keep)
    files = set(cohort.glob("train/*/*/*.dcm"))
    assert opened == dict.fromkeys(files, 1)
    made = inputs(study, series, tmp_path / "decoded", DECODED_KIND)
    assert opened == dict.fromkeys(files, 1), "no input opens a file again"
    directly = inputs(study, series, cohort, "synthetic")
    for approach in MGMT:
        for (arrays, index), (expected, expected_index) in zip(made[approach], directly[approach], strict=True):
            assert index.equals(expected_index)
            assert all(np.array_equal(*pair, equal_nan=True) for pair in zip(arrays, expected, strict=True))
    assert max(opened.values()) > 2, "made of the files, each is read again for every approach"
