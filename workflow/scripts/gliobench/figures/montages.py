"""Figures of images: inputs, the audited series, and predicted slices. They take small arrays."""

import textwrap
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, product
from string import ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gliobench.evaluation.columns import THRESHOLD
from gliobench.figures.orientation import GRID_PLANE, axial_slices, mark, plane_of
from gliobench.figures.style import INK, LIGHT, ORANGE, SKY, VERMILLION, heading, new_figure, say_why_empty, styled
from gliobench.terms import ALL_SERIES, USABLE, VOXELS_ONLY
from gliobench.wording import plural

COLUMNS = 8  # slices in a line of a slice montage
ACROSS = 10  # patients in a line of an audit montage
THUMBNAIL = 0.74  # inches
GAP = 0.28  # height of the line of patients' names, in thumbnails
MARKS = {"ok": (LIGHT, "-"), VOXELS_ONLY: (SKY, "-."), "excluded": (ORANGE, "--"), "failed": (VERMILLION, ":")}


@dataclass(frozen=True)
class Images:
    """
    Images of one patient's series, input or volume.

    Attributes
    ----------
    name : str
        What stands above them.
    pixels : numpy.ndarray, shape (images, rows, columns)
        Intensities in [0, 1].
    numbers : sequence, length images
        What stands in the corner of each: its number in the series or volume.
    planes : sequence of str or None, length images
        Plane of each (`plane_of`).
    """

    name: str
    pixels: np.ndarray
    numbers: Sequence[Any]
    planes: Sequence[str | None]


@styled
def slice_montage(inputs: Sequence[Images], padded: Sequence[Sequence[bool]], names: list[str]) -> Figure:
    """
    Draw all slices of one or two patients' inputs.

    Parameters
    ----------
    inputs : sequence of Images
        Of each patient.
    padded : sequence of sequence of bool
        Which slices of each input are padding.
    names : list of str
        Cohort, approach and modality, for the heading.
    """
    lines = [-(-len(images.pixels) // COLUMNS) for images in inputs]
    figure = new_figure(7.2, 0.4 + sum(0.25 + 0.9 * each for each in lines))
    grid = figure.subplots(sum(lines), COLUMNS, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    for images, is_padding, end, n_lines in zip(inputs, padded, np.cumsum(lines), lines, strict=True):
        panels = grid[end - n_lines : end].ravel()
        for place, (axes, is_padded) in enumerate(zip(panels, is_padding, strict=False)):
            _draw_image(axes, images, place, *((ORANGE, "--") if is_padded else (LIGHT, "-")))
            if is_padded:
                axes.text(0.5, 0.5, "padding", transform=axes.transAxes, color="#B8C0CA", fontsize=7, ha="center")
        n_padded = sum(map(bool, is_padding))
        count = f"{n_padded} of them padding" if n_padded else "none of them padding"
        _name_line(panels[0], f"{images.name}: {len(images.pixels)} slices, {count}")
    heading(figure, *names)
    return figure


def ends_of(n_slices: Sequence[int]) -> dict[int, str]:
    """
    Choose the longest and the shortest of some series.

    Parameters
    ----------
    n_slices : sequence of int
        Slices of each series.

    Returns
    -------
    dict of int to str
        Place of each chosen series -> what it is. Two different ones, unless there is only one.
    """
    order = np.argsort(np.asarray(n_slices), kind="stable")
    if len(order) < 2:
        return dict.fromkeys(order.tolist(), "the only series")
    shortest, longest = int(order[0]), int(order[-1])
    words = ("longest", "shortest") if n_slices[longest] > n_slices[shortest] else ("as long as all",) * 2
    return {longest: f"{words[0]}, {n_slices[longest]} slices", shortest: f"{words[1]}, {n_slices[shortest]} slices"}


def choose_patients(series: pd.DataFrame, modality: str, limit: int = 4) -> list[str]:
    """
    Choose patients with a usable series, evenly spread over the cohort.

    Parameters
    ----------
    series : pandas.DataFrame
        Table ``series``.
    modality : str
        Modality of the series.
    limit : int
        Most patients to choose.
    """
    usable = (series["modality"] == modality) & series["status"].isin(USABLE)
    patients = sorted(series.loc[usable, "patient_id"].unique())
    places = np.linspace(0, len(patients) - 1, min(limit, len(patients))).astype(int)
    return [patients[place] for place in places]


def image_stack(arrays: np.ndarray) -> np.ndarray:
    """
    Return one patient's input as pictures.

    Parameters
    ----------
    arrays : numpy.ndarray
        The patient's rows of the store: shape (slices, rows, columns) with intensities 0 to 255, or one row that holds
        a volume (x, y, z) in RAS+ order, of any scale.

    Returns
    -------
    numpy.ndarray, shape (slices, rows, columns)
        Intensities in [0, 1]; a volume is cut into axial slices, in radiological orientation.
    """
    if arrays.dtype == np.uint8:
        return arrays / 255
    volume = arrays.reshape(arrays.shape[-3:]).astype(float)
    low, high = np.percentile(volume, [1, 99.8])
    scaled = np.clip((volume - low) / ((high - low) or 1), 0, 1)
    return axial_slices(scaled)


def input_images(name: str, arrays: np.ndarray, slice_indexes: Sequence[Any], plane: str | None) -> Images:
    """
    Return what `inputs_montage` draws of one patient's input.

    Parameters
    ----------
    name : str
        What stands above it.
    arrays : numpy.ndarray
        As for `image_stack`.
    slice_indexes : sequence
        Place of each slice in its series; not used for a volume.
    plane : str or None
        The plane of the series (`plane_of`); not used for a volume.
    """
    pixels = image_stack(arrays)
    if arrays.dtype == np.uint8:
        return Images(name, pixels, list(slice_indexes), [plane] * len(pixels))
    return Images(name, pixels, range(len(pixels)), [GRID_PLANE] * len(pixels))


@styled
def inputs_montage(inputs: Sequence[Images], names: list[str]) -> Figure:
    """
    Draw what an approach reads: one line per patient, evenly spaced slices of the patient's input.

    Parameters
    ----------
    inputs : sequence of Images
        Of each patient (`input_images`).
    names : list of str
        Cohort, approach and modality, for the heading.
    """
    across = min(COLUMNS, max((len(images.pixels) for images in inputs), default=1))
    across = max(across, 6) if inputs else 1  # keeps few slices small
    figure = new_figure(7.2, 0.5 + 1.2 * max(len(inputs), 1))
    panels = figure.subplots(max(len(inputs), 1), across, squeeze=False)
    for axes in panels.ravel():
        axes.set_axis_off()
    for line, images in zip(panels, inputs, strict=False):
        count = len(images.pixels)
        places = np.unique(np.linspace(0, count - 1, min(across, count)).astype(int))
        for axes, place in zip(line, places, strict=False):
            _draw_image(axes, images, place)
        _name_line(line[0], f"{images.name}: {count} slices")
    if not inputs:
        say_why_empty(panels[0, 0], "no patient has a usable series")
    heading(figure, *names)
    return figure


def _name_line(first: Axes, name: str) -> None:
    """Write a name above a line of images; a title, being wider than the first image, would push the others away."""
    first.set_title(" ", fontsize=8)  # keeps the room
    text = first.text(0, 1.05, name, transform=first.transAxes, fontsize=8, weight="bold")
    text.set_in_layout(False)


def _draw_image(axes: Axes, images: Images, place: int, colour: str = LIGHT, style: str = "-") -> None:
    """Draw one of some images with its number, plane and sides; a blank one has no sides."""
    axes.set_axis_on()
    axes.imshow(images.pixels[place], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.text(0.04, 0.95, images.numbers[place], transform=axes.transAxes, color="white", fontsize=6.5, va="top")
    if images.pixels[place].any():
        mark(axes, images.planes[place])
    _frame(axes, colour, style)


def _frame(axes: Axes, colour: str, style: str) -> None:
    """Frame an image without axes."""
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set(visible=True, color=colour, linestyle=style, linewidth=1.4)


def audit_patients(series: pd.DataFrame, limit: int = 40) -> list[str]:
    """
    Choose the patients of the audit montage: first those with an unused series, then the others, evenly spread.

    Parameters
    ----------
    series : pandas.DataFrame
        Table ``series``.
    limit : int
        Most patients to show.

    Returns
    -------
    list of str
        Patients, sorted.
    """
    everyone = sorted(series["patient_id"].unique())
    odd = sorted(series.loc[series["status"] != "ok", "patient_id"].unique())[:limit]
    rest = [patient for patient in everyone if patient not in odd]
    places = np.linspace(0, len(rest) - 1, min(limit - len(odd), len(rest))).astype(int)
    return sorted([*odd, *(rest[place] for place in places)])


@styled
def audit_montage(thumbnails: Mapping[tuple[str, str], np.ndarray], series: pd.DataFrame, cohort: str) -> Figure:
    """
    Draw the audit: blocks of patients, one line per modality, and a letter for each reason not to use a series.

    Parameters
    ----------
    thumbnails : mapping of (str, str) to numpy.ndarray, shape (rows, columns)
        (patient_id, modality) -> a middle slice with intensities in [0, 1]; none if nothing could be read.
    series : pandas.DataFrame
        Rows of the table ``series`` of the patients to show (see `audit_patients`).
    cohort : str
        Name of the cohort.
    """
    patients = sorted(series["patient_id"].unique())
    modalities = [name for name in ALL_SERIES if name in set(series["modality"])]
    letters = _letters(series)
    across = min(ACROSS, max(len(patients), 6))  # six thumbnails leave room for the reasons
    blocks = [patients[start : start + ACROSS] for start in range(0, len(patients), ACROSS)]
    heights = [GAP, *[1.0] * len(modalities)] * len(blocks)
    legend, title = 0.25 + 0.16 * len(letters), 0.3  # inches
    height = sum(heights) * THUMBNAIL + legend + title
    figure = new_figure(0.75 + THUMBNAIL * across, height)
    figure.set_layout_engine("none")
    grid = figure.add_gridspec(
        len(heights), across, height_ratios=heights, wspace=0.06, hspace=0.06,
        left=0.08, right=0.99, bottom=legend / height, top=1 - title / height,
    )  # fmt: skip
    known = {(row["patient_id"], row["modality"]): row for row in series.to_dict("records")}
    for block, shown in enumerate(blocks):
        for line, modality in enumerate(modalities):
            for column, patient in enumerate(shown):
                axes = figure.add_subplot(grid[block * (len(modalities) + 1) + line + 1, column])
                key = (patient, modality)
                _draw_thumbnail(axes, thumbnails.get(key), known.get(key, {"status": "failed"}), letters)
                axes.set_title(patient if line == 0 else "", fontsize=7, weight="normal", loc="center", pad=2)
                axes.set_ylabel(modality if column == 0 else "", fontsize=7.5)
    n_odd = int((series["status"] != "ok").sum())
    somewhere = ", or not everywhere" * bool(series["status"].eq(VOXELS_ONLY).any())
    counted = f"{plural(len(patients), 'patient')}, {len(series)} series expected, {n_odd} not used"
    heading = f"{cohort}: {counted}{somewhere}"
    figure.text(0.08, 1 - 0.1 / height, heading, va="top", fontsize=9.5, weight="bold")
    lines = [f"{letter}   {reason}" for reason, letter in letters.items()]
    figure.text(0.08, 0.08 / height, "\n".join(lines), va="bottom", fontsize=7.5)
    return figure


def _letters(series: pd.DataFrame) -> dict[str, str]:
    """Give each reason not to use a series a letter (after Z: AA, AB), in the order of the rows."""
    unused = series[series["status"] != "ok"]
    reasons = [_reason(row) for row in unused.to_dict("records")]
    letters = ("".join(letters) for length in count(1) for letters in product(ascii_uppercase, repeat=length))
    return dict(zip(dict.fromkeys(reasons), letters, strict=False))


def _reason(row: Mapping[Hashable, Any]) -> str:
    reason = "no reason given" if pd.isna(row["reason"]) else row["reason"]
    return textwrap.shorten(f"{row['status']}: {reason}", 130, placeholder=" …")


def _draw_thumbnail(
    axes: Axes, pixels: np.ndarray | None, row: Mapping[Hashable, Any], letters: Mapping[str, str]
) -> None:
    if pixels is None:
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", facecolor="#F1F3F6")
    else:
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    if pixels is not None and pixels.any():
        mark(axes, plane_of(row))
    _frame(axes, *MARKS[row["status"]])
    if row["status"] != "ok":
        box = {"boxstyle": "circle,pad=0.25", "facecolor": MARKS[row["status"]][0], "edgecolor": "white"}
        axes.text(0.5, 0.5, letters[_reason(row)], transform=axes.transAxes, ha="center", va="center",
                  color=INK, weight="bold", bbox=box)  # fmt: skip


def draw_examples(rows: pd.DataFrame, seed: int, limit: int = 12) -> pd.DataFrame:
    """
    Choose predicted slices at random, each at most once.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of the table ``predictions``; those of slices are used.
    seed : int
        Seed of the draw.
    limit : int
        Most slices to draw.
    """
    slices = rows[rows["slice_index"].notna()].drop_duplicates(["patient_id", "modality", "slice_index"])
    return slices.sample(min(limit, len(slices)), random_state=np.random.default_rng(seed)).reset_index(drop=True)


@styled
def examples_figure(
    examples: pd.DataFrame,
    pixels: np.ndarray,
    planes: Mapping[tuple[str, str], str | None],
    names: list[str],
    part: str,
) -> Figure:
    """
    Draw slices with their true and predicted label and the probability of label 1; a wrong one has a dashed frame.

    Parameters
    ----------
    examples : pandas.DataFrame
        Rows of the table ``predictions``, one per slice, drawn at random.
    pixels : numpy.ndarray, shape (examples, rows, columns)
        Their inputs, intensities in [0, 1].
    planes : mapping of (str, str) to str or None
        (patient_id, modality) -> the plane of the series (`planes_of`).
    names : list of str
        The cell's names, for the heading.
    part : str
        The part they were drawn from.
    """
    across = 6
    lines = max(-(-len(examples) // across), 1)
    figure = new_figure(7.6, 0.35 + 1.66 * lines)
    panels = figure.subplots(lines, across if len(examples) else 1, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    keys = list(zip(examples["patient_id"], examples["modality"], strict=True))
    images = Images("", pixels, [""] * len(examples), [planes[key] for key in keys])
    for place, (axes, row) in enumerate(zip(panels, examples.to_dict("records"), strict=False)):
        called = int(row["probability"] >= THRESHOLD)
        right = called == row["label"]
        _draw_image(axes, images, place, *((LIGHT, "-") if right else (VERMILLION, "--")))
        title = f"{row['patient_id']}, {row['modality']} {row['slice_index']}"
        words = f"true {row['label']}, predicted {called}\np(1) = {row['probability']:.2f}"
        axes.set_title(f"{title}\n{words}", fontsize=6.5,
                       weight="normal", color=INK if right else VERMILLION, pad=3)  # fmt: skip
    if examples.empty:
        say_why_empty(panels[0], "no slice was predicted")
    wrong = int(((examples["probability"] >= THRESHOLD) != (examples["label"] == 1)).sum())
    heading(figure, *names, f"{len(examples)} slices of the {part} part drawn at random, {wrong} wrong")
    return figure
