"""Figures of one cell by name: the part that is there is shown, and every label gets its numbers."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from cell_files import make_cell
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.runs import patient_rows
from gliobench.figures.cell import CellScores, cell_figure, classification_report
from gliobench.plan import DRAWN_FROM_SCORES

NAMES = ("unmethylated", "methylated")


def cell_of(phases=("final",), **settings):
    predictions, records, histories = make_cell(phases=phases, **settings)
    metrics = score_cell(predictions, records, base_seed=1, resamples=20)
    return CellScores(patient_rows(predictions, records), metrics, histories, records, list(phases), NAMES)


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.parametrize("name", DRAWN_FROM_SCORES)
@pytest.mark.parametrize("bad", [(), (0, 1, 2)])
def test_every_figure_can_be_drawn_with_and_without_predictions(name, bad):
    shown = texts(cell_figure(name, "finetuned", cell_of(phases=("transfer", "finetuned"), bad=bad)))
    assert "planted · cnn3d · main · FLAIR · harmonised" in shown
    assert ("3 of 3 folds diverged" in shown.replace("\n", " ")) == bool(bad)


@pytest.mark.parametrize(
    ("part", "words"),
    [("test", "test part"), ("whole", "whole cohort, training patients included"), (None, "validation part")],
)
def test_figures_show_the_first_part_that_is_there(part, words):
    assert words in texts(cell_figure("confusion", "final", cell_of(test_part=part)))


@pytest.mark.parametrize("name", ["roc", "confusion", "classification"])
def test_a_title_of_the_whole_cohort_stays_within_its_figure(name):
    figure = cell_figure(name, "final", cell_of(test_part="whole"))
    figure.draw_without_rendering()
    (title,) = (text for text in figure.findobj(Text) if "training patients included" in text.get_text())
    assert title.get_window_extent().x1 <= figure.bbox.x1


def test_slices_do_not_enter_the_figures_of_patients():
    assert "n = 24" in texts(cell_figure("confusion", "final", cell_of(slices=3)))


def test_a_phase_is_named_where_there_are_several():
    cell = cell_of(phases=("transfer", "finetuned"))
    assert "transfer" in texts(cell_figure("roc", "transfer", cell))
    assert "final" not in texts(cell_figure("roc", "final", cell_of()))


def test_distributions_have_a_panel_a_phase():
    figure = cell_figure("distributions", "", cell_of(phases=("transfer", "finetuned")))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["transfer: test part, 24 patients, 3 runs", "finetuned: test part, 24 patients, 3 runs"]


def test_the_report_counts_each_label():
    # Two of three positives called, one of two negatives.
    rows = pd.DataFrame({"label": [1, 1, 1, 0, 0], "probability": [0.9, 0.5, 0.1, 0.7, 0.2]})
    report = classification_report(rows, NAMES)
    np.testing.assert_allclose(report.loc["methylated"], [2 / 3, 2 / 3, 2 / 3, 3])
    np.testing.assert_allclose(report.loc["unmethylated"], [1 / 2, 1 / 2, 1 / 2, 2])
    assert report.loc["macro mean", "precision"] == pytest.approx(7 / 12)
    assert report.loc["weighted mean", "recall"] == pytest.approx(3 / 5)
    assert report.loc["accuracy", "F1"] == pytest.approx(3 / 5)


def test_the_precision_of_a_label_that_is_never_called_is_undefined():
    rows = pd.DataFrame({"label": [1, 0], "probability": [0.9, 0.8]})
    report = classification_report(rows, NAMES)
    assert np.isnan(report.loc["unmethylated", "precision"])
    assert np.isnan(report.loc["macro mean", "precision"])
