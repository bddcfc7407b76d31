"""Figures of class-activation maps: where a network looked, for a cell's patients and for a new one."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gliobench.figures.orientation import GRID_PLANE, axial_slices, mark
from gliobench.figures.style import LIGHT, SKY, VERMILLION, heading, new_figure, say_why_empty, styled

OUTCOMES = {"TP": "true positive", "FP": "false positive", "TN": "true negative", "FN": "false negative"}
MOST = 8  # patients in one figure
ACROSS = 6  # slices in a line of the figure of evidence
# The stronger the map, the more it covers: where it is weak, only the image shows.
STRENGTHS = np.linspace(0, 1, 256)
HEAT = ListedColormap(colormaps["inferno"](STRENGTHS, alpha=0.65 * STRENGTHS), name="heat")
HALF: dict[str, Any] = {"color": VERMILLION, "lw": 0.9}  # outline of the map
MASK: dict[str, Any] = {"color": SKY, "lw": 1.1}  # of the lesion


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
        The inputs, 0 outside the brain; a channel after those to draw is a mask of the lesion.
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
        _name_outlines(figure, images[0], channels, cams_in_words(cams))
    heading(figure, *names)
    return figure


def _draw_patients(shown: pd.DataFrame, maps: np.ndarray, images: np.ndarray, channels: Sequence[str]) -> Figure:
    wide = 1.4 * maps.shape[1] / maps.shape[2]  # inches: panels have the shape of a slice
    figure = new_figure(2.2 + (wide + 0.08) * len(channels), 1.3 + 1.48 * len(shown))
    panels = figure.subplots(len(shown), len(channels), squeeze=False)
    for line, row in zip(panels, shown.to_dict("records"), strict=False):
        cam, image = maps[row["row"]], images[row["row"]]
        peak = peak_slice(cam, image)
        for axes, volume in zip(line, image[: len(channels)], strict=True):
            _draw_overlay(axes, volume, cam, peak, _mask(image, channels))
        words = [
            OUTCOMES[row["outcome"]],
            f"{row['patient_id']}, slice {peak}",
            f"probability {row['probability']:.2f}",
        ]
        words += _of_peak(row["pointing_hit"], cam, image)
        line[0].set_ylabel("\n".join(words), rotation=0, ha="right", va="center", labelpad=6)
    for axes, channel in zip(panels[0], channels, strict=True):
        axes.set_title(channel)
    bar = figure.colorbar(
        ScalarMappable(cmap=HEAT), ax=panels[:2], shrink=0.7, aspect=15, label="Share of the map's maximum"
    )
    bar.ax.set_facecolor("black")
    return figure


def peak_slice(cam: np.ndarray, image: np.ndarray) -> int:
    """Return the number of the axial slice where a map (x, y, z) has its maximum within an image's brain."""
    return int(np.unravel_index(np.argmax(_in_brain(cam, image)), cam.shape)[2])


def _in_brain(cam: np.ndarray, image: np.ndarray) -> np.ndarray:
    return np.where(np.any(image != 0, axis=0), cam, 0)


def _mask(image: np.ndarray, channels: Sequence[str]) -> np.ndarray | None:
    """Return the mask of the lesion, if an input holds one: its last channel, which has no name."""
    return image[-1] if len(image) > len(channels) else None


def _name_outlines(figure: Figure, image: np.ndarray, channels: Sequence[str], words: str = "") -> None:
    """Name the outlines below a figure, after other words about its maps."""
    lines = [Line2D([], [], **HALF, label="half of the map's maximum")]
    lines += [Line2D([], [], **MASK, label="lesion")] * (_mask(image, channels) is not None)
    figure.legend(handles=lines, loc="outside lower center", ncols=2, title=words, title_fontsize=8)


@styled
def patient_cam_figure(cam: np.ndarray, image: np.ndarray, channels: Sequence[str]) -> Figure:
    """
    Draw one patient's channels side by side, in the slice where the map peaks, the common map over each.

    Parameters
    ----------
    cam : numpy.ndarray, shape (x, y, z)
        The map in [0, 1], RAS+.
    image : numpy.ndarray, shape (channels, x, y, z)
        The input, as for `gradcam_figure`.
    channels : sequence of str
        Names of the channels to draw, starting with the first.
    """
    figure = new_figure(max(1.5 * cam.shape[0] / cam.shape[1] * len(channels), 3), 2)
    panels = figure.subplots(1, len(channels), squeeze=False)[0]
    for axes, channel, volume in zip(panels, channels, image, strict=False):
        _draw_overlay(axes, volume, cam, peak_slice(cam, image), _mask(image, channels))
        axes.set_title(channel, fontsize=8)
    _name_outlines(figure, image, channels)
    return figure


def cam_in_words(row: Mapping[Hashable, Any], cam: np.ndarray, image: np.ndarray) -> str:
    """Say what the map of one patient, a row of the table ``cams``, is of."""
    outcome, fold = OUTCOMES[row["outcome"]], row["fold"]
    words = f"fold {fold}, slice {peak_slice(cam, image)}: {outcome}, probability {row['probability']:.2f}"
    return ", ".join([words, *_of_peak(row["pointing_hit"], cam, image)])


def _of_peak(hit: float, cam: np.ndarray, image: np.ndarray) -> list[str]:
    """Say whether a map's peak, its maximum within the brain, lies in the lesion, if known, or is exceeded outside."""
    words = [] if pd.isna(hit) else ["peak in the lesion" if hit else "peak outside the lesion"]
    return words + ["strongest outside the brain"] * bool(cam.max() > _in_brain(cam, image).max())


def _draw_overlay(axes: Axes, volume: np.ndarray, cam: np.ndarray, place: int, mask: np.ndarray | None) -> None:
    """Draw a map (x, y, z; 0 to 1) over a slice of a volume, black where that is 0, with its upper half outlined."""
    inside = volume[volume != 0].astype(float)  # one grey scale for all slices
    low, high = np.quantile(inside, [0.01, 0.99]) if inside.size else (0.0, 1.0)
    image = np.where(volume == 0, low, volume.astype(float))
    weights = axial_slices(cam)[place]
    axes.imshow(axial_slices(image)[place], cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.imshow(weights, cmap=HEAT, vmin=0, vmax=1, interpolation="bilinear")
    _outline(axes, weights, HALF)
    if mask is not None:
        _outline(axes, axial_slices(mask != 0)[place].astype(float), MASK)
    mark(axes, GRID_PLANE)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set(visible=True, color=LIGHT)


def _outline(axes: Axes, values: np.ndarray, line: Mapping[str, Any]) -> None:
    """Draw where values from 0 to 1 cross a half, if any of them is higher."""
    if values.max() > 0.5:
        axes.contour(values, levels=[0.5], colors=[line["color"]], linewidths=line["lw"])


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
    peak = peak_slice(cam, image) if cam.any() else None
    filled = np.flatnonzero(np.any(image != 0, axis=(0, 1, 2))).tolist()
    low, high = (filled[0], filled[-1]) if filled else (0, cam.shape[2] - 1)
    margin = (high - low) // 8  # the ends of a head show little
    even = np.linspace(low + margin, high - margin, ACROSS - 1).astype(int).tolist()
    places = sorted({*even} if peak is None else {*even, peak})
    wide = 1.15 * cam.shape[0] / cam.shape[1]  # inches: panels have the shape of a slice
    figure = new_figure(0.7 + wide * len(places), 1 + 1.2 * len(channels))
    panels = figure.subplots(len(channels), len(places), squeeze=False)
    for line, channel, volume in zip(panels, channels, image, strict=False):
        for axes, place in zip(line, places, strict=True):
            _draw_overlay(axes, volume, cam, place, _mask(image, channels))
        line[0].set_ylabel(channel)
    for axes, place in zip(panels[0], places, strict=True):
        axes.set_title(f"slice {place}{', peak' * (place == peak)}", fontsize=7.5, weight="normal")
    _name_outlines(figure, image, channels)
    heading(figure, *names)
    return figure
