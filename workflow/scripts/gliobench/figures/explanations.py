"""Figures of class-activation maps: where a network looked, for a cell's patients and for a new one."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gliobench.figures.orientation import GRID_PLANE, axial_slices, mark
from gliobench.figures.style import INK, LIGHT, VERMILLION, heading, new_figure, say_why_empty, styled

OUTCOMES = {"TP": "true positive", "FP": "false positive", "TN": "true negative", "FN": "false negative"}
MOST = 8  # patients in one figure
ACROSS = 6  # slices in a line of the figure of evidence


@styled
def gradcam_figure(
    cams: pd.DataFrame, maps: np.ndarray, images: np.ndarray, channels: Sequence[str], names: list[str]
) -> Figure:
    """
    Draw one line per patient: its channels in the slice where the map peaks, the common map over each.

    Parameters
    ----------
    cams : pandas.DataFrame
        Table ``cams``; row k describes entry k of the arrays.
    maps : numpy.ndarray, shape (n, x, y, z)
        Maps in [0, 1], RAS+.
    images : numpy.ndarray, shape (n, channels, x, y, z)
        The inputs.
    channels : sequence of str
        Names of the channels to draw, starting with the first.
    names : list of str
        The cell's names, for the heading.
    """
    order = pd.Categorical(cams["outcome"], categories=list(OUTCOMES), ordered=True).argsort(kind="stable")
    shown = cams.iloc[order].groupby("outcome", sort=False).head(MOST // len(OUTCOMES))
    if shown.empty:
        figure = new_figure(4, 2)
        axes = figure.subplots()
        axes.set_axis_off()
        say_why_empty(axes, "no patient was explained")
    else:
        figure = _draw_patients(shown, maps, images, channels)
        figure.supxlabel(cams_in_words(cams), fontsize=8, color=INK)
    heading(figure, *names)
    return figure


def _draw_patients(shown: pd.DataFrame, maps: np.ndarray, images: np.ndarray, channels: Sequence[str]) -> Figure:
    wide = 1.4 * maps.shape[1] / maps.shape[2]  # inches: panels have the shape of a slice
    figure = new_figure(1.7 + (wide + 0.08) * len(channels), 0.95 + 1.48 * len(shown))
    panels = figure.subplots(len(shown), len(channels), squeeze=False)
    for line, row in zip(panels, shown.to_dict("records"), strict=False):
        peak = peak_slice(maps[row["row"]])
        for axes, image in zip(line, images[row["row"]], strict=False):
            _draw_overlay(axes, image, maps[row["row"]], peak)
        text = f"{OUTCOMES[row['outcome']]}\n{row['patient_id']}, slice {peak}\nprobability {row['probability']:.2f}"
        line[0].set_ylabel(text + _hit(row["pointing_hit"]), rotation=0, ha="right", va="center", labelpad=6)
    for axes, channel in zip(panels[0], channels, strict=True):
        axes.set_title(channel)
    return figure


def peak_slice(cam: np.ndarray) -> int:
    """Return the number of the axial slice where a map (x, y, z) has its maximum."""
    return int(np.unravel_index(np.argmax(cam), cam.shape)[2])


@styled
def patient_cam_figure(cam: np.ndarray, image: np.ndarray, channels: Sequence[str]) -> Figure:
    """
    Draw one patient's channels side by side, in the slice where the map peaks, the common map over each.

    Parameters
    ----------
    cam : numpy.ndarray, shape (x, y, z)
        The map in [0, 1], RAS+.
    image : numpy.ndarray, shape (channels, x, y, z)
        The input.
    channels : sequence of str
        Names of the channels to draw, starting with the first.
    """
    figure = new_figure(1.5 * cam.shape[0] / cam.shape[1] * len(channels), 1.75)
    panels = figure.subplots(1, len(channels), squeeze=False)[0]
    for axes, channel, volume in zip(panels, channels, image, strict=False):
        _draw_overlay(axes, volume, cam, peak_slice(cam))
        axes.set_title(channel, fontsize=8)
    return figure


def cam_in_words(row: Mapping[Hashable, Any], cam: np.ndarray) -> str:
    """Say what the map of one patient, a row of the table ``cams``, is of."""
    outcome, fold = OUTCOMES[row["outcome"]], row["fold"]
    words = f"fold {fold}, slice {peak_slice(cam)}: {outcome}, probability {row['probability']:.2f}"
    return words + _hit(row["pointing_hit"]).replace("\n", ", ")


def _hit(hit: float) -> str:
    if pd.isna(hit):
        return ""
    return "\npeak in the lesion" if hit else "\npeak outside the lesion"


def _draw_overlay(axes: Axes, volume: np.ndarray, cam: np.ndarray, place: int) -> None:
    """Draw a map (x, y, z; 0 to 1) over a slice of a volume, black where that is 0, with its upper half outlined."""
    inside = volume[volume != 0].astype(float)  # one grey scale for all slices
    low, high = np.quantile(inside, [0.01, 0.99]) if inside.size else (0.0, 1.0)
    image = np.where(volume == 0, low, volume.astype(float))
    weights = axial_slices(cam)[place]
    axes.imshow(axial_slices(image)[place], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    # The stronger the map, the more it covers: where it is weak, only the image shows.
    axes.imshow(weights, cmap="inferno", vmin=0, vmax=1, alpha=0.65 * np.clip(weights, 0, 1), interpolation="bilinear")
    if weights.max() > 0.5:
        axes.contour(weights, levels=[0.5], colors=[VERMILLION], linewidths=0.9)
    mark(axes, GRID_PLANE)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set(visible=True, color=LIGHT)


def cams_in_words(cams: pd.DataFrame) -> str:
    """Say how often the map's peak hits the lesion, how often by chance, and whether the weights matter."""
    sentences = [f"{len(cams)} patients explained"]
    pointed = cams[cams["pointing_hit"].notna()]
    if len(pointed):
        hits, chance = int(pointed["pointing_hit"].sum()), pointed["lesion_share"].astype(float).sum()
        sentences.append(f"the peak lies in the lesion in {hits} of {len(pointed)} (by chance {chance:.1f})")
    similar = cams["randomised_similarity"].astype(float).dropna()
    if len(similar):
        sentences.append(
            f"similarity to the map with random weights {similar.mean():.2f} "
            f"({similar.min():.2f} to {similar.max():.2f}; 1 would mean that the weights do not matter)"
        )
    return ";\n".join(sentences)


@styled
def evidence_figure(cam: np.ndarray, image: np.ndarray, channels: Sequence[str], names: list[str]) -> Figure:
    """
    Draw Grad-CAM over the input: one line per channel, evenly spaced slices and the one where the map peaks.

    Parameters
    ----------
    cam, image, channels
        As `patient_cam_figure` takes them.
    names : list of str
        Patient and cell, for the heading.
    """
    peak = peak_slice(cam) if cam.any() else None
    filled = np.flatnonzero(np.any(image != 0, axis=(0, 1, 2))).tolist()
    low, high = (filled[0], filled[-1]) if filled else (0, cam.shape[2] - 1)
    margin = (high - low) // 8  # the ends of a head show little
    even = np.linspace(low + margin, high - margin, ACROSS - 1).astype(int).tolist()
    places = sorted({*even} if peak is None else {*even, peak})
    wide = 1.15 * cam.shape[0] / cam.shape[1]  # inches: panels have the shape of a slice
    figure = new_figure(0.7 + wide * len(places), 0.75 + 1.2 * len(channels))
    panels = figure.subplots(len(channels), len(places), squeeze=False)
    for line, channel, volume in zip(panels, channels, image, strict=False):
        for axes, place in zip(line, places, strict=True):
            _draw_overlay(axes, volume, cam, place)
        line[0].set_ylabel(channel)
    for axes, place in zip(panels[0], places, strict=True):
        axes.set_title(f"slice {place}{', peak' * (place == peak)}", fontsize=7.5, weight="normal")
    heading(figure, *names)
    return figure
