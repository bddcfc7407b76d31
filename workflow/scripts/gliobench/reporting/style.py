"""One style for all figures: readable in print, in grey and by the colour-blind."""

import textwrap
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gliobench.files import whole
from gliobench.seeds import derive_seed

# Okabe and Ito, "Color Universal Design" (2008), without its yellow, which is too light for lines.
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
INK, GREY, LIGHT = "#1C2430", "#6B7683", "#DDE3EA"

APPROACHES = {
    "cnn3d": BLUE,
    "efficientnet": VERMILLION,
    "resnet18": GREEN,
    "stacked_cnn3d": PURPLE,
    "densenet121": ORANGE,
    "baseline": GREY,
}
DPI = 200
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
    "font.size": 8.5,
    "text.color": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "pdf.fonttype": 42,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Give a drawing function the house style."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def approach_colour(approach: str) -> str:
    """Colour of an approach, the same in every figure; one that is not listed gets its colour from its name."""
    colours = [BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY]
    return APPROACHES.get(approach, colours[derive_seed(0, approach) % len(colours)])


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure of `width` x `height` inches."""
    return Figure(figsize=(width, height), layout="constrained", dpi=DPI)


def say_why_empty(axes: Axes, reason: str) -> None:
    """Write across an axes without data why it has none."""
    text = textwrap.fill(f"Nothing to draw: {reason}", 32)
    box = {"facecolor": "white", "edgecolor": LIGHT, "boxstyle": "round,pad=0.6"}
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, bbox=box)


def save_figure(figure: Figure, stem: str | Path) -> None:
    """
    Write a figure as ``<stem>.png`` (200 dpi) and ``<stem>.pdf``, each whole, without the time of writing.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    stem : str or Path
        Path without suffix.
    """
    with mpl.rc_context(STYLE):
        for suffix, stamp in ((".png", "Software"), (".pdf", "CreationDate")):
            with whole(f"{stem}{suffix}") as temporary:
                figure.savefig(temporary, dpi=DPI, metadata={stamp: None})
