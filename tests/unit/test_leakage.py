"""Slice leakage: the 2 x 2 is scored run by run, and says what it holds."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, roc_auc_score

from cell_files import make_cell
from gliobench.evaluation.leakage import leakage_table
from gliobench.figures.controls import leakage_figure
from gliobench.files import read_table
from gliobench.reporting.layouts import show_leakage
from gliobench.reporting.tables import write_formats

SETTINGS = {"approach": "resnet18", "modality": "all", "protocol": "published", "slices": 3, "n": 30}


def pair(**settings):
    """Predictions and records of both variants."""
    cells = [make_cell(variant=variant, **SETTINGS | settings) for variant in ("slice_split", "patient_split")]
    return [table for cell in cells for table in cell[0]], [record for cell in cells for record in cell[1]]


@pytest.fixture(scope="module")
def table():
    return leakage_table(*pair(seeds=2))


def corner(table, unit, split, part):
    return table[(table["unit"] == unit) & (table["split"] == split) & (table["part"] == part)].iloc[0]


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_the_table_has_a_row_a_corner_for_slices_and_for_patients(table):
    assert len(table) == 2 * 4
    assert not table.duplicated(["unit", "split", "part"]).any()


def test_scores_are_means_over_runs():
    predictions, records = pair()
    rows = predictions[0]
    slices = rows[rows["slice_index"].notna() & (rows["part"] == "test")]
    expected = [accuracy_score(run["label"], run["probability"] >= 0.5) for _, run in slices.groupby("fold")]
    aucs = [roc_auc_score(run["label"], run["probability"]) for _, run in slices.groupby("fold")]
    row = corner(leakage_table(predictions, records), "slice", "slice", "test")
    assert row["accuracy"] == pytest.approx(np.mean(expected))
    assert row["auc"] == pytest.approx(np.mean(aucs))
    assert (row["n_runs"], row["n_train"], row["n_scored"]) == (3, 40, 30)


def test_intervals_lie_around_the_mean_and_within_0_and_1(table):
    assert (table["accuracy_low"] <= table["accuracy"]).all()
    assert (table["accuracy"] <= table["accuracy_high"]).all()
    assert table["auc_high"].max() <= 1


def test_one_run_has_no_interval():
    table = leakage_table(*pair(folds=2, bad=(1,)))
    assert set(table["n_runs"]) == {1}
    assert table[["accuracy_low", "accuracy_high", "auc_low"]].isna().all(axis=None)


def test_runs_that_diverged_leave_an_empty_table():
    table = leakage_table(*pair(bad=(0, 1, 2)))
    assert table.empty
    assert "no pair of runs was scored" in texts(leakage_figure(table)).replace("\n", " ")


def test_the_table_says_what_becomes_of_the_flattering_corner(table, tmp_path):
    flattering, honest = corner(table, "slice", "slice", "validation"), corner(table, "slice", "patient", "test")
    tested, note = show_leakage(table).notes
    split, apart = (corner(table, "slice", unit, "test") for unit in ("slice", "patient"))
    assert f"split by slice {split['auc']:.2f} ({split['auc_low']:.2f}" in tested
    assert f"split by patient {apart['auc']:.2f} ({apart['auc_low']:.2f}" in tested
    assert f"{flattering['accuracy']:.2f} with slices split freely" in note
    assert f"{honest['accuracy']:.2f} split by patient" in note
    write_formats(table, tmp_path / "leakage", "leakage")
    assert len(read_table(tmp_path / "leakage.tsv", "leakage")) == len(table)


def test_the_figure_names_the_training_slices_and_both_units(table):
    shown = texts(leakage_figure(table))
    assert "slice split: 40 training slices, 6 runs; patient split: 40 training slices, 6 runs" in shown
    assert "patient split, untouched test" in shown
    assert "always the majority class" in shown


def gathered(*cells):
    return [table for cell in cells for table in cell[0]], [record for cell in cells for record in cell[1]]


def test_independent_cohorts_share_a_row_and_the_interval_is_over_them():
    names = ["many-01", "many-02", "many-03"]
    cells = [
        make_cell(cohort=name, variant=variant, repeats=2, random_seed=place, **SETTINGS)
        for place, name in enumerate(names)
        for variant in ("slice_split", "patient_split")
    ]
    table = leakage_table(*gathered(*cells), {"many": names})
    assert set(table["cohort"]) == {"many"}
    assert set(table["n_cohorts"]) == {3}
    assert set(table["n_runs"]) == {3 * 2 * 3}
    alone = [corner(leakage_table(*gathered(cell)), "slice", "slice", "test")["auc"] for cell in cells[::2]]
    row = corner(table, "slice", "slice", "test")
    assert row["auc"] == pytest.approx(np.mean(alone))
    expected = stats.t.interval(0.95, 2, np.mean(alone), stats.sem(alone))
    assert (row["auc_low"], min(row["auc_high"], 1)) == pytest.approx((expected[0], min(expected[1], 1)))
    assert "18 runs of 3 cohorts" in texts(leakage_figure(table))


def test_copies_with_permuted_labels_have_rows_of_their_own_and_a_third_split_is_shown():
    variants = ("slice_split", "date_split", "patient_split")
    cohorts = ["brains", *(f"brains/permutations/{number:03}" for number in range(1, 5))]
    cells = [
        make_cell(cohort=cohort, variant=variant, random_seed=place, **SETTINGS)
        for variant in variants
        for place, cohort in enumerate(cohorts)
    ]
    table = leakage_table(*gathered(*cells))
    assert set(table["cohort"]) == {"brains"}
    assert table.groupby("labels")["n_cohorts"].unique().map(list).to_dict() == {"own": [1], "permutations": [4]}
    assert set(table["split"]) == {"slice", "date", "patient"}
    shown = texts(leakage_figure(table))
    assert "date split, untouched test" in shown
    assert "12 runs of 4 permutations" in shown
