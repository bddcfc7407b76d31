"""Variance of runs: folds apart from seeds, as a mixed model finds them."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from cell_files import make_cell
from gliobench.evaluation.variance import components, variance_table


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


def test_the_table_holds_a_row_a_phase_and_the_mean_of_runs():
    cell = make_cell(n=60, seeds=3, repeats=2, phases=("transfer", "finetuned"))[:2]
    table = variance_table([cell])
    assert table["phase"].tolist() == ["transfer", "finetuned"]
    row = table.iloc[0]
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
