"""Figures of a whole study: every cell is a row, a published figure stands only where the table has it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from gliobench.figures.overview import cost_figure, forest_figure, oracles_of, points_of
from gliobench.figures.style import BLUE, INK, save_figure
from gliobench.files import table_schema


def row(**changes):
    """One row of the table ``comparison``, the columns that figures read."""
    usual = {"cohort": "rsna", "approach": "cnn3d", "variant": "main", "modality": "FLAIR", "protocol": "harmonised",
             "phase": "final", "part": "test", "unit": "patient", "caveat": None, "n_patients": 40, "auc": 0.7,
             "auc_low": 0.6, "auc_high": 0.8, "published_auc": np.nan, "status": "ok", "auc_reason": None}  # fmt: skip
    return usual | changes


def table(*rows):
    return pd.DataFrame([row(**changes) for changes in rows])


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def names(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def lines_of(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def test_a_cell_is_one_point_of_its_test_patients():
    points = points_of(table({}, {"part": "validation", "auc": 0.9}, {"unit": "slice", "auc": 0.99}))
    assert points["auc"].tolist() == [0.7]
    assert points["n"].tolist() == ["n = 40"]


def test_a_cell_without_a_test_part_is_a_hollow_point_and_names_its_part():
    figure = forest_figure(points_of(table({"part": "validation"}, {"variant": "other"})), {})
    assert "validation part" in texts(figure)
    fills = [point.get_markerfacecolor() for point in lines_of(figure.axes[0], "o")]
    assert fills == ["white", BLUE]


def test_every_phase_has_its_row():
    points = points_of(table({"phase": "transfer"}, {"phase": "finetuned"}))
    lines = names(forest_figure(points, {}).axes[0])
    assert lines[1:] == ["cnn3d · main · FLAIR · transfer", "cnn3d · main · FLAIR · finetuned"]


def test_a_cell_without_auc_is_a_row_that_says_why():
    missing = {"variant": "deep", "part": None, "phase": None, "unit": None, "n_patients": np.nan, "auc": np.nan,
               "auc_low": np.nan, "auc_high": np.nan, "status": "missing", "auc_reason": "not scored yet"}  # fmt: skip
    loocv = {"variant": "loocv", "auc": np.nan, "auc_reason": "each run scores a single patient"}
    figure = forest_figure(points_of(table({}, missing, loocv)), {})
    assert "cnn3d · deep · FLAIR" in names(figure.axes[0])
    assert texts(figure).count("no AUC") == 2
    assert {"missing; not scored yet", "each run scores a single patient"} <= set(texts(figure))


def test_harmonised_rows_come_first_and_baselines_after_networks():
    rows = table({"protocol": "published"}, {"approach": "baseline", "variant": "prior"}, {})
    assert names(forest_figure(points_of(rows), {}).axes[0]) == [
        "harmonised protocol",
        "cnn3d · main · FLAIR",
        "baseline · prior · FLAIR",
        "protocols of the papers",
        "cnn3d · main · FLAIR",
    ]


def test_a_published_auc_is_a_diamond_beside_its_row_alone():
    figure = forest_figure(points_of(table({}, {"protocol": "published", "published_auc": 0.61})), {})
    marks = lines_of(figure.axes[0], "D")
    assert [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks] == [(0.61, 3)]
    assert "published 0.61" in texts(figure)
    assert "published" not in texts(forest_figure(points_of(table({})), {}))


def test_the_oracle_stands_in_the_blocks_of_generated_cohorts_alone():
    figure = forest_figure(points_of(table({}, {"cohort": "planted"})), {"planted": 0.97})
    real, generated = figure.axes
    assert (real.get_title(loc="left"), generated.get_title(loc="left")) == ("rsna", "planted (generated)")
    assert len(generated.lines) == len(real.lines) + 1
    undrawn = forest_figure(points_of(table({})), {"planted": 0.97})
    assert "oracle: the planted probabilities" not in texts(undrawn)


def test_replicates_are_one_row_with_the_mean_of_their_group():
    comparison = table({"cohort": "no-signal-01", "auc": 0.4}, {"cohort": "no-signal-02", "auc": 0.6}, {})
    head = {
        "control": "mean",
        "metric": "auc",
        "cohort_group": "no-signal",
        "n": 2,
        "mean": 0.5,
        "low": -0.77,
        "high": 1.77,
    }
    replicates = pd.DataFrame([row(**head), row(**head | {"control": "difference"})])
    points = points_of(comparison, replicates, {"no-signal": ["no-signal-01", "no-signal-02"]})
    assert points[["cohort", "auc", "n"]].to_numpy().tolist() == [
        ["rsna", 0.7, "n = 40"],
        ["no-signal", 0.5, "2 cohorts"],
    ]
    alone = points_of(comparison, replicates.assign(n=1), {"no-signal": ["no-signal-01", "no-signal-02"]})
    assert alone["n"].tolist() == ["n = 40", "1 cohort"]


def test_the_oracle_of_a_group_is_the_mean_of_its_cohorts():
    cohorts = pd.DataFrame({"cohort": ["a", "a", "b", "rsna"], "oracle_auc": [0.8, 0.8, 0.9, np.nan]})
    assert oracles_of(cohorts, {"group": ["a", "b"]}) == {"a": 0.8, "b": 0.9, "group": pytest.approx(0.85)}


def test_the_forest_grows_with_its_rows():
    few, many = (forest_figure(points_of(table(*({"variant": f"v{n}"} for n in range(size)))), {}) for size in (4, 40))
    per_row = (many.get_size_inches()[1] - few.get_size_inches()[1]) / 36
    assert per_row == pytest.approx(0.2)  # inches: letters of 8.5 points stand clear of each other
    assert len(names(many.axes[0])) == 41


def test_lines_are_as_high_in_a_short_block_as_in_a_long_one():
    rows = [{"variant": f"v{number}"} for number in range(12)]
    figure = forest_figure(points_of(table(*rows, {"cohort": "planted"})), {})
    figure.draw_without_rendering()
    heights = [axes.get_window_extent().height / abs(np.ptp(axes.get_ylim())) for axes in figure.axes]
    assert heights[0] == pytest.approx(heights[1], rel=0.01)


def test_a_study_without_cells_says_so(tmp_path):
    figure = forest_figure(points_of(table()[:0].reindex(columns=row())), {})
    assert any("no cell was scored" in text.replace("\n", " ") for text in texts(figure))
    save_figure(figure, tmp_path / "forest")


def grey_of(line):
    """Luminance of a line, 0 (black) to 1, as a print without colour shows it (ITU-R BT.709)."""
    return float(np.dot(to_rgb(line.get_color()), [0.2126, 0.7152, 0.0722]))


def test_chance_and_oracle_are_named_and_differ_in_grey_in_dashes_and_in_width():
    figure = forest_figure(points_of(table({})), {"rsna": 0.9})
    lines = {line.get_xdata()[0]: line for line in figure.axes[0].lines if list(line.get_ydata()) == [0, 1]}
    chance, oracle = lines[0.5], lines[0.9]
    assert abs(grey_of(chance) - grey_of(oracle)) > 0.25
    assert chance.get_linestyle() != oracle.get_linestyle()
    assert oracle.get_linewidth() > chance.get_linewidth()
    named = {line.get_label(): line for line in figure.legends[0].legend_handles}
    for name, drawn in {"chance": chance, "oracle: the planted probabilities": oracle}.items():
        assert named[name].get_color() == drawn.get_color()
        assert named[name].get_linestyle() == drawn.get_linestyle()


def cost_rows(*rows):
    usual = dict.fromkeys(table_schema("cost")["properties"])
    usual |= {"cohort": "rsna", "stage": "train", "approach": "cnn3d", "variant": "main", "modality": "FLAIR",
              "protocol": "harmonised", "n_jobs": 1, "seconds": 30.0}  # fmt: skip
    return pd.DataFrame([usual | changes for changes in rows])


def test_cost_sums_training_and_tuning_of_a_cell_and_nothing_else():
    cost = cost_rows({}, {"stage": "tune", "seconds": 70.0}, {"stage": "explain", "seconds": 5.0})
    marks = lines_of(cost_figure(points_of(table({})), cost).axes[0], "o")
    assert [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks] == [(100.0, 0.7)]


def test_cost_draws_the_last_phase_of_a_cell():
    points = points_of(table({"phase": "transfer", "auc": 0.6}, {"phase": "finetuned", "auc": 0.8}))
    marks = lines_of(cost_figure(points, cost_rows({})).axes[0], "o")
    assert [mark.get_ydata()[0] for mark in marks] == [0.8]


def test_cost_has_a_panel_a_cohort_and_the_colour_of_the_approach():
    points = points_of(table({}, {"cohort": "planted", "approach": "baseline"}))
    figure = cost_figure(points, cost_rows({}, {"cohort": "planted", "approach": "baseline"}))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["rsna", "planted"]
    assert [lines_of(axes, "o")[0].get_color() for axes in figure.axes] == [BLUE, INK]


def test_approaches_differ_in_the_cost_figure_by_a_number_and_not_by_colour_alone():
    points = points_of(table({}, {"approach": "baseline", "auc": 0.5}, {"cohort": "planted", "approach": "baseline"}))
    cost = cost_rows({}, {"approach": "baseline"}, {"cohort": "planted", "approach": "baseline"})
    figure = cost_figure(points, cost)
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["1", "2"], ["2"]]
    assert [text.get_text() for text in figure.legends[0].texts][:2] == ["1 cnn3d", "2 baseline"]


def test_every_panel_of_the_cost_has_numbers_of_seconds():
    cohorts = ["rsna", "planted", "no-signal", "brainstem"]  # the last one has a line of its own
    rows = [{"cohort": cohort} for cohort in cohorts]
    figure = cost_figure(points_of(table(*rows)), cost_rows(*rows))
    assert all(axes.xaxis.get_tick_params().get("labelbottom", True) for axes in figure.axes[: len(cohorts)])


def test_the_oracle_hides_no_point():
    axes = forest_figure(points_of(table({"auc": 0.9})), {"rsna": 0.9}).axes[0]
    (oracle,) = (line for line in axes.lines if list(line.get_xdata()) == [0.9, 0.9])
    assert all(oracle.get_zorder() < point.get_zorder() for point in lines_of(axes, "o"))


def test_a_study_without_costs_says_so():
    shown = " ".join(texts(cost_figure(points_of(table({})), cost_rows({"stage": "audit"}))))
    assert "no cell has both" in shown.replace("\n", " ")
