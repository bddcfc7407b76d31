"""Subgroups of test patients: scored apart, against scikit-learn, and what the user's own columns name."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cell_files import make_cell
from gliobench.cohorts.subgroups import read_subgroups
from gliobench.errors import GlioBenchError
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.subgroups import MOST_VALUES, planes, subgroups_table
from gliobench.settings.cohorts import Subgroups
from gliobench.settings.models import check

IDS = [f"{number:05}" for number in range(160)]


def cell(**changes):
    return make_cell(**({"n": 160, "signal": 0.5, "random_seed": 3} | changes))[:2]


def by_patient(values):
    return pd.Series(values, index=IDS)


def test_each_site_with_enough_patients_has_scikit_learns_auc_of_its_runs():
    """The mean over folds of scikit-learn's AUC of the site's patients, each with the number of its pairs."""
    predictions, records = cell()
    sites = by_patient(["big"] * 100 + ["small"] * 50 + [None] * 10)
    table = subgroups_table([(predictions, records)], {"site": sites}).set_index("value")
    assert table.index.tolist() == ["big", "small", "unknown"]
    assert table["n_patients"].tolist() == [100, 50, 10]
    assert table["n_positive"].tolist() == [50, 25, 5]
    for site in ("big", "small"):
        rows = predictions[0].query("part == 'test'")
        rows = rows[rows["patient_id"].map(sites) == site]
        folds = [fold for _, fold in rows.groupby("fold")]
        aucs = [roc_auc_score(fold["label"].astype(int), fold["log_odds"].astype(float)) for fold in folds]
        pairs = [fold["label"].sum() * (1 - fold["label"]).sum() for fold in folds]
        assert table.loc[site, "auc"] == pytest.approx(np.average(aucs, weights=pairs))
        assert table.loc[site, "auc_low"] < table.loc[site, "auc"] < table.loc[site, "auc_high"]
    widths = table["auc_high"] - table["auc_low"]
    assert widths["small"] > widths["big"]


def test_a_perfect_subgroup_has_the_bound_of_the_main_table():
    files = cell(signal=20.0)
    row = subgroups_table([files], {"site": by_patient(["all"] * 160)}).iloc[0]
    main = score_cell(*files, base_seed=1, resamples=50).set_index("part").loc["test"]
    assert row["auc"] == 1
    assert row[["auc_low", "auc_high"]].tolist() == pytest.approx(main[["auc_low", "auc_high"]].tolist())
    assert pd.isna(row["reason"])


def test_small_subgroups_say_why_they_are_empty():
    table = subgroups_table([cell()], {"site": by_patient(["a"] * 121 + ["b"] * 39)}).set_index("value")
    assert table.loc["b", "reason"] == "20 patients with label 1 and 19 with label 0; an AUC needs 20 of each"
    assert np.isnan(table.loc["b", "auc"])
    assert table["reason"].isna().tolist() == [True, False]


def test_a_column_without_a_known_value_is_left_out_and_one_of_ages_is_no_grouping():
    ages = by_patient([str(number) for number in range(160)])
    table = subgroups_table([cell()], {"site": by_patient([None] * 160), "age": ages})
    assert table[["column", "n_patients"]].to_numpy().tolist() == [["age", 160]]
    assert table["reason"][0] == "160 different values are no groups: join them, such as ages to 60-69"
    assert MOST_VALUES < 160


def test_each_phase_and_cell_has_its_rows():
    cells = [cell(phases=("transfer", "finetuned")), cell(variant="deep")]
    table = subgroups_table(cells, {"sex": by_patient(["f", "m"] * 80)})
    heads = table[["variant", "phase", "value"]].to_numpy().tolist()
    assert [(v, p) for v, p, _ in heads[::2]] == [("main", "transfer"), ("main", "finetuned"), ("deep", "final")]
    assert subgroups_table([], {}).empty


def test_the_plane_is_that_of_the_modality_and_mixed_where_modalities_differ():
    series = pd.DataFrame(
        [("a", "FLAIR", "axial"), ("a", "T2w", "coronal"), ("b", "FLAIR", "axial"), ("b", "T2w", "axial"),
         ("c", "FLAIR", None)],
        columns=["patient_id", "modality", "plane"],
    )  # fmt: skip
    assert planes(series, "T2w").to_dict() == {"a": "coronal", "b": "axial"}
    assert planes(series, "all").to_dict() == {"a": "mixed", "b": "axial"}
    mine = pd.DataFrame(
        {"patient_id": IDS, "modality": "FLAIR", "plane": ["axial", "axial", "coronal", "coronal"] * 40}
    )
    table = subgroups_table([cell()], {}, mine)
    assert table[["column", "value", "n_patients"]].to_numpy().tolist() == [
        ["plane", "axial", 80],
        ["plane", "coronal", 80],
    ]


def test_columns_are_read_from_any_table_with_lost_zeros_and_empty_cells(tmp_path):
    path = tmp_path / "clinical.csv"
    path.write_text("ID,Sex,Age\n7,F ,61\n00012,,70\n99999,M,80\n", encoding="utf-8")
    asked = {"table": str(path), "id": "ID", "columns": ["Sex"]}
    found = read_subgroups(asked, pd.Series(["00007", "00012", "00013"]))
    assert list(found) == ["Sex"]
    assert found["Sex"].fillna("").to_dict() == {"00007": "F", "00012": "", "00013": ""}
    assert read_subgroups(None, pd.Series(["00007"])) == {}


@pytest.mark.parametrize(
    ("changes", "content", "said"),
    [
        ({}, None, "does not exist: `subgroups.table` in the config must name"),
        ({"columns": ["Sexe"]}, "ID\tSex\n7\tF\n", "has no column 'Sexe', which `subgroups` names; .*'Sex'"),
        ({"id": "id"}, "ID\tSex\n7\tF\n", "has no column 'id'"),
        ({}, "ID\tSex\n7\tF\n00007\tM\n", "lists patient 00007 more than once"),
        ({}, "ID\tSex\n8\tF\n", "names no patient of the cohort: its column 'ID' holds patient 8, the cohort has"),
    ],
)
def test_a_wrong_table_of_subgroups_is_a_sentence(tmp_path, changes, content, said):
    path = tmp_path / "groups.tsv"
    if content:
        path.write_text(content, encoding="utf-8")
    asked = {"table": str(path), "id": "ID", "columns": ["Sex"]} | changes
    with pytest.raises(GlioBenchError, match=said):
        read_subgroups(asked, pd.Series(["00007"]))


@pytest.mark.parametrize("name", ["site", "plane"])
def test_a_column_named_as_one_of_our_own_is_refused(name):
    with pytest.raises(GlioBenchError, match=f"`{name}` is scored in any case, .* leave it out, or give the column"):
        check(Subgroups, {"table": "people.tsv", "columns": ["sex", name]}, "cohorts.mine.subgroups")
