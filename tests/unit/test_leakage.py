"""Slice leakage: the 2 x 2 is scored run by run, and says what it holds."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from cell_files import make_cell
from gliobench.evaluation.leakage import leakage_table
from gliobench.files import read_table
from gliobench.reporting.controls import leakage_figure
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
    note = show_leakage(table).notes[0]
    assert f"{flattering['accuracy']:.2f} with slices split freely" in note
    assert f"{honest['accuracy']:.2f} split by patient" in note
    write_formats(table, tmp_path / "leakage", "leakage")
    assert len(read_table(tmp_path / "leakage.tsv", "leakage")) == len(table)


def test_the_figure_names_the_training_slices_and_both_units(table):
    shown = texts(leakage_figure(table))
    assert "slice split: 40 training slices, 6 runs; patient split: 40 training slices, 6 runs" in shown
    assert "patient split, untouched test" in shown
    assert "always the majority class" in shown
