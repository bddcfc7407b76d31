"""Figure of the sensitivity floor: a panel an approach, a point a cohort, the floor where the table has one."""

import numpy as np
import pandas as pd
import pytest

from gliobench.evaluation.sensitivity import sensitivity_table
from gliobench.figures.controls import sensitivity_figure
from gliobench.figures.style import save_figure
from gliobench.reporting.tables import write_formats

GROUPS = {f"level{level}": [f"level{level}-{number:02}" for number in (1, 2, 3)] for level in range(5)}
METHOD = {"modality": "FLAIR", "protocol": "harmonised", "phase": "final", "part": "test", "unit": "patient"}


def tables(slopes):
    """Tables of approaches that reach a share of the oracle's AUC above chance."""
    rng = np.random.default_rng(0)
    oracles = {cohort: 0.5 + 0.11 * level for level, names in enumerate(GROUPS.values()) for cohort in names}
    comparison = pd.DataFrame(
        METHOD
        | {
            "cohort": cohort,
            "approach": name,
            "variant": "main",
            "status": "ok",
            "auc": 0.5 + slope * (oracle - 0.5) + noise,
        }
        for name, slope in slopes.items()
        for (cohort, oracle), noise in zip(oracles.items(), rng.normal(0, 0.01, len(oracles)), strict=True)
    )
    cohorts = pd.DataFrame({"cohort": list(oracles), "oracle_auc": list(oracles.values())})
    return comparison, cohorts, sensitivity_table(comparison, cohorts, GROUPS)


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def verticals(axes, place):
    return [
        line for line in axes.lines if list(line.get_xdata()) == [place, place] and list(line.get_ydata()) == [0, 1]
    ]


def test_an_approach_that_finds_the_signal_has_its_floor_marked(tmp_path):
    comparison, cohorts, sensitivity = tables({"cnn3d": 0.9})
    figure = sensitivity_figure(comparison, cohorts, sensitivity, GROUPS)
    floor = sensitivity["floor"].iloc[0]
    assert len(verticals(figure.axes[0], floor)) == 1
    assert f"floor {floor:.2f}" in texts(figure)
    save_figure(figure, tmp_path / "sensitivity")


def test_an_approach_that_is_blind_has_no_floor():
    comparison, cohorts, sensitivity = tables({"cnn3d": -0.9})
    assert "no floor found" in texts(sensitivity_figure(comparison, cohorts, sensitivity, GROUPS))


def test_a_panel_has_a_point_a_cohort_and_a_diamond_a_level():
    comparison, cohorts, sensitivity = tables({"cnn3d": 0.9, "resnet18": 0.5})
    figure = sensitivity_figure(comparison, cohorts, sensitivity, GROUPS)
    assert len(figure.axes) == 2
    for axes in figure.axes:
        points = [line for line in axes.lines if line.get_marker() == "o"]
        assert [len(line.get_xdata()) for line in points] == [15]
        assert sum(line.get_marker() == "D" for line in axes.lines) == 5


def test_the_line_is_that_of_the_table():
    comparison, cohorts, sensitivity = tables({"cnn3d": 0.7})
    axes = sensitivity_figure(comparison, cohorts, sensitivity, GROUPS).axes[0]
    line = next(line for line in axes.lines if len(line.get_xdata()) == 50)
    rise = np.ptp(line.get_ydata()) / np.ptp(line.get_xdata())
    assert rise == pytest.approx(sensitivity["slope"].iloc[0], abs=1e-5)


def test_a_study_without_scores_says_so():
    comparison, cohorts, sensitivity = tables({"cnn3d": 0.9})
    shown = texts(sensitivity_figure(comparison, cohorts, sensitivity[:0], GROUPS))
    assert "no approach was scored" in shown.replace("\n", " ")


def test_an_approach_that_failed_on_every_cohort_keeps_its_panel(tmp_path):
    comparison, cohorts, _ = tables({"cnn3d": 0.9})
    failed = comparison.assign(approach="resnet18", auc=np.nan, part=None, unit=None, phase=None)
    comparison = pd.concat([comparison, failed], ignore_index=True)
    sensitivity = sensitivity_table(comparison, cohorts, GROUPS)
    figure = sensitivity_figure(comparison, cohorts, sensitivity, GROUPS)
    assert figure.axes[1].get_title("left") == "resnet18 main\nFLAIR, 0 cohorts"
    assert "no cohort gives an AUC" in texts(figure).replace("\n", " ")
    save_figure(figure, tmp_path / "sensitivity")
    write_formats(sensitivity, tmp_path / "sensitivity", "sensitivity")
