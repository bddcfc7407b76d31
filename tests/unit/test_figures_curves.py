"""Figures of trainings: phases and modalities beside each other, and a sweep against the prior's own loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cell_files import make_cell
from gliobench.figures.trainings import curves_figure, phase_curves_figure, prior_loss, sweep_figure

PHASES = ("transfer", "finetuned")


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_phase_curves_have_a_line_a_phase_and_score_and_a_column_a_modality():
    cells = []
    for modality in ("FLAIR", "T2w"):
        _, records, histories = make_cell(approach="efficientnet", modality=modality, phases=PHASES)
        cells.append((records[0], histories, records))
    figure = phase_curves_figure(cells, PHASES)
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == [
        "Accuracy, transfer", "Accuracy, finetuned", "Loss, transfer", "Loss, finetuned",
    ]  # fmt: skip
    assert [axes.get_title(loc="left") for axes in figure.axes[:2]] == ["FLAIR", "T2w"]
    assert all(len(line.get_xdata()) == 4 for axes in figure.axes for line in axes.lines)  # epochs of one phase


def test_curves_never_mix_the_phases_of_runs_that_stopped_early():
    _, records, (history,) = make_cell(approach="efficientnet", phases=PHASES)
    early = (history["fold"] == 1) & (history["phase"] == "transfer") & (history["epoch"] > 1)
    history = history.assign(loss=history["phase"].map({"transfer": 2.0, "finetuned": 1.0}))[~early]
    axes = curves_figure([history], records, records[0]).axes[0]
    training = [line for line in axes.lines if set(line.get_ydata()) <= {1.0, 2.0}]
    assert len(training) == 8, "three runs and their mean, of each phase"
    for line in training:
        (loss,) = set(line.get_ydata())
        assert (line.get_xdata() > 4).all() == (loss == 1.0)
    legend = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert legend == [
        "training (mean of 3)",
        "validation (mean of 3)",
        "kept epoch of each run",
        "chance: always 0.5 (loss ln 2, AUC 0.5)",
    ]


def test_a_dot_is_the_epoch_that_a_run_kept_in_each_phase():
    _, records, (history,) = make_cell(approach="efficientnet", phases=PHASES, bad=(2,))
    records[0]["folds"][1]["best_epoch"] = {"transfer": 1}  # diverged in the second phase
    accuracy = curves_figure([history], records, records[0]).axes[1]
    dots = [points.get_offsets().tolist() for points in accuracy.collections]
    value = history.set_index(["fold", "phase", "epoch"])["validation_accuracy"]
    assert dots == [
        [[3, value[0, "transfer", 3]], [1, value[1, "transfer", 1]]],
        [[4 + 3, value[0, "finetuned", 3]]],
    ]


def test_the_line_between_two_phases_stands_between_their_names():
    _, records, histories = make_cell(approach="efficientnet", phases=PHASES)
    for axes in curves_figure(histories, records, records[0]).axes:
        assert [(text.get_text(), text.get_ha(), text.xy[0]) for text in axes.texts] == [
            ("transfer", "right", 4.5),
            ("finetuned", "left", 4.5),
        ]


def test_a_modality_without_an_epoch_says_so_beside_the_others():
    cells = []
    for modality, bad in (("FLAIR", ()), ("T2w", (0, 1, 2))):
        _, records, histories = make_cell(modality=modality, phases=PHASES, bad=bad)
        cells.append((records[0], histories, records))
    figure = phase_curves_figure(cells, PHASES)
    assert texts(figure).replace("\n", " ").count("no epoch was finished") == 4
    assert "training (mean of 3)" in texts(figure)


def sweep(rates, losses):
    """Histories and records of one run a learning rate; a rate whose losses end in NaN diverged."""
    histories, records = [], []
    for rate, values in zip(rates, losses, strict=True):
        _, (record,), (history,) = make_cell(folds=1, epochs=len(values), parameters={"learning_rate": rate})
        record["folds"][0]["status"] = "diverged" if not np.isfinite(values).all() else "ok"
        histories.append(history.assign(loss=values, validation_loss=values))
        records.append(record)
    return histories, records


def test_a_sweep_names_the_lowest_loss_of_each_rate_and_draws_the_prior_of_each_panel():
    shown = texts(sweep_figure(*sweep([1e-3, 3e-4], [[0.9, 0.7, 0.8], [0.8, 0.6, 0.5]]), positive=(15 / 24, 3 / 5)))
    assert "0.001: lowest 0.700 in epoch 2" in shown
    assert "0.0003: lowest 0.500 in epoch 3" in shown
    assert "always the prior: 0.662" in shown
    assert "always the prior: 0.674" in shown


def test_a_rate_that_diverged_is_marked():
    figure = sweep_figure(*sweep([1e-2, 3e-4], [[0.9, 5.0, np.nan], [0.8, 0.6, 0.5]]), positive=(0.5, 0.5))
    assert "0.01, 1 of 1 diverged" in texts(figure)
    crosses = [line for line in figure.axes[1].lines if line.get_marker() == "X"]
    assert len(crosses) == 1
    assert crosses[0].get_ydata() == [2.0]  # where its loss leaves the panel
    assert 1 < crosses[0].get_xdata()[0] < 2


def test_a_rate_that_never_had_a_loss_is_named_all_the_same():
    shown = texts(sweep_figure(*sweep([1e-2, 3e-4], [[np.nan], [0.5]]), positive=(0.5, 0.5)))
    assert "0.01, 1 of 1 diverged: no finite loss" in shown


def test_the_priors_loss_is_that_of_the_patients_it_is_compared_on():
    assert prior_loss(15 / 24, 15 / 24) == pytest.approx(0.662, abs=5e-4)
    assert prior_loss(15 / 24, 3 / 5) == pytest.approx(0.674, abs=5e-4)
    assert prior_loss(0.5, 0.2) == pytest.approx(np.log(2))
    assert np.isnan(prior_loss(1.0, 0.5))


@given(st.floats(0.01, 0.99), st.floats(0, 1))
def test_no_prior_beats_the_patients_own_share(prior, positive):
    if 0 < positive < 1:
        assert prior_loss(prior, positive) >= prior_loss(positive, positive) - 1e-9


@pytest.mark.parametrize(("epochs", "low", "high"), [(1, 0.5, 1.5), (2, 0.5, 2.5), (100, -1.0, 102.0)])
def test_an_axis_of_epochs_shows_whole_epochs_and_at_least_half_a_one_on_each_side(epochs, low, high):
    _, records, histories = make_cell(epochs=epochs)
    for axes in curves_figure(histories, records, records[0]).axes:
        assert axes.get_xlim() == pytest.approx((low, high))
        ticks = axes.get_xticks()
        assert len(ticks)
        assert (ticks == np.round(ticks)).all()


def test_a_single_epoch_is_drawn_as_points_and_several_as_lines():
    for epochs, marker in ((1, "o"), (2, "")):
        _, records, histories = make_cell(epochs=epochs)
        accuracy = curves_figure(histories, records, records[0]).axes[1]
        assert {line.get_marker() for line in accuracy.lines} == {marker}


def test_accuracy_and_auc_have_axes_from_0_to_1_and_the_loss_begins_at_0():
    _, records, histories = make_cell(epochs=1, folds=1)
    loss, accuracy, auc = curves_figure(histories, records, records[0]).axes
    assert accuracy.get_ylim() == auc.get_ylim() == (-0.02, 1.02)
    low, high = loss.get_ylim()
    assert low == 0
    shown = histories[0][["loss", "validation_loss"]].to_numpy().max()
    assert high > max(shown, np.log(2)), "the loss of chance is in the picture"


def test_phases_of_one_epoch_have_the_same_axes():
    _, records, histories = make_cell(approach="efficientnet", phases=PHASES, epochs=1)
    accuracy, _, loss, _ = phase_curves_figure([(records[0], histories, records)], PHASES).axes
    assert accuracy.get_ylim() == (-0.02, 1.02)
    assert loss.get_ylim()[0] == 0
    assert accuracy.get_xlim() == loss.get_xlim() == (0.5, 1.5)


def test_a_sweep_of_one_epoch_has_an_axis_of_that_epoch():
    figure = sweep_figure(*sweep([1e-3, 1e-4], [[0.9], [0.8]]), positive=(0.5, 0.5))
    assert [axes.get_xlim() for axes in figure.axes] == [(0.5, 1.5)] * 2
