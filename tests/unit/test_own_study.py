"""Cohorts of kind table, and the protocol that every approach offers, in a study's config."""

from pathlib import Path

import pytest

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
