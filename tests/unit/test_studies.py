"""Differences of two studies: on the same patients, by the tables' own variance, and nothing compared in silence."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cell_files import make_cell
from gliobench.errors import GlioBenchError
from gliobench.evaluation.columns import CELL
from gliobench.evaluation.delong import auc_influence, variance_of_repeat
from gliobench.evaluation.metrics import make_sample
from gliobench.evaluation.pairwise import Scored, independent_difference, pairwise_table
from gliobench.evaluation.runs import patient_rows
from gliobench.evaluation.studies import (
    Finished,
    cells_only_in,
    count_differences,
    differences_table,
    match_cohorts,
    probability_changes,
    redrawn_cohorts,
    shown_differences,
)
from study_files import labels_of, make_images, make_patients, score_study


def cell(**settings):
    return make_cell(**({"n": 40, "signal": 0.3} | settings))[:2]


def study(*cells, name="one", images="image", generated=("planted",), labels=None):
    """The tables of a study of one cohort; `labels` changes those of some patients."""
    known = labels_of(cells) | (labels or {})
    rows = [patient_rows(*files).assign(**{key: files[1][0][key] for key in CELL}) for files in cells]
    return Finished(
        name=name,
        comparison=score_study(cells),
        patients={"planted": make_patients(known)},
        series={"planted": make_images({(patient, "FLAIR"): f"{images}-{patient}" for patient in known})},
        predictions={"planted": pd.concat(rows, ignore_index=True)},
        generated=generated,
    )


def compare(first, second):
    return differences_table(first, second, match_cohorts(first, second))


def of_test_patients(table):
    (row,) = table[table["part"] == "test"].to_dict("records")
    return row


def test_two_studies_differ_as_two_cells_of_one_study_do():
    ours, theirs = cell(random_seed=1, signal=1), cell(random_seed=2)
    row = of_test_patients(compare(study(ours), study(theirs)))
    as_other = [record | {"approach": "resnet18"} for record in theirs[1]]
    expected = pairwise_table([ours, (theirs[0], as_other)]).iloc[0]
    names = ["first", "second", "difference", "low", "high", "p", "n_patients", "n_positive", "method"]
    assert [row[name] for name in names] == expected[names].tolist()


def test_a_study_does_not_differ_from_itself():
    one = study(cell(random_seed=1, repeats=2), cell(approach="resnet18", random_seed=2))
    table = compare(one, one)
    assert (table["difference"] == 0).all()
    assert (table["p"] == 1).all()
    assert set(table["pairing"]) == {"same folds"}
    counts = count_differences(table)
    assert (counts.equal, counts.with_interval, counts.excluding, counts.by_chance) == (len(table), 0, 0, 0)
    assert (probability_changes(one, one, match_cohorts(one, one))["change"] == 0).all()


def test_swapping_the_studies_turns_the_difference_round():
    first, second = study(cell(random_seed=1, signal=1)), study(cell(random_seed=2))
    row, swapped = of_test_patients(compare(first, second)), of_test_patients(compare(second, first))
    assert swapped["difference"] == pytest.approx(-row["difference"])
    assert (swapped["low"], swapped["high"], swapped["p"]) == pytest.approx((-row["high"], -row["low"], row["p"]))


def test_each_study_keeps_the_auc_of_its_own_table():
    first, second = study(cell(random_seed=1)), study(cell(random_seed=2))
    row = of_test_patients(compare(first, second))
    for side, one in (("first", first), ("second", second)):
        own = one.comparison.set_index("part").loc["test"]
        assert row[f"{side}_auc"] == own["auc"]
        assert (row[f"{side}_auc_low"], row[f"{side}_auc_high"]) == (own["auc_low"], own["auc_high"])


def test_only_patients_with_the_same_label_count():
    first = study(cell(random_seed=1))
    second = study(cell(random_seed=2), labels={"00000": 1, "00001": 0})
    row = of_test_patients(compare(first, second))
    assert (row["n_patients"], row["n_positive"]) == (38, 19)


def test_patients_who_were_generated_anew_are_independent_samples():
    first, second = study(cell(random_seed=1, signal=1)), study(cell(random_seed=2), images="other")
    assert redrawn_cohorts(first, second, match_cohorts(first, second)) == ["planted"]
    row = of_test_patients(compare(first, second))
    assert (row["pairing"], row["n_patients"]) == ("independent samples", 0)
    variances = []
    for one in (first, second):
        rows = one.predictions["planted"]
        variances.append(2.0 * variance_of_repeat(auc_influence(make_sample(rows[rows["part"] == "test"]))))
    error = np.sqrt(sum(variances))
    assert row["high"] - row["difference"] == pytest.approx(stats.norm.ppf(0.975) * error)
    assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(row["difference"]) / error))


def test_real_patients_with_other_images_are_not_compared():
    first = study(cell(random_seed=1), generated=())
    second = study(cell(random_seed=2), images="other", generated=())
    row = of_test_patients(compare(first, second))
    assert np.isnan(row["difference"])
    assert row["reason"] == "no patient that is the same in both studies is scored"


def test_independent_samples_cover_no_difference_about_as_often_as_they_say():
    p = []
    for seed in range(60):
        rows = [patient_rows(*cell(signal=0.5, random_seed=one, folds=1)) for one in (seed, 1000 + seed)]
        scored = [Scored({}, is_last=True, rows=table[table["part"] == "test"]) for table in rows]
        p.append(independent_difference(*scored)["p"])
    assert np.mean(np.array(p) < 0.05) <= 0.15  # 60 draws at 5 % exceed it once in a thousand
    assert 0.35 < np.mean(p) < 0.65


def test_other_folds_of_the_same_patients_are_paired_by_patient_and_say_so():
    first, second = study(cell(random_seed=1, folds=3)), study(cell(random_seed=1, folds=4))
    row = of_test_patients(compare(first, second))
    assert (row["pairing"], row["n_patients"]) == ("other folds", 40)


def test_a_cell_that_failed_in_one_study_is_a_row_with_the_reason():
    first, second = study(cell(), cell(approach="resnet18")), study(cell(), cell(approach="resnet18", bad=(0, 1, 2)))
    table = compare(first, second)
    row = of_test_patients(table[table["approach"] == "resnet18"])
    assert np.isnan(row["difference"])
    assert row["reason"].startswith("not scored in the second study (diverged: 3 of 3 folds diverged")
    assert table["part"].notna().all()


def test_a_cell_that_failed_in_both_is_one_row():
    one = study(cell(), cell(approach="resnet18", bad=(0, 1, 2)))
    row = compare(one, one).query("approach == 'resnet18'")
    assert len(row) == 1
    assert row["reason"].iloc[0].startswith("not scored in the first study")


def test_cells_of_one_study_alone_are_listed():
    first, second = study(cell(), cell(approach="resnet18")), study(cell(), cell(variant="deep"))
    assert cells_only_in(first, second)["approach"].tolist() == ["resnet18"]
    assert cells_only_in(second, first)["variant"].tolist() == ["deep"]
    assert compare(first, second)[CELL].drop_duplicates().to_numpy().tolist() == [
        ["planted", "cnn3d", "main", "FLAIR", "harmonised"]
    ]


def test_studies_without_a_common_cell_are_refused_in_one_sentence():
    first, second = study(cell(), name="a"), study(cell(approach="resnet18"), name="b")
    with pytest.raises(GlioBenchError, match=r"no cell .* in common: a has cnn3d on planted and b has resnet18 on"):
        compare(first, second)


def test_too_few_independent_patients_are_a_row_with_the_reason():
    first, second = study(cell(n=8, folds=2)), study(cell(n=8, folds=2), images="other")
    row = of_test_patients(compare(first, second))
    assert row["reason"] == "4 patients of a label in one of them; a comparison needs 5 of each"


def test_the_rows_shown_are_one_per_cell_and_phase_test_patients_first():
    phases = ("transfer", "finetuned")
    one = study(cell(phases=phases), cell(approach="densenet121", test_part=None))
    shown = shown_differences(compare(one, one))
    assert shown[["approach", "phase", "part"]].to_numpy().tolist() == [
        ["cnn3d", "transfer", "test"],
        ["cnn3d", "finetuned", "test"],
        ["densenet121", "final", "validation"],
    ]


def test_the_largest_changes_of_the_mean_probability_come_first():
    files = cell(random_seed=1, repeats=2)
    moved = [table.copy() for table in files[0]]
    tested = (moved[0]["part"] == "test") & (moved[0]["patient_id"] == "00007")
    before = moved[0].loc[tested, "probability"].iloc[0]
    moved[0].loc[tested, "probability"] = 1 - before
    first, second = study(files), study((moved, files[1]))
    changes = probability_changes(first, second, match_cohorts(first, second))
    assert len(changes) == 40
    assert changes.loc[0, "patient_id"] == "00007"
    assert changes.loc[0, "change"] == pytest.approx((2 * before - 1) / 2)
    assert (changes.loc[1:, "change"] == 0).all()
