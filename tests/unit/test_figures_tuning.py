"""The figure of a tuning: every trial counts, and the best one is shown."""

import json

import pandas as pd
import pytest

from gliobench.figures.trainings import tuning_figure
from gliobench.files import check_table

SETTINGS = [
    {"learning_rate": 1e-4, "depth": 2, "norm": "batch"},
    {"learning_rate": 1e-2, "depth": 4, "norm": "group"},
    {"learning_rate": 1e-3, "depth": 3, "norm": "batch"},
]
BEST = {"number": 2, "value": 0.6, "parameters": SETTINGS[2], "importances": {"learning_rate": 0.7, "depth": 0.3}}


def trials(states=("complete", "pruned", "complete"), values=(0.7, 0.9, 0.6)):
    table = pd.DataFrame(
        {
            "number": range(3),
            "state": states,
            "value": values,
            "parameters": [json.dumps(one) for one in SETTINGS],
            "seconds": 1.0,
            "reason": None,
        }
    )
    return check_table(table, "trials", "the test")


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_trials_are_counted_by_state_and_the_lowest_so_far_falls():
    figure = tuning_figure(trials(), BEST, ["planted", "stacked_cnn3d"])
    assert "Trials (2 complete, 1 pruned)" in texts(figure)
    assert "trial 2, 0.600" in texts(figure)
    lowest = figure.axes[0].lines[-1].get_ydata()
    assert list(lowest) == [0.7, 0.6, 0.6]


def test_the_legend_names_pruned_trials_only_where_there_are_some():
    for states, named in (("complete", "pruned", "complete"), True), (("complete",) * 3, False):
        legend = tuning_figure(trials(states=states), BEST, ["planted"]).axes[0].get_legend()
        assert any("pruned" in text.get_text() for text in legend.get_texts()) == named


def test_a_wide_range_is_drawn_on_a_logarithmic_scale():
    figure = tuning_figure(trials(states=("complete",) * 3), BEST, ["planted"])
    best = figure.axes[2].lines[-1].get_ydata()
    assert best[0] == pytest.approx(0.5)  # 1e-3 lies in the middle of 1e-4 and 1e-2
    assert best[1] == pytest.approx(0.5)
    assert best[2] == 0  # batch, the first of two choices


def test_a_search_of_one_trial_can_be_drawn():
    shown = texts(tuning_figure(trials().head(1), BEST | {"number": 0, "importances": {}}, ["planted"]))
    assert "too few trials differ in their settings and their loss" in " ".join(shown.split())


def test_a_search_without_a_completed_trial_says_so():
    table = trials(states=("failed",) * 3, values=(None,) * 3)
    assert "no trial was completed" in texts(tuning_figure(table, BEST, ["planted"])).replace("\n", " ")
