"""Pairs: the same patients, the estimand of the table, one family corrected, and what cannot be compared says why."""

import numpy as np
import pandas as pd
import pytest
from MLstatkit import Delong_test
from scipy import stats
from statsmodels.stats.multitest import multipletests

from cell_files import make_cell, scored_as
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.delong import auc_influence, variance_of_repeat
from gliobench.evaluation.metrics import make_sample
from gliobench.evaluation.pairwise import EXPLORATORY, FAMILY, pairwise_table
from gliobench.evaluation.runs import patient_rows
from gliobench.files import check_table


def cell(approach="cnn3d", **settings):
    return make_cell(**({"approach": approach, "n": 40, "signal": 0.3} | settings))[:2]


def pair_of(*cells):
    table = pairwise_table(cells)
    assert len(table) == 1
    return table.iloc[0]


def test_the_difference_is_that_of_the_tables_aucs():
    cells = [cell(signal=1, random_seed=1, repeats=2), cell("resnet18", random_seed=2, repeats=2, seeds=2)]
    row = pair_of(*cells)
    aucs = [score_cell(*files, base_seed=1, resamples=50).set_index("part").loc["test", "auc"] for files in cells]
    assert [row["first"], row["second"], row["difference"]] == pytest.approx([*aucs, aucs[0] - aucs[1]])
    assert row["low"] < row["difference"] < row["high"]


def test_only_common_patients_count():
    first, second = cell(random_seed=1), cell("resnet18", random_seed=2)
    fewer = [table[~table["patient_id"].isin(["00000", "00003"])] for table in second[0]]
    row = pair_of(first, (fewer, second[1]))
    assert (row["n_patients"], row["n_positive"]) == (38, 19)
    kept = [table[~table["patient_id"].isin(["00000", "00003"])] for table in first[0]]
    alone = score_cell(kept, first[1], base_seed=1, resamples=50).set_index("part").loc["test", "auc"]
    assert row["first"] == pytest.approx(alone)


def test_the_same_predictions_do_not_differ():
    row = pair_of(cell(random_seed=1), cell("resnet18", random_seed=1))
    assert (row["difference"], row["p"]) == (0, 1)
    assert pd.isna(row["low"])
    assert row["reason"] == "no patient changes the difference: no interval"


def answers(approach, probability, **settings):
    """A cell whose probability is a function of the label."""
    tables, records = cell(approach, random_seed=1, **settings)
    return [scored_as(table, probability(table["label"])) for table in tables], records


@pytest.mark.parametrize(("settings", "factor"), [({"folds": 1}, 1), ({"folds": 3}, 2)])
@pytest.mark.parametrize(("other", "auc"), [(lambda label: 0.5 + 0 * label, 0.5), (lambda label: 1.0 - label, 0.0)])
def test_certain_answers_differ_from_constant_and_opposite_ones_by_the_exact_bound(other, auc, settings, factor):
    certain = answers("cnn3d", lambda label: 1.0 * label, **settings)
    row = pair_of(certain, answers("resnet18", other, **settings))
    pairs = separate_pairs(certain) / factor
    bound = 0.025 ** (1 / pairs)
    low = bound - (0.5 if auc else 1 - bound)  # the bound of 0 lies as far from it as that of 1
    assert (row["difference"], row["low"], row["high"]) == pytest.approx((1 - auc, low, 1 - auc))
    assert row["p"] == pytest.approx(2 * 0.5**pairs)
    assert (row["p"] < 0.05) == (row["low"] > 0)
    of_models = "conditional on the fitted models"
    assert (
        row["method"] == f"exact bound, {of_models if factor == 1 else 'pairs divided by 2.00 because training varies'}"
    )


def test_an_auc_that_varies_in_repeats_of_its_own_is_not_taken_for_a_constant_one():
    certain = answers("cnn3d", lambda label: 1.0 * label, repeats=1)
    tables, records = answers("resnet18", lambda label: 0.5 + 0 * label, repeats=2)
    noisy = tables[1]["label"] * 0.2 + np.random.default_rng(1).uniform(size=len(tables[1])) * 0.8
    row = pair_of(certain, ([tables[0], scored_as(tables[1], noisy)], records))
    assert 0.5 < row["second"] < 1
    assert row[["low", "high", "p"]].isna().all()
    assert row["reason"] == "no patient changes the difference: no interval"


def test_two_constant_or_two_certain_answers_do_not_differ():
    for probability in (lambda label: 0.5 + 0 * label, lambda label: 1.0 * label):
        row = pair_of(answers("cnn3d", probability), answers("resnet18", probability))
        assert (row["difference"], row["p"]) == (0, 1)
        assert pd.isna(row["low"])


def separate_pairs(files):
    """Return how many pairs that share no patient the folds test."""
    rows = patient_rows(*files)
    return rows[rows["part"] == "test"].groupby(["fold", "label"]).size().groupby("fold").min().sum()


def test_a_repeat_that_tests_a_single_patient_of_a_label_leaves_no_interval_and_says_so():
    few = []
    for approach, seed in (("cnn3d", 1), ("resnet18", 2)):
        tables, records = cell(approach, folds=1, repeats=2, random_seed=seed)
        label = tables[0]["label"]
        few.append(([tables[0][(label == 0) | ~label.duplicated()], *tables[1:]], records))
    row = pair_of(*few)
    assert row["reason"] == "a repeat tests a single patient of a label: no interval"
    assert row[["low", "high", "p", "method"]].isna().all()
    assert not pd.isna(row["difference"])


def test_cells_without_a_common_repeat_are_a_row_with_a_reason():
    halves = []
    for approach, kept in (("cnn3d", 0), ("resnet18", 1)):
        tables, records = cell(approach, folds=1, repeats=2)
        halves.append(([tables[kept]], [records[kept]]))
    row = pair_of(*halves)
    assert row["reason"] == "they have no repeat of the split in common"
    assert row[["difference", "low", "p"]].isna().all()


def test_an_approach_without_its_main_variant_is_compared_by_all_that_it_has():
    cells = [cell(variant="tumour_crop"), cell("resnet18", random_seed=2), cell("baseline", variant="prior")]
    table = pairwise_table(cells)
    pairs = set(zip(table["family"], table["first_variant"], table["second_variant"], strict=True))
    assert pairs == {
        ("harmonised mains", "tumour_crop", "main"),
        ("exploratory", "tumour_crop", "prior"),
        ("exploratory", "main", "prior"),
    }


def test_p_is_small_for_a_plain_difference():
    row = pair_of(cell(signal=0.8, random_seed=1), cell("resnet18", signal=-0.8, random_seed=2))
    assert 0 < row["p"] < 0.05
    assert row["low"] > 0


def test_p_is_about_as_often_small_as_it_says_where_there_is_no_difference():
    p = [
        pair_of(
            cell(signal=0.5, random_seed=seed, folds=1), cell("resnet18", signal=0.5, random_seed=1000 + seed, folds=1)
        )["p"]
        for seed in range(60)
    ]
    assert np.mean(np.array(p) < 0.05) <= 0.15  # 60 draws at 5 % exceed it once in a thousand
    assert 0.35 < np.mean(p) < 0.65


def test_two_trainings_on_one_held_out_set_are_compared_by_delong_and_it_says_so():
    first, second = cell(folds=1, random_seed=1), cell("resnet18", folds=1, random_seed=2)
    row = pair_of(first, second)
    scores = []
    for files in (first, second):
        rows = patient_rows(*files)
        scores.append(rows[rows["part"] == "test"].set_index("patient_id").sort_index())
    expected = Delong_test(
        scores[0]["label"], scores[0]["log_odds"], scores[1]["log_odds"], return_ci=False, return_auc=False
    )[1]
    assert row["p"] == pytest.approx(expected)
    assert row["method"] == "DeLong, conditional on the fitted models"


def test_cross_validated_cells_differ_with_the_variance_of_a_repeat_times_a_factor():
    cells = [cell(random_seed=1, repeats=2), cell("resnet18", random_seed=2, repeats=2, seeds=2)]
    row = pair_of(*cells)
    samples = []
    for files in cells:
        rows = patient_rows(*files)
        samples.append(auc_influence(make_sample(rows[rows["part"] == "test"])))
    error = np.sqrt(1.7 * variance_of_repeat(samples[0].minus(samples[1])))
    assert row["high"] - row["difference"] == pytest.approx(stats.norm.ppf(0.975) * error)
    assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(row["difference"]) / error))
    assert row["method"].endswith("because training varies: 1.70")


def test_holm_corrects_the_harmonised_mains_and_nothing_else():
    cells = [
        cell(random_seed=1, signal=1),
        cell(modality="T2w", random_seed=2),
        cell("resnet18", random_seed=3, phases=("transfer", "finetuned")),
        cell("baseline", variant="header", modality="all", random_seed=4),
        cell("cnn3d", variant="as_coded", random_seed=5),
        cell("cnn3d", protocol="published", random_seed=6, folds=1),
    ]
    table = pairwise_table(cells)
    check_table(table, "pairwise", "the test")
    mains = table[table["family"] == FAMILY]
    assert len(mains) == 3
    assert set(mains["first_protocol"]) | set(mains["second_protocol"]) == {"harmonised"}
    assert set(mains["second_phase"]) == {"final", "finetuned"}
    assert mains["p_holm"].tolist() == pytest.approx(multipletests(mains["p"], method="holm")[1].tolist())
    others = table[table["family"] == EXPLORATORY]
    assert others["p_holm"].isna().all()
    names = ["first_approach", "first_variant", "first_phase", "second_approach", "second_variant", "second_phase"]
    assert others[names].to_numpy().tolist() == [
        ["cnn3d", "main", "final", "baseline", "header", "final"],
        ["cnn3d", "main", "final", "baseline", "header", "final"],
        ["resnet18", "main", "finetuned", "baseline", "header", "final"],
        ["cnn3d", "as_coded", "final", "cnn3d", "main", "final"],
        ["resnet18", "main", "finetuned", "resnet18", "main", "transfer"],
    ]


def test_too_few_common_patients_are_a_row_with_a_reason():
    row = pair_of(cell(n=8, folds=2), cell("resnet18", n=8, folds=2))
    assert row["reason"] == ("4 patients with label 1 and 4 with label 0 in common; a comparison needs 5 of each")
    assert pd.isna(row["p"])


def test_a_cell_without_predictions_is_a_row_with_a_reason():
    row = pair_of(cell(), cell("resnet18", bad=(0, 1, 2)))
    assert row["reason"] == "resnet18 main FLAIR harmonised has no test predictions"


def test_an_undefined_auc_is_a_row_with_a_reason():
    row = pair_of(cell(n=24, folds=24), cell("resnet18", n=24, folds=24))
    assert row["reason"] == "a run of one of them scores patients of one label only"
    assert row[["difference", "low", "p", "method"]].isna().all()


def test_a_cohort_of_one_cell_has_no_pairs():
    assert len(pairwise_table([cell()])) == 0
