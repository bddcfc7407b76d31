"""Variance of runs: folds apart from seeds, as a mixed model finds them."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from sklearn.metrics import accuracy_score, recall_score

from cell_files import make_cell
from gliobench.evaluation.variance import components, sampling_variance, variance_table


def simulated(sd_folds, sd_seeds, folds=25, seeds=4, random_seed=0):
    rng = np.random.default_rng(random_seed)
    group = np.repeat(np.arange(folds), seeds)
    return 0.6 + rng.normal(0, sd_folds, folds)[group] + rng.normal(0, sd_seeds, folds * seeds), group


@pytest.mark.parametrize("random_seed", range(3))
def test_components_are_those_of_a_mixed_model(random_seed):
    values, group = simulated(0.05, 0.03, random_seed=random_seed)
    data = pd.DataFrame({"auc": values * 100, "fold": group})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = smf.mixedlm("auc ~ 1", data, groups="fold").fit(reml=True)
    between, within = components(values * 100, group)
    assert between == pytest.approx(float(model.cov_re.iloc[0, 0]), rel=0.01)
    assert within == pytest.approx(model.scale, rel=0.01)


def test_components_are_unbiased_where_runs_are_missing():
    rng = np.random.default_rng(1)
    found = []
    for number in range(300):
        values, group = simulated(0.05, 0.03, folds=10, seeds=3, random_seed=number)
        keep = rng.random(len(values)) > 0.2
        _, kept = np.unique(group[keep], return_inverse=True)
        found.append(components(values[keep], kept))
    assert np.mean(found, axis=0) == pytest.approx([0.05**2, 0.03**2], rel=0.1)


def test_folds_that_add_nothing_are_0_and_not_negative():
    between = [components(*simulated(0, 0.1, folds=5, seeds=3, random_seed=number))[0] for number in range(50)]
    assert min(between) == 0


def test_seeds_on_one_fold_alone_have_no_components():
    assert np.isnan(components(np.array([0.5, 0.6]), np.array([0, 0]))).all()
    assert np.isnan(components(np.array([0.5, 0.6]), np.array([0, 1]))).all()


def test_the_table_holds_a_row_a_phase_and_score_and_the_mean_of_runs():
    cell = make_cell(n=60, seeds=3, repeats=2, phases=("transfer", "finetuned"))[:2]
    table = variance_table([cell])
    aucs = table[table["metric"] == "auc"]
    assert aucs["phase"].tolist() == ["transfer", "finetuned"]
    assert table.groupby("phase")["metric"].agg(list).tolist() == [["auc", "accuracy", "recall", "specificity"]] * 2
    row = aucs.iloc[0]
    assert row[["n_repeats", "n_folds", "n_seeds"]].tolist() == [2, 3, 3]
    assert row["sd_seeds"] > 0
    assert pd.isna(row["reason"])


def test_a_single_seed_has_a_total_but_no_components():
    row = variance_table([make_cell(n=60)[:2]]).iloc[0]
    assert pd.isna(row["sd_folds"])
    assert pd.isna(row["sd_seeds"])
    assert row["sd_total"] > 0
    assert row["reason"] == "sd_folds and sd_seeds are empty: a single seed"


def test_a_single_fold_has_no_components():
    row = variance_table([make_cell(n=60, folds=1, seeds=3)[:2]]).iloc[0]
    assert row["reason"] == "sd_folds and sd_seeds are empty: a single fold"


def test_leave_one_out_has_no_variance_and_says_why():
    row = variance_table([make_cell(n=6, folds=6)[:2]]).iloc[0]
    assert row["reason"] == "no variance: no run tests patients of both labels"
    assert pd.isna(row["mean"])


def test_each_run_has_the_scores_of_scikit_learn():
    predictions, records, _ = make_cell(n=60, folds=2, seeds=2)
    table = variance_table([(predictions, records)]).set_index("metric")
    rows = pd.concat([one.assign(seed=place) for place, one in enumerate(predictions)])
    runs = [run for _, run in rows[rows["part"] == "test"].groupby(["seed", "fold"])]
    called = [run["probability"] >= 0.5 for run in runs]
    for name, score in (("accuracy", accuracy_score), ("recall", recall_score), ("specificity", recall_score)):
        label = {"pos_label": 0} if name == "specificity" else {}
        values = [
            score(run["label"].astype(int), one.astype(int), **label) for run, one in zip(runs, called, strict=True)
        ]
        assert table.loc[name, "mean"] == pytest.approx(np.mean(values))
        assert table.loc[name, "sd_total"] == pytest.approx(np.std(values, ddof=1))


def runs_of(sd_trainings, random_seed, runs=25, n=40):
    """Predictions of runs whose accuracy differs by `sd_trainings`, each on other patients; one seed."""
    rng = np.random.default_rng(random_seed)
    predictions, records, _ = make_cell(n=runs * n, folds=runs, random_seed=random_seed)
    right = rng.random(runs * n) < np.clip(0.65 + rng.normal(0, sd_trainings, runs), 0, 1)[predictions[0].query(
        "part == 'test'")["fold"].to_numpy(int)]  # fmt: skip
    tested = predictions[0][predictions[0]["part"] == "test"]
    return [(tested.assign(probability=np.where(right, tested["label"], 1 - tested["label"]).astype(float)),)], records


@pytest.mark.parametrize("sd_trainings", [0.0, 0.1])
def test_what_trainings_differ_by_is_told_from_what_test_sets_differ_by(sd_trainings):
    found = []
    for number in range(12):
        (predictions,), records = runs_of(sd_trainings, number)
        row = variance_table([(list(predictions), records)]).set_index("metric").loc["accuracy"]
        assert row["sd_sampling"] == pytest.approx(np.sqrt(0.65 * 0.35 / 40), rel=0.1)
        found.append(row["sd_total"] ** 2 - row["sd_sampling"] ** 2)
        assert row["sd_trainings"] == pytest.approx(np.sqrt(max(found[-1], 0)), abs=1e-9)
    assert np.mean(found) == pytest.approx(sd_trainings**2, abs=0.002)


def test_seeds_on_the_same_fold_are_the_least_that_trainings_differ_by():
    table = variance_table([make_cell(n=60, seeds=3, repeats=2)[:2]])
    assert (table["sd_trainings"] >= table["sd_seeds"] - 1e-9).all()


@pytest.mark.parametrize("auc", [0.5, 0.7, 0.9])
def test_the_sampling_variance_of_an_auc_is_that_of_simulated_test_sets(auc):
    rng = np.random.default_rng(1)
    apart = np.sqrt(2) * stats.norm.ppf(auc)
    aucs = [np.mean(rng.normal(apart, 1, 31)[:, None] > rng.normal(0, 1, 28)) for _ in range(4000)]
    assert float(sampling_variance("auc", auc, [31], [28])[0]) == pytest.approx(np.var(aucs), rel=0.15)


def test_the_sampling_variance_of_a_proportion_counts_its_own_patients():
    for metric, n in (("accuracy", 50), ("recall", 20), ("specificity", 30)):
        assert sampling_variance(metric, 0.8, [20], [30]).tolist() == pytest.approx([0.8 * 0.2 / n])
