"""Figures: written whole and the same each time, in one style, and never silent about what is missing."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from PIL import Image

from cell_files import make_cell, make_series
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.replicates import replicates_table
from gliobench.evaluation.runs import patient_rows
from gliobench.figures import style
from gliobench.figures.cell import confusion_figure, roc_figure
from gliobench.figures.controls import replicates_figure
from gliobench.figures.montages import Images, audit_montage, audit_patients, ends_of, slice_montage
from gliobench.figures.style import (
    APPROACHES,
    BLUE,
    ORANGE,
    approach_colour,
    as_png,
    colours_of_added,
    dashes_of,
    new_figure,
    save_figure,
)
from gliobench.figures.trainings import curves_figure

NAMES = ("unmethylated", "methylated")

ROOT = Path(__file__).parents[2]


def cell_of(**settings):
    """Test rows, their scores, and histories and records of a made-up cell."""
    predictions, records, histories = make_cell(**settings)
    scores = score_cell(predictions, records, base_seed=1, resamples=50).iloc[0].to_dict()
    rows = patient_rows(predictions, records)
    return rows[rows["part"] == "test"], scores, (histories, records)


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.slow
def test_figures_are_written_as_png_and_pdf_with_the_same_bytes_each_time(tmp_path):
    rows, scores, _ = cell_of()
    for name in ("first", "again"):
        save_figure(roc_figure(rows, scores), tmp_path / name / "roc")
    for suffix in (".png", ".pdf"):
        first = (tmp_path / "first" / f"roc{suffix}").read_bytes()
        assert first == (tmp_path / "again" / f"roc{suffix}").read_bytes()
        assert first.startswith((b"\x89PNG", b"%PDF"))
    assert len(list((tmp_path / "first").iterdir())) == 2


def colours_of(png):
    return set(Image.open(BytesIO(png)).convert("RGB").get_flattened_data())


def test_a_png_keeps_the_colour_of_every_approach_however_few_its_points():
    figure = new_figure(3, 2)
    axes = figure.subplots()
    axes.imshow(np.linspace(0, 1, 3000).reshape(50, 60), cmap="gray", aspect="auto")
    for place, colour in enumerate(APPROACHES.values()):
        axes.plot(5 * place + 5, 25, "s", ms=3, color=colour)
    wanted = {tuple(round(255 * level) for level in to_rgb(colour)) for colour in APPROACHES.values()}
    found = colours_of(as_png(figure))
    assert len(found) <= 256
    assert wanted <= found


def test_a_png_shows_a_heat_map_without_bands():
    figure = new_figure(3, 2)
    axes = figure.subplots()
    grey, heat = np.meshgrid(np.linspace(0, 1, 300), np.linspace(0, 1, 200))
    axes.imshow(grey, cmap="gray", aspect="auto")
    axes.imshow(heat, cmap="inferno", alpha=0.65 * heat, aspect="auto")
    assert len(colours_of(as_png(figure))) > 10_000


def test_an_approach_has_one_colour_and_a_new_one_gets_it_from_its_name():
    assert len(set(APPROACHES.values())) == len(APPROACHES)
    assert approach_colour("cnn3d") == APPROACHES["cnn3d"]
    assert approach_colour("toy") == approach_colour("toy")
    assert {approach_colour(name) for name in ("toy", "mine", "unet", "vit", "swin")}.isdisjoint(APPROACHES.values())
    shipped = {path.stem for path in (ROOT / "config/approaches").glob("*.yaml")}
    assert shipped == set(APPROACHES), "no approach of the study borrows a colour"


def test_added_approaches_have_colours_of_their_own_for_as_many_as_the_docs_say(tmp_path, monkeypatch):
    said = (ROOT / "docs/adding-an-approach.md").read_text(encoding="utf-8")
    assert "Six added approaches have colours of their own" in " ".join(said.split())
    names = ["mine", "unet", "vit", "resnet50", "my_cnn", "efficientnet3d"]
    for name in [*names, "cnn3d"]:
        (tmp_path / f"{name}.yaml").touch()
    monkeypatch.setattr(style, "YAMLS", tmp_path)
    monkeypatch.setattr(style, "_added", style._added.__wrapped__)
    colours = {approach_colour(name) for name in names}
    assert len(colours) == 6
    assert colours.isdisjoint(APPROACHES.values())
    assert colours_of_added([*names, "seventh"])["seventh"] in colours


def test_lines_of_one_colour_have_dashes_of_their_own_and_the_first_is_solid():
    dashes = dashes_of([BLUE, ORANGE, BLUE, *[ORANGE] * 6])
    assert dashes[:2] == [(), ()]
    assert dashes[2] != ()
    assert len({dashes[1], *dashes[3:]}) == 7


def test_the_baseline_is_always_dashed_and_no_other_first_line_is():
    colours = list(APPROACHES.values())
    dashed = {name for name, dashes in zip(APPROACHES, dashes_of(colours), strict=True) if dashes}
    assert dashed == {"baseline"}


def test_roc_names_patients_and_auc_with_its_interval():
    rows, scores, _ = cell_of()
    shown = texts(roc_figure(rows, scores))
    assert "n = 24 (12 positive)" in shown
    assert f"AUC {scores['auc']:.2f} ({scores['auc_low']:.2f}" in shown
    assert "chance" in shown


def test_roc_draws_a_line_a_run_their_mean_and_chance():
    rows, scores, _ = cell_of(folds=3, repeats=2)
    assert len(roc_figure(rows, scores).axes[0].lines) == 2 * 3 + 2


def test_roc_of_leave_one_out_says_that_folds_are_mixed():
    rows, scores, _ = cell_of(folds=24)
    shown = texts(roc_figure(rows, scores))
    assert f"folds mixed, pooled AUC {scores['auc_pooled']:.2f} (not comparable)" in shown


def test_a_single_run_is_one_line_of_the_roc_and_the_legend_is_below_the_axes():
    rows, scores, _ = cell_of(folds=1)
    figure = roc_figure(rows, scores)
    assert len(figure.axes[0].lines) == 1 + 1, "chance, and the run"
    assert "one run" not in texts(figure)
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().y1 <= figure.axes[0].get_window_extent().y0


def test_a_cell_without_predictions_says_why_in_each_figure():
    rows, scores, trainings = cell_of(bad=(0, 1, 2))
    for figure in (roc_figure(rows, scores), curves_figure(*trainings, scores), confusion_figure(rows, scores, NAMES)):
        assert "3 of 3 folds" in texts(figure).replace("\n", " ")


def test_curves_show_training_validation_and_ln_2():
    _, scores, trainings = cell_of()
    figure = curves_figure(*trainings, scores)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Loss (binary cross-entropy)", "Accuracy", "AUC"]
    assert "chance: always 0.5 (loss ln 2, AUC 0.5)" in texts(figure)
    assert [len(axes.lines) for axes in figure.axes] == [9, 8, 9]  # 2 x (3 runs + mean), and the references


def test_losses_far_above_the_others_are_drawn_on_a_logarithmic_scale():
    _, scores, (histories, records) = cell_of()
    high = histories[0].copy()
    high.loc[0, "validation_loss"] = 25.0
    assert curves_figure(histories, records, scores).axes[0].get_yscale() == "linear"
    assert curves_figure([high], records, scores).axes[0].get_yscale() == "log"


@pytest.mark.parametrize("highest", [25.0, 900.0, 3e8, 1e30])
def test_a_logarithmic_axis_of_losses_has_numbers_however_far_it_reaches(highest):
    _, scores, (histories, records) = cell_of()
    exploded = histories[0].copy()
    exploded.loc[0, "validation_loss"] = highest
    axes = curves_figure([exploded], records, scores).axes[0]
    low, high = axes.get_ylim()
    assert sum(low <= tick <= high for tick in axes.get_yticks()) >= 2


def test_the_mean_curve_ends_where_fewer_than_half_of_the_runs_are_left():
    _, scores, (histories, records) = cell_of()
    history = histories[0]
    stopped = history[(history["fold"] == 0) | (history["epoch"] <= 2)]
    mean = max(curves_figure([stopped], records, scores).axes[0].lines, key=lambda line: line.get_linewidth())
    assert list(mean.get_xdata()) == [1, 2]


def test_confusion_counts_the_first_repeat_alone():
    rows, scores, _ = cell_of(repeats=3)
    first = rows[rows["repeat"] == 0]
    missed = int(((first["label"] == 1) & (first["probability"] < 0.5)).sum())
    shown = texts(confusion_figure(rows, scores, NAMES))
    assert "n = 24" in shown
    assert f"{missed}" in shown
    assert "unmethylated" in shown


def test_slice_montage_names_the_patient_and_counts_the_padding():
    padded = np.arange(32) < 5
    images = Images("Patient 00123", np.zeros((32, 8, 8)), range(32), ["axial"] * 32)
    figure = slice_montage([images], [padded], ["planted"])
    assert "Patient 00123: 32 slices, 5 of them padding" in texts(figure)
    assert texts(figure).count("padding") == 5 + 1


@given(st.lists(st.integers(1, 400), max_size=9))
def test_the_longest_and_the_shortest_series_are_two_unless_there_is_one(n_slices):
    ends = ends_of(n_slices)
    assert len(ends) == min(len(n_slices), 2)
    if len(ends) < 2:
        assert list(ends.values()) == ["the only series"] * len(ends)
    else:
        longest, shortest = ends
        assert (n_slices[longest], n_slices[shortest]) == (max(n_slices), min(n_slices))
        if max(n_slices) > min(n_slices):
            said = [f"longest, {max(n_slices)} slices", f"shortest, {min(n_slices)} slices"]
        else:
            said = [f"as long as all, {n_slices[0]} slices"] * 2
        assert list(ends.values()) == said


def test_slice_montage_draws_two_patients_and_every_slice_of_each():
    longest, shortest = (Images(name, np.ones((n, 8, 8)), range(n), ["axial"] * n) for name, n in (("a", 20), ("b", 9)))
    figure = slice_montage([longest, shortest], [[False] * 20, [False] * 9], ["planted"])
    assert sum(len(axes.images) for axes in figure.axes) == 29
    assert "a: 20 slices, none of them padding" in texts(figure)
    assert "b: 9 slices, none of them padding" in texts(figure)


def test_audit_patients_puts_those_with_a_problem_first():
    chosen = audit_patients(make_series(n=30), limit=6)
    assert len(chosen) == 6
    assert {"00003", "00005"} < set(chosen)


def test_audit_montage_gives_each_reason_a_letter():
    series = make_series()
    thumbnails = {
        (row.patient_id, row.modality): np.ones((6, 6)) for row in series.itertuples() if row.status != "failed"
    }
    shown = texts(audit_montage(thumbnails, series, "planted"))
    assert "A   excluded: named in the config" in shown
    assert "B   failed: no DICOM file in the folder" in shown
    assert f"{series['patient_id'].nunique()} patients, {len(series)} series expected, 2 not used" in shown


def test_more_reasons_than_letters_have_two_letters_each():
    rows = [
        {"patient_id": f"{number:05}", "modality": "FLAIR", "status": "failed", "reason": f"{number} mm"}
        for number in range(30)
    ]
    shown = texts(audit_montage({}, pd.DataFrame(rows), "planted"))
    assert "Z   failed: 25 mm" in shown
    assert "AA   failed: 26 mm" in shown
    assert "AD   failed: 29 mm" in shown


@pytest.mark.parametrize("variants", [("main",), ("main", "as_coded")])
def test_controls_draw_a_point_a_cohort(variants, tmp_path):
    rows = [
        {"cohort": f"no-signal-{number}", "approach": "cnn3d", "variant": variant, "modality": "FLAIR",
         "protocol": "harmonised", "phase": "final", "part": "test", "unit": "patient", "status": "ok",
         "auc": 0.4 + 0.05 * number}
        for variant in variants
        for number in range(5)
    ]  # fmt: skip
    groups = {"no-signal": [f"no-signal-{number}" for number in range(5)]}
    of_patients = pd.DataFrame(rows)
    table = pd.concat([of_patients, of_patients.assign(unit="slice", auc=0.9)], ignore_index=True)
    figure = replicates_figure(table, replicates_table(table, groups), groups)
    assert len(figure.axes) == len(variants)
    assert len(figure.axes[0].lines[1].get_xdata()) == 5
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "chance, or no difference",
        "equivalent to chance: 0.45 to 0.55",
    ]
    save_figure(figure, tmp_path / "controls")
