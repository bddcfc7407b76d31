"""Figures of inputs, predicted slices and maps: patients and slices are drawn by rule or by seed, never by hand."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from cell_files import make_cell, make_series
from gliobench.figures.explanations import (
    cam_in_words,
    cams_in_words,
    evidence_figure,
    gradcam_figure,
    patient_cam_figure,
    peak_slice,
)
from gliobench.figures.montages import (
    choose_patients,
    draw_examples,
    examples_figure,
    image_stack,
    input_images,
    inputs_montage,
)
from gliobench.figures.style import SKY, VERMILLION
from gliobench.files import check_table

CHANNELS = ["FLAIR", "T1w"]


def texts(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text))


def test_slices_become_shares_of_white():
    stack = image_stack(np.array([[[0, 255]], [[51, 0]]], np.uint8))
    np.testing.assert_allclose(stack, [[[0, 1]], [[0.2, 0]]])


@pytest.mark.parametrize("shape", [(1, 4, 6, 3), (1, 1, 4, 6, 3)])
def test_a_volume_is_cut_along_z_with_anterior_above_and_the_right_side_on_the_left(shape):
    volume = np.zeros((4, 6, 3), np.float16)
    volume[3, 5, 2] = 7  # the patient's right, most anterior row, top slice
    stack = image_stack(volume.reshape(shape))
    assert stack.shape == (3, 6, 4)
    assert np.argwhere(stack == 1).tolist() == [[2, 0, 0]]


def test_an_empty_volume_is_black():
    assert not image_stack(np.zeros((1, 2, 2, 2), np.float16)).any()


def test_patients_with_a_usable_series_are_chosen_evenly():
    chosen = choose_patients(make_series(n=12), "FLAIR", limit=3)
    assert chosen == ["00000", "00006", "00011"]
    assert not {"00003", "00005"} & set(choose_patients(make_series(n=12), "FLAIR", limit=99))
    assert choose_patients(make_series(n=2), "T1w") == []


def test_the_inputs_montage_has_a_line_a_patient_and_numbers_its_slices():
    inputs = [
        input_images("Patient 00001", np.full((2, 4, 4), 9, np.uint8), [7, 9], "sagittal"),
        input_images("Patient 00002", np.arange(320.0).reshape(4, 4, 20), [], None),
    ]
    shown = texts(inputs_montage(inputs, ["planted", "toy", "FLAIR"]))
    assert "Patient 00001: 2 slices" in shown
    assert "Patient 00002: 20 slices" in shown
    assert {"7", "9", "0", "19", "A", "P", "sagittal", "R", "L", "axial"} <= set(shown.split(" | "))
    assert "no patient has" in texts(inputs_montage([], ["planted"]))


def test_examples_are_drawn_by_seed_and_once_each():
    (rows,), _, _ = make_cell(slices=4)
    first, again, other = (draw_examples(rows, seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    assert first["slice_index"].notna().all()
    assert not first.duplicated(["patient_id", "slice_index"]).any()


def test_examples_say_truth_and_prediction_and_count_the_wrong_ones():
    rows = pd.DataFrame(
        {"patient_id": ["00001", "00002"], "modality": "FLAIR", "slice_index": [3, 4], "label": [1, 1],
         "probability": [0.9, 0.2]}
    )  # fmt: skip
    planes = {("00001", "FLAIR"): "coronal", ("00002", "FLAIR"): None}
    shown = texts(examples_figure(rows, np.ones((2, 4, 4)), planes, ["planted", "resnet18"], "test"))
    assert (shown.count("coronal"), shown.count("sides unknown")) == (1, 1)
    assert "true 1, predicted 1\np(1) = 0.90" in shown
    assert "true 1, predicted 0\np(1) = 0.20" in shown
    assert "2 slices of the test part drawn at random, 1 wrong" in shown


def test_a_cell_without_slices_says_so():
    (rows,), _, _ = make_cell()
    assert "no slice was predicted" in texts(
        examples_figure(draw_examples(rows, 1), np.empty(0), {}, ["planted"], "test")
    ).replace("\n", " ")


def cams(n=4, hits=(1, 0, 1, 0)):
    table = pd.DataFrame(
        {
            "row": range(n),
            "patient_id": [f"{number:05d}" for number in range(n)],
            "fold": 0,
            "label": [0, 1, 0, 1][:n],
            "probability": 0.6,
            "outcome": ["FP", "TP", "TN", "FN"][:n],
            "pointing_hit": list(hits)[:n],
            "lesion_share": 0.05,
            "randomised_similarity": 0.25,
        }
    )
    return check_table(table, "cams", "the test")


def test_maps_are_drawn_in_the_slice_of_their_peak_with_true_positives_first():
    maps = np.zeros((4, 6, 6, 5), np.float32)
    maps[:, 2, 2, 3] = 1
    figure = gradcam_figure(cams(), maps, np.ones((4, 2, 6, 6, 5), np.float16), CHANNELS, ["planted"])
    labels = [axes.get_ylabel() for axes in figure.axes[: 4 * len(CHANNELS) : len(CHANNELS)]]
    assert [label.split("\n")[0] for label in labels] == [
        "true positive", "false positive", "true negative", "false negative",
    ]  # fmt: skip
    assert "00001, slice 3" in labels[0]
    assert "peak outside the lesion" in labels[0]


def test_a_map_lies_over_its_image_with_the_patients_right_on_the_left():
    maps, images = np.zeros((4, 6, 8, 5), np.float32), np.ones((4, 2, 6, 8, 5), np.float16)
    maps[:, 5, 7, 3] = 1
    images[:, :, 5, 7, 3] = 9  # right, anterior
    axes = gradcam_figure(cams(), maps, images, CHANNELS, ["planted"]).axes[0]
    picture, weights = (image.get_array() for image in axes.images)
    assert np.argwhere(weights == 1).tolist() == np.argwhere(picture == 9).tolist() == [[0, 0]]
    assert {"R", "L", "axial"} <= {text.get_text() for text in axes.texts}


def outlines(axes):
    """Colours of the outlines in a picture."""
    return [to_hex(each.get_edgecolor()[0]).upper() for each in axes.collections if len(each.get_paths()[0].vertices)]


def test_a_map_and_the_lesion_are_outlined_in_two_colours_that_the_figure_names():
    maps, images = np.zeros((4, 6, 8, 5), np.float32), np.ones((4, 3, 6, 8, 5), np.float16)
    maps[:, 2:4, 2:4, 3] = 1
    images[:, -1] = 0
    known = gradcam_figure(cams(), maps, images[:, :-1], CHANNELS, ["planted"])
    images[:, -1, 1:5, 1:5, 3] = 1
    figures = [gradcam_figure(cams(), maps, images, CHANNELS, ["planted"])]
    figures += [patient_cam_figure(maps[0], images[0], CHANNELS), evidence_figure(maps[0], images[0], CHANNELS, ["x"])]
    for figure in figures:
        assert outlines(max(figure.axes, key=lambda axes: len(axes.collections))) == [VERMILLION, SKY]
        named = {text.get_text() for text in figure.legends[0].get_texts()}
        assert named == {"half of the map's maximum", "lesion"}
    assert outlines(known.axes[0]) == [VERMILLION]
    assert len(known.legends[0].get_texts()) == 1, "no lesion, no outline of one"


def test_the_slice_of_a_map_shows_brain_even_if_the_map_is_strongest_beside_it():
    maps, images = np.zeros((4, 6, 8, 5), np.float32), np.zeros((4, 2, 6, 8, 5), np.float16)
    images[:, :, 1:5, 1:5, 1:3] = 1
    maps[:, 2, 2, 2], maps[:, 2, 2, 4] = 0.6, 1
    row = cams().iloc[0].to_dict()
    assert peak_slice(maps[0], images[0]) == 2
    words = cam_in_words(row, maps[0], images[0])
    assert words.endswith("slice 2: false positive, probability 0.60, peak in the lesion, strongest outside the brain")
    assert "slice 2" in texts(gradcam_figure(cams(), maps, images, CHANNELS, ["planted"]))
    maps[:, 2, 2, 4] = 0.5
    assert "outside the brain" not in cam_in_words(row, maps[0], images[0])


def test_maps_are_counted_against_chance():
    words = cams_in_words(cams())
    assert "the peak lies in the lesion in 2 of 4 (by chance 0.2)" in words
    assert "random weights 0.25" in words


def test_without_lesion_masks_nothing_is_said_of_hits():
    words = cams_in_words(cams(hits=(None,) * 4))
    assert "lesion" not in words


def test_no_map_is_a_sentence():
    figure = gradcam_figure(cams().head(0), np.empty((0,)), np.empty((0,)), CHANNELS, ["planted"])
    assert "no patient was explained" in texts(figure).replace("\n", " ")
