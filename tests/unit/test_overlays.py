"""Overlays of approaches: their areas are the table's scores, and one that has no curve still has its name."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from cell_files import make_cell
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.columns import RUN
from gliobench.evaluation.mean_curves import GRID, both_labels, mean_precision, mean_roc
from gliobench.evaluation.runs import patient_rows
from gliobench.figures.cell import shown_scores
from gliobench.figures.overlays import OVERLAYS, Scored, calibration_bins, split_baselines
from gliobench.figures.style import save_figure


def scored(approach="cnn3d", **settings):
    predictions, records, _ = make_cell(approach=approach, **settings)
    metrics = score_cell(predictions, records, base_seed=1, resamples=20)
    return Scored(*shown_scores(patient_rows(predictions, records), metrics, "final"), name=approach)


@pytest.fixture(scope="module")
def cohort():
    """Three networks of two modalities, and two baselines."""
    return [
        scored(),
        scored("resnet18", random_seed=1),
        scored("efficientnet", modality="T2w", random_seed=2),
        scored("baseline", variant="header", modality="all", signal=0.2, random_seed=3),
        scored("baseline", variant="intensity", modality="all", signal=2.0, random_seed=4),
    ]


def texts(figure):
    found = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    return " | ".join(found).replace("\n", " ")


@pytest.mark.parametrize("settings", [{"folds": 3, "repeats": 2}, {"folds": 5, "seeds": 2, "n": 37}, {"signal": 0.0}])
def test_the_area_of_the_mean_roc_is_the_auc_of_the_table(settings):
    cell = scored(**settings)
    area = np.trapezoid(mean_roc(both_labels(cell.rows, RUN)), GRID)
    assert area == pytest.approx(cell.scores["auc"], abs=0.01)


@pytest.mark.parametrize("settings", [{"folds": 3, "repeats": 2}, {"folds": 4, "seeds": 2, "n": 37}, {"signal": 0.0}])
def test_the_area_of_the_mean_precision_is_the_pr_auc_of_the_table(settings):
    cell = scored(**settings)
    area = np.trapezoid(mean_precision(both_labels(cell.rows, RUN)), GRID)
    assert area == pytest.approx(cell.scores["pr_auc"], abs=0.01)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=40).filter(
    lambda pairs: len({label for label, _ in pairs}) == 2
))  # fmt: skip
def test_the_precision_of_one_run_has_the_area_of_its_average_precision_ties_and_all(pairs):
    labels, scores = np.array(pairs, dtype=float).T
    run = pd.DataFrame({"repeat": 0, "seed_index": 0, "label": labels, "log_odds": scores / 8})
    precision = mean_precision([run])
    middles = (precision[1:] + precision[:-1]) / 2
    assert middles.mean() == pytest.approx(average_precision_score(labels, scores), abs=0.01)
    assert precision.min() >= 0
    assert precision.max() <= 1


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_is_drawn_of_networks_and_the_best_baseline(name, cohort, tmp_path):
    figure = OVERLAYS[name](cohort)
    shown = texts(figure)
    assert all(approach in shown for approach in ("cnn3d", "resnet18", "efficientnet", "best baseline (intensity)"))
    assert "header" not in shown
    save_figure(figure, tmp_path / name)


@pytest.mark.parametrize(("name", "score"), [("roc", "auc"), ("precision_recall", "pr_auc")])
def test_a_modality_has_its_panel_with_patients_and_scores_of_the_table(name, score, cohort):
    figure = OVERLAYS[name](cohort)
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")] == [
        "FLAIR, n = 24 (12 positive)",
        "T2w, n = 24 (12 positive)",
    ]
    first = cohort[0].scores
    assert f"cnn3d  {first[score]:.2f} ({first[f'{score}_low']:.2f}" in texts(figure)


def test_the_best_baseline_is_the_one_with_the_highest_auc(cohort):
    networks, best = split_baselines(cohort)
    assert [cell.scores["approach"] for cell in networks] == ["cnn3d", "resnet18", "efficientnet"]
    assert [cell.scores["variant"] for cell in best] == ["intensity"]
    assert split_baselines(networks) == (networks, [])


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_cell_whose_runs_all_failed_keeps_its_name(name):
    failed = scored("resnet18", bad=(0, 1, 2))
    assert "resnet18" in texts(OVERLAYS[name]([scored(), failed]))


@pytest.mark.parametrize("n_cells", [1, 2, 4, 7])
def test_every_panel_of_the_calibration_is_large_enough_to_read(n_cells):
    figure = OVERLAYS["calibration"]([scored() for _ in range(n_cells)])
    figure.draw_without_rendering()
    drawn = [axes.get_window_extent() for axes in figure.axes if axes.axison]
    assert len(drawn) == n_cells
    on_a_page = min(1, 1056 / figure.bbox.width)  # figures are at most 66 rem wide there, 1056 pixels
    assert min(min(each.width, each.height) * on_a_page for each in drawn) > 250
    (about,) = figure.texts
    assert about.get_window_extent().width < figure.bbox.width


def test_a_panel_without_any_curve_says_so():
    assert "no run scored both labels" in texts(OVERLAYS["roc"]([scored(bad=(0, 1, 2))]))


def test_bins_hold_every_patient_once_with_wilson_intervals_around_the_share():
    rng = np.random.default_rng(0)
    probabilities = rng.uniform(size=83)
    labels = (rng.uniform(size=83) < probabilities).astype(int)
    bins = calibration_bins(labels, probabilities)
    assert len(bins) == 10
    assert bins["n"].sum() == 83
    assert bins["n"].max() - bins["n"].min() <= 2
    assert (bins["observed"] * bins["n"]).sum() == pytest.approx(labels.sum())
    assert ((bins["low"] <= bins["observed"]) & (bins["observed"] <= bins["high"])).all()
    assert bins["predicted"].is_monotonic_increasing


def test_a_bin_of_no_positive_patient_has_an_interval_wider_than_nothing():
    bins = calibration_bins(np.zeros(9, int), np.full(9, 0.3))
    assert bins["high"].tolist() == [pytest.approx(0.299, abs=0.001)]  # Wilson's for 0 of 9


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.2, 0.5, 1.0])), min_size=1, max_size=60))
def test_equal_probabilities_share_a_bin(pairs):
    labels, probabilities = np.array(pairs, dtype=float).T
    bins = calibration_bins(labels.astype(int), probabilities)
    assert bins["n"].sum() == len(pairs)
    assert bins["predicted"].is_unique
    assert len(bins) <= len(np.unique(probabilities))
