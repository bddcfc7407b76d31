"""Every patient's probability by every method, and the rule of the most confident mistakes."""

import re
from itertools import product

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cell_files import make_cell
from gliobench.evaluation.columns import BASELINE, CELL
from gliobench.evaluation.patient_scores import (
    MOST,
    confident_mistakes,
    count_wrong,
    join_probabilities,
    mistakes_rule,
    out_of_fold,
    patient_probabilities,
)
from gliobench.evaluation.runs import patient_rows

EVERYBODY = pd.Series({name: name for name in (f"{number:05d}" for number in range(24))})


def cell(approach="cnn3d", variant="main"):
    return dict(zip(CELL, ("planted", approach, variant, "FLAIR", "harmonised"), strict=True))


def test_a_patient_has_mean_lowest_and_highest_of_the_runs_that_tested_it():
    predictions, records, _ = make_cell(repeats=2, seeds=2, slices=2)
    rows = patient_rows(predictions, records)
    found = patient_probabilities(rows, "final", EVERYBODY).set_index("patient_id")
    for patient, row in found.iterrows():
        tested = [
            value
            for table in predictions
            for value in table.loc[
                table["patient_id"].eq(patient) & table["part"].eq("test") & table["slice_index"].isna(), "probability"
            ]
        ]
        assert row["n_runs"] == len(tested) == 4
        assert row["mean"] == pytest.approx(sum(tested) / 4)
        assert (row["low"], row["high"]) == (min(tested), max(tested))
    assert len(found) == 24


def test_the_part_that_figures_show_is_shown_where_nobody_is_tested():
    rows = patient_rows(*make_cell(test_part=None)[:2])
    assert set(patient_probabilities(rows, "final", EVERYBODY)["part"]) == {"validation"}


def test_a_patient_with_slices_or_scans_on_both_sides_is_not_out_of_fold():
    predictions, records, _ = make_cell(folds=2)
    rows = patient_rows(predictions, records)
    assert not patient_probabilities(rows, "final", EVERYBODY)["seen"].any()
    tested = rows[rows["patient_id"].eq("00003") & rows["part"].eq("test")]
    leaked = pd.concat([rows, tested.assign(part="train")])
    found = patient_probabilities(leaked, "final", EVERYBODY).set_index("patient_id")["seen"]
    assert found[found].index.tolist() == ["00003"]

    fold_of = rows[rows["part"] == "test"].set_index("patient_id")["fold"]
    other = fold_of.index[fold_of != fold_of["00003"]][0]  # trains where 00003 is tested
    scans = EVERYBODY.mask(EVERYBODY.eq(other), "00003")
    found = patient_probabilities(rows, "final", scans).set_index("patient_id")["seen"]
    assert set(found[found].index) == {other, "00003"}
    named = out_of_fold(patient_probabilities(rows, "final", scans).assign(**cell()), baselines=False)
    assert not set(named["patient_id"]) & {other, "00003"}


def test_only_the_phase_asked_for_counts():
    predictions, records, _ = make_cell(phases=("transfer", "finetuned"))
    rows = patient_rows(predictions, records)
    found = patient_probabilities(rows, "finetuned", EVERYBODY)
    kept = rows[rows["phase"].eq("finetuned") & rows["part"].eq("test")]
    assert found["mean"].sum() == pytest.approx(kept["probability"].sum())


def test_a_cell_without_predictions_gives_no_row():
    rows = patient_rows(*make_cell(bad=(0, 1, 2))[:2])
    empty = patient_probabilities(rows, "final", EVERYBODY).assign(**cell())
    assert join_probabilities([empty]).empty
    assert confident_mistakes(join_probabilities([])).empty
    assert count_wrong(join_probabilities([])).empty


PROBABILITY = st.sampled_from([0.0, 0.1, 0.25, 0.4999, 0.5, 0.6, 0.75, 0.9, 1.0])

SCORED = st.tuples(st.integers(0, 1), PROBABILITY, st.sampled_from([False, False, True]))


@st.composite
def probabilities(draw):
    approaches = draw(st.lists(st.sampled_from(["cnn3d", "resnet18", BASELINE]), unique=True))
    rows = [
        cell(approach, variant)
        | {
            "part": part,
            "seen": seen,
            "patient_id": f"P{patient}",
            "label": label,
            "n_runs": 1,
            "mean": mean,
            "low": mean,
            "high": mean,
        }
        for approach, variant in product(approaches, ("main", "other"))
        for part in [draw(st.sampled_from(["test", "test", "validation", "whole"]))]
        for patient, (label, mean, seen) in enumerate(draw(st.lists(SCORED, max_size=12)))
    ]
    return join_probabilities([pd.DataFrame(rows)])


@given(probabilities(), st.integers(1, 4))
def test_the_mistakes_are_those_of_the_rule(table, most):
    expected = []
    for approach, variant in dict.fromkeys(zip(table["approach"], table["variant"], strict=True)):
        wrong = []
        for row in table.to_dict("records"):
            mine = (row["approach"], row["variant"]) == (approach, variant)
            if not mine or approach == BASELINE or row["part"] != "test" or row["seen"]:
                continue
            too_high, too_low = row["mean"] - 0.5, 0.5 - row["mean"]
            if row["label"] == 0 and too_high > 0:
                wrong.append((-too_high, row["patient_id"]))
            if row["label"] == 1 and too_low > 0:
                wrong.append((-too_low, row["patient_id"]))
        expected += [(approach, variant, patient) for _, patient in sorted(wrong)[:most]]
    chosen = confident_mistakes(table, most)
    assert list(zip(chosen["approach"], chosen["variant"], chosen["patient_id"], strict=True)) == expected


@settings(max_examples=40)
@given(probabilities())
def test_each_patient_is_counted_once_a_method(table):
    for baselines in (False, True):
        tested = out_of_fold(table, baselines)
        assert set(tested["part"]) <= {"test"}
        assert not tested["seen"].any()
        assert set(tested["approach"].eq(BASELINE)) <= {baselines}
        counted = count_wrong(tested)
        assert counted["scored"].sum() == len(tested)
        for patient, row in counted.iterrows():
            mine = tested[tested["patient_id"] == patient]
            assert row["wrong"] == sum(
                (p > 0.5 and label == 0) or (p < 0.5 and label == 1)
                for p, label in zip(mine["mean"], mine["label"], strict=True)
            )
            assert row["low"] <= row["mean"] + 1e-12
            assert row["mean"] <= row["high"] + 1e-12


def test_the_rule_in_words_has_the_number_of_the_code():
    assert re.search(rf"the {MOST} patients .* wrong side of 0\.5", mistakes_rule())
    assert "the 3 patients" in mistakes_rule(3)
