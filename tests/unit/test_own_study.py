"""Cohorts of kind table, and the protocol that every approach offers, in a study's config."""

import math
import re
from pathlib import Path

import pytest
import yaml

from gliobench.errors import GlioBenchError
from gliobench.study import Study

ROOT = Path(__file__).parents[2]
APPROACHES = sorted(path.stem for path in (ROOT / "config" / "approaches").glob("*.yaml"))


def study(runs, **cohort):
    clinic = {"kind": "table", "table": "clinic/patients.tsv"} | cohort
    return Study({"study": "mine", "seed": 1, "cohorts": {"clinic": clinic}, "runs": runs}, ROOT)


@pytest.mark.parametrize("approach", APPROACHES)
def test_every_approach_offers_leave_one_site_out(approach):
    features = {"clinical": {"table": "clinical.csv", "id": "ID", "numbers": ["Age"]}}
    cells = study([{"approach": approach, "protocols": ["harmonised", "leave-one-site-out"]}], features=features)
    schemes = {cells.scheme_name(cell) for cell in cells.cells}
    assert schemes == {"kfold", "leave-one-site-out"}


RSNA = {"kind": "rsna", "path": "data/rsna", "modalities": ["FLAIR"]}
SYNTHETIC = {"kind": "synthetic", "generator": {"patients": 20, "modalities": ["FLAIR"]}}


@pytest.mark.parametrize(
    ("others", "own"),
    [({}, True), ({"made": SYNTHETIC}, True), ({"rsna": RSNA}, False)],
)
def test_a_study_is_of_its_own_patients_if_some_are_real_and_none_are_a_papers(others, own):
    clinic = {"kind": "table", "table": "clinic/patients.tsv", "modalities": ["FLAIR"]}
    config = {"study": "mine", "seed": 1, "runs": [{"approach": "cnn3d"}]}
    assert Study(config | {"cohorts": {"clinic": clinic, **others}}, ROOT).own is own
    assert Study(config | {"cohorts": {"made": SYNTHETIC}}, ROOT).own is False


def test_the_documents_studies_can_be_run_first_small_and_then_at_full_size():
    document = (ROOT / "docs/own-data.md").read_text(encoding="utf-8")
    small, full = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", document, re.DOTALL)[:2])
    first = Study(small, ROOT)
    assert {cell.approach for cell in first.cells} == {"baseline", "cnn3d"}
    assert first.splits["kfold"]["repeats"] == 1
    whole = {key: value for key, value in small.items() if key not in ("splits", "settings")} | full
    usual = Study(whole, ROOT)
    assert {cell.protocol for cell in usual.cells} == {"harmonised", "leave-one-site-out"}
    smaller = (math.prod(one.input("cnn3d", "clinic")["shape"]) for one in (first, usual))
    assert next(smaller) < next(smaller)


def test_a_tuned_variant_does_not_leave_sites_out():
    runs = [{"approach": "stacked_cnn3d", "variants": ["tuned"], "protocols": ["leave-one-site-out"]}]
    with pytest.raises(GlioBenchError, match="run it under a protocol with one held-out set"):
        assert study(runs).cells


def test_a_table_with_a_segmentation_is_read_as_a_brainstem_cohort_is():
    runs = [{"approach": "densenet121"}]
    without, with_one = study(runs), study(runs, segmentation=True)
    assert without.input("densenet121", "clinic")["around"] == "brain"
    assert with_one.input("densenet121", "clinic")["around"] == "segmentation"
    assert without.cohort_series("clinic") == ["FLAIR", "T1w", "T1wCE", "T2w"]
    assert with_one.cohort_series("clinic") == ["FLAIR", "T1w", "T1wCE", "T2w", "segmentation"]
    assert with_one.series(with_one.cells[0])[-1] == "segmentation"


@pytest.mark.parametrize(
    ("cohort", "said"),
    [
        ({"path": "clinic"}, "unknown key 'path'"),
        ({"sites": "sites.tsv"}, "unknown key 'sites'"),
        ({"segmentation": "yes"}, "cohorts.clinic.segmentation: must be true or false, not 'yes'"),
        ({"modalities": ["T1"]}, "cohorts.clinic.modalities.0: 'T1' is not a choice; did you mean 'T1w'?"),
    ],
)
def test_a_wrong_key_of_a_table_is_a_sentence(cohort, said):
    with pytest.raises(GlioBenchError, match=said):
        study([{"approach": "cnn3d"}], **cohort)


def test_a_table_must_be_named():
    config = {"study": "mine", "seed": 1, "cohorts": {"clinic": {"kind": "table"}}, "runs": [{"approach": "cnn3d"}]}
    with pytest.raises(GlioBenchError, match=r"cohorts\.clinic: the key 'table' is missing"):
        Study(config, ROOT)
