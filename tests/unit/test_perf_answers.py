"""The simulation of answers: what it draws and reads is what it says."""

import numpy as np
import pytest
from perf import answers as simulation
from perf.procedures import cross_validate, draw_folds


def study(signal, **changes):
    sizes = {"size": 60, "n_methods": 2, "n_baselines": 1, "repeats": 1} | changes
    return simulation.draw_study(signal=signal, rng=np.random.default_rng(1), **sizes)


def test_all_cells_of_a_study_score_all_patients_once_a_repeat():
    cells = study(1.0, repeats=2)
    assert [cell.name["approach"] for cell in cells] == ["method-0", "method-1", "baseline"]
    for cell in cells:
        assert (cell.rows.groupby(["repeat", "patient_id"]).size() == 1).all()
        assert cell.rows.groupby("patient_id")["label"].first().sum() == 30


def test_without_a_signal_one_baseline_scores_everyone_alike():
    assert study(0.0)[-1].rows["log_odds"].nunique() == 1
    assert study(1.0)[-1].rows["log_odds"].nunique() > 1


def test_methods_see_other_features_than_each_other():
    first, second, _ = study(1.0)
    assert not np.allclose(first.rows["log_odds"], second.rows["log_odds"])


def test_a_method_that_is_better_than_constant_scores_is_read_as_such():
    cells = study(0.0)
    seen = cells[0].rows.assign(log_odds=cells[0].rows["label"] + np.random.default_rng(2).normal(0, 0.1, 60))
    answer, excludes_0 = simulation.read_answer([simulation.Scored(cells[0].name, True, seen), *cells[1:]])
    assert excludes_0
    assert simulation.VERDICTS[0] in answer


@pytest.mark.parametrize(("scores", "extreme"), [([3, 2, 1, 0], True), ([0, 1, 2, 3], True), ([3, 1, 2, 0], False)])
def test_an_auc_of_1_or_0_is_extreme(scores, extreme):
    rows = simulation.rows_of(np.array(scores, dtype=float)[None, None], np.arange(4)[None, None], 2)
    assert simulation.is_extreme(rows) == extreme


def test_of_few_patients_every_fold_tests_some_of_each_label():
    rows = simulation.cross_validated(5, 2, np.random.default_rng(1))
    assert (rows.groupby(["repeat", "fold"])["label"].nunique() == 2).all()


def test_its_rows_are_scores_of_patients_in_their_folds():
    rng = np.random.default_rng(1)
    folds = draw_folds((10, 10), 1, rng)
    patients = rng.normal(size=(1, 20, 20))
    scores = cross_validate(simulation.PROCEDURES["linear"], patients, folds, 2, rng)[0]
    rows = simulation.rows_of(scores, folds, 10).set_index("patient_id")
    assert rows.loc["007", "label"] == 1
    assert rows.loc["007", "log_odds"] == scores[folds == 7].item()
