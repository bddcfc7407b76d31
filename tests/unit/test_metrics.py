"""Scores: they agree with scikit-learn, undefined is empty, and AUC compares only within a run."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from cell_files import make_cell, scored_as
from gliobench.errors import GlioBenchError
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.columns import METRICS
from gliobench.evaluation.metrics import bounded, make_sample, pooled_auc, score, unit_weights, why_empty
from gliobench.evaluation.runs import patient_rows
from gliobench.evaluation.slice_scores import score_slices
from gliobench.files import check_table, table_schema


def rows_of(*runs, repeat=0, seed_index=0):
    """Rows of runs, each a list of (patient, label, probability)."""
    rows = [(fold, *scored) for fold, run in enumerate(runs) for scored in run]
    table = pd.DataFrame(rows, columns=["fold", "patient_id", "label", "probability"])
    return table.assign(repeat=repeat, seed_index=seed_index, log_odds=table["probability"])  # in the same order


def scores_of(rows):
    sample = make_sample(rows)
    return dict(zip(METRICS, score(sample, *unit_weights(sample)), strict=True))


def sklearn_scores(label, probability):
    call = (probability >= 0.5).astype(int)
    both = 0 < label.sum() < len(label)
    return {
        "accuracy": sklearn_metrics.accuracy_score(label, call),
        "auc": sklearn_metrics.roc_auc_score(label, probability) if both else np.nan,
        "precision": sklearn_metrics.precision_score(label, call, zero_division=np.nan),
        "recall": sklearn_metrics.recall_score(label, call, zero_division=np.nan),
        "specificity": sklearn_metrics.recall_score(1 - label, 1 - call, zero_division=np.nan),
        "f1": sklearn_metrics.f1_score(label, call, zero_division=np.nan),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(label, call) if both else np.nan,
        "brier": np.mean((probability - label) ** 2),
        "pr_auc": sklearn_metrics.average_precision_score(label, probability) if both else np.nan,
        "mcc": sklearn_metrics.matthews_corrcoef(label, call) if both and 0 < call.sum() < len(call) else np.nan,
        "log_loss": sklearn_metrics.log_loss(label, np.clip(probability, 1e-15, 1 - 1e-15), labels=[0, 1]),
    }


patients = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.3, 0.49, 0.5, 0.51, 0.8, 1.0])), min_size=1, max_size=30
)


@settings(deadline=None, max_examples=200)
@given(patients)
def test_one_run_scores_as_scikit_learn_does(pairs):
    rows = rows_of([(f"{number:03d}", *pair) for number, pair in enumerate(pairs)])
    label, probability = (np.array(values) for values in zip(*pairs, strict=True))
    assert scores_of(rows) == pytest.approx(sklearn_scores(label, probability), nan_ok=True)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_repeats_and_seeds_are_averaged(random_seed, repeats):
    predictions, records, _ = make_cell(repeats=repeats, seeds=2, folds=1, random_seed=random_seed)
    rows = patient_rows(predictions, records)
    rows = rows[rows["part"] == "test"]
    each = [
        sklearn_scores(group["label"].to_numpy(), group["probability"].to_numpy())
        for _, group in rows.groupby(["repeat", "seed_index"])
    ]
    expected = {name: np.mean([scores[name] for scores in each]) for name in METRICS}
    assert scores_of(rows) == pytest.approx(expected, nan_ok=True)


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000))
def test_a_weight_counts_as_that_many_copies_of_the_patient(random_seed):
    rng = np.random.default_rng(random_seed)
    rows = rows_of(
        [(f"{number:02d}", number % 2, round(rng.random(), 1)) for number in range(10)],
        [(f"{number:02d}", number % 2, round(rng.random(), 1)) for number in range(10, 20)],
    )
    sample = make_sample(rows)
    weights = rng.integers(0, 3, size=(2, 10))
    weights[:, [0, 5]] += 1  # each run keeps both labels
    copies = dict(zip([*sample.positive.patients, *sample.negative.patients], weights.ravel(), strict=True))
    counts = rows["patient_id"].map(copies)
    copied = rows.loc[rows.index.repeat(counts)]
    number = copied.groupby("patient_id").cumcount().astype(str)
    copied = copied.assign(patient_id=copied["patient_id"] + "-" + number)
    weighted = dict(zip(METRICS, score(sample, *weights.astype(float)), strict=True))
    assert weighted == pytest.approx(scores_of(copied), nan_ok=True)


def test_auc_counts_only_pairs_that_one_run_scored():
    rows = rows_of([("a", 1, 0.9), ("b", 0, 0.8)], [("c", 1, 0.2), ("d", 0, 0.1)])
    assert scores_of(rows)["auc"] == 1.0  # both folds order their own pair rightly
    assert pooled_auc(rows) == 0.75  # c against b crosses folds, and is lost to the folds' offset


def test_auc_weighs_runs_by_their_pairs():
    won = [("a", 1, 0.9), ("b", 1, 0.8), ("c", 0, 0.2), ("d", 0, 0.1)]
    lost = [("e", 1, 0.1), ("f", 0, 0.9)]
    assert scores_of(rows_of(won, lost))["auc"] == pytest.approx(4 / 5)


def test_accuracy_pools_the_folds_of_a_repeat():
    rows = rows_of([("a", 1, 0.9), ("b", 0, 0.1), ("c", 0, 0.2)], [("d", 1, 0.1)])
    assert scores_of(rows)["accuracy"] == pytest.approx(3 / 4)


def test_precision_without_a_positive_call_is_empty_and_says_why():
    rows = rows_of([("a", 1, 0.4), ("b", 0, 0.1)])
    sample, scores = make_sample(rows), scores_of(rows)
    assert np.isnan(scores["precision"])
    assert scores["f1"] == 0.0  # defined: one patient was missed
    assert why_empty(sample, scores) == [
        "precision is empty: no patient is called positive",
        "mcc is empty: all patients are called alike",
    ]


def test_auc_of_leave_one_out_is_empty_and_says_why():
    rows = rows_of([("a", 1, 0.9)], [("b", 0, 0.1)], [("c", 1, 0.7)])
    sample, scores = make_sample(rows), scores_of(rows)
    assert np.isnan(scores["auc"])
    assert pooled_auc(rows) == 1.0
    assert why_empty(sample, scores) == ["auc and pr_auc are empty: each run scores a single patient"]


def test_a_score_undefined_in_one_repeat_is_empty():
    silent = rows_of([("a", 1, 0.4), ("b", 0, 0.1)], repeat=1)
    rows = pd.concat([rows_of([("a", 1, 0.9), ("b", 0, 0.1)]), silent])
    sample, scores = make_sample(rows), scores_of(rows)
    assert np.isnan(scores["precision"])
    assert why_empty(sample, scores) == [
        "precision is empty: no patient is called positive in 1 of 2 repeats and seeds",
        "mcc is empty: all patients are called alike in 1 of 2 repeats and seeds",
    ]


def test_one_label_alone_leaves_what_needs_both_empty():
    rows = rows_of([("a", 1, 0.9), ("b", 1, 0.1)])
    scores = scores_of(rows)
    assert [name for name in METRICS if np.isnan(scores[name])] == [
        "auc", "specificity", "balanced_accuracy", "pr_auc", "mcc",
    ]  # fmt: skip
    assert "specificity, balanced_accuracy and mcc are empty: no patient with label 0" in why_empty(
        make_sample(rows), scores
    )


def test_a_patient_with_two_labels_is_an_error():
    with pytest.raises(GlioBenchError, match="patient a has two labels"):
        make_sample(rows_of([("a", 1, 0.9)], [("a", 0, 0.1)]))


def test_a_patient_scored_twice_by_one_run_is_an_error():
    with pytest.raises(GlioBenchError, match=r"patient a is scored twice by one run \(repeat 0, seed 0, fold 0\)"):
        make_sample(rows_of([("a", 1, 0.9), ("a", 1, 0.8)]))


def test_a_cell_is_a_row_a_phase_and_part_and_follows_the_schema():
    predictions, records, _ = make_cell(phases=("transfer", "finetuned"))
    table = score_cell(predictions, records, base_seed=1, resamples=50, caveat="peeks")
    assert list(zip(table["phase"], table["part"], strict=True)) == [
        ("transfer", "test"), ("transfer", "validation"), ("finetuned", "test"), ("finetuned", "validation"),
    ]  # fmt: skip
    assert list(table.columns) == list(table_schema("metrics")["properties"])
    assert table.loc[0, ["n_patients", "n_positive", "n_runs", "status", "caveat"]].tolist() == [
        24,
        12,
        3,
        "ok",
        "peeks",
    ]
    assert table["p_chance"].isna().all()
    check_table(table, "metrics", "the test")


def test_rows_of_slices_are_not_patients():
    predictions, records, _ = make_cell()
    slices = scored_as(predictions[0].assign(slice_index=3), np.full(len(predictions[0]), 0.5))
    both = [pd.concat([predictions[0], slices], ignore_index=True)]
    table = score_cell(both, records, 1, 50)
    of_patients = table[table["unit"] == "patient"].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_patients, score_cell(predictions, records, 1, 50))
    of_slices = table[table["unit"] == "slice"]
    assert of_slices["auc"].tolist() == [0.5, 0.5]
    assert of_slices["accuracy"].tolist() == [0.5, 0.5], "every slice is called positive"
    assert of_slices["auc_low"].isna().all(), "slices of one patient are not independent"


def test_a_cell_with_diverged_folds_scores_the_others_and_says_so():
    table = score_cell(*make_cell(bad=(1,))[:2], base_seed=1, resamples=50)
    assert set(table["status"]) == {"diverged"}
    assert table["reason"].str.startswith("1 of 3 folds diverged: the loss is not a number in epoch 3").all()
    assert table.loc[0, "n_patients"] == 16


def test_a_cell_without_any_prediction_is_one_row_with_its_reason():
    table = score_cell(*make_cell(bad=(0, 1, 2))[:2], base_seed=1, resamples=50)
    assert len(table) == 1
    assert table["auc"].isna().all()
    assert table.loc[0, "reason"] == "3 of 3 folds diverged: the loss is not a number in epoch 3"
    assert table.loc[0, "auc_reason"] == table.loc[0, "reason"]


def test_failed_outweighs_diverged():
    predictions, records, _ = make_cell(bad=(1,))
    records[0]["folds"][2] = {"fold": 2, "status": "failed", "reason": "out of memory"}
    table = score_cell(predictions, records, base_seed=1, resamples=50)
    assert table.loc[0, "status"] == "failed"
    assert "1 of 3 folds failed: out of memory" in table.loc[0, "reason"]


def test_files_of_two_cells_are_not_scored_as_one():
    first, second = make_cell(), make_cell(variant="as_coded")
    with pytest.raises(GlioBenchError, match="run records of different cells"):
        score_cell(first[0] + second[0], first[1] + second[1], base_seed=1, resamples=50)


def cell_of_strength(signal, random_seed, **settings):
    return make_cell(n=40, signal=signal, random_seed=random_seed, **settings)[:2]


def test_p_chance_counts_permutations_that_reach_the_observed_auc():
    cell = cell_of_strength(0.3, 1, seeds=2)
    permuted = [cell_of_strength(0, 10 + number, seeds=2) for number in range(19)]
    observed = score_cell(*cell, base_seed=1, resamples=50).set_index("part").loc["test", "auc"]
    aucs = [score_cell(*one, base_seed=1, resamples=50).set_index("part").loc["test", "auc"] for one in permuted]
    table = score_cell(*cell, base_seed=1, resamples=50, copies=permuted).set_index("part")
    assert table.loc["test", "p_chance"] == pytest.approx((1 + np.sum(np.array(aucs) >= observed)) / 20)
    assert table.loc["test", "n_permutations"] == 19
    assert pd.isna(table.loc["validation", "p_chance"])
    assert pd.isna(table.loc["validation", "n_permutations"])


def test_a_permutation_as_good_as_the_runs_counts_against_them():
    cell = cell_of_strength(0.3, 1)
    table = score_cell(*cell, base_seed=1, resamples=50, copies=[cell, cell])
    assert table.loc[0, "p_chance"] == 1


def test_a_permutation_that_diverged_does_not_count_and_is_said():
    permuted = [cell_of_strength(0, 2), cell_of_strength(0, 3, bad=(0, 1, 2))]
    table = score_cell(*cell_of_strength(3, 1), base_seed=1, resamples=50, copies=permuted)
    assert table.loc[0, ["p_chance", "n_permutations"]].tolist() == [0.5, 1]
    assert "1 of 2 permutations have no AUC and do not count" in table.loc[0, "reason"]


def test_slices_score_as_scikit_learn_does():
    rows = rows_of([(f"{number:02d}", number % 2, (number * 7 % 20) / 20) for number in range(20)])
    label, probability = rows["label"].to_numpy(), rows["probability"].to_numpy()
    assert score_slices(rows) == pytest.approx(sklearn_scores(label, probability))


def test_average_precision_weighs_runs_by_their_positives():
    runs = [
        [("a", 1, 0.9), ("b", 1, 0.8), ("c", 0, 0.85)],
        [("e", 1, 0.1), ("f", 0, 0.9)],
    ]
    values = [sklearn_metrics.average_precision_score(*zip(*[pair[1:] for pair in run], strict=True)) for run in runs]
    assert scores_of(rows_of(*runs))["pr_auc"] == pytest.approx((2 * values[0] + values[1]) / 3)


def test_average_precision_is_empty_where_a_run_lacks_a_label():
    rows = rows_of([("a", 1, 0.9), ("b", 0, 0.8)], [("c", 1, 0.2)])
    sample, scores = make_sample(rows), scores_of(rows)
    assert np.isnan(scores["pr_auc"])
    assert "pr_auc is empty: a run scores patients of one label only" in why_empty(sample, scores)


@pytest.mark.parametrize("n_positive", [9, 11, 18])
def test_a_perfect_order_is_1_and_not_a_last_bit_more(n_positive):
    """Sums of average precision end above 1 for some numbers of patients."""
    n = n_positive + 2
    label = (np.arange(n) < n_positive).astype(int)
    probability = np.linspace(0.95, 0.05, n)
    rows = rows_of(list(zip(map(str, range(n)), label, probability, strict=True)))
    assert scores_of(rows)["pr_auc"] == 1.0
    assert score_slices(rows)["pr_auc"] == 1.0


def test_only_rounding_is_taken_off_a_score():
    scores = np.full(len(METRICS), 0.5)
    for beyond, expected in ((1 + 1e-15, 1.0), (-1e-15, 0.0), (1.1, 1.1), (-0.1, -0.1), (np.nan, np.nan)):
        scores[METRICS.index("pr_auc")] = beyond
        np.testing.assert_array_equal(bounded(scores)[METRICS.index("pr_auc")], expected)
    scores[METRICS.index("mcc")], scores[METRICS.index("log_loss")] = -1 - 1e-15, 1.0 + 1e-12
    assert bounded(scores)[METRICS.index("mcc")] == -1
    assert bounded(scores)[METRICS.index("log_loss")] == 1.0 + 1e-12
