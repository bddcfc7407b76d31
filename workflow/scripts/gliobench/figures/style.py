"""One style for all figures: readable in print, in greyscale and for colour-blind readers."""

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, wraps
from io import BytesIO
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image

from gliobench.files import whole
from gliobench.seeds import derive_seed

# Okabe and Ito, "Color Universal Design" (2008), without its yellow, which is too light for lines.
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"
INK, GREY, LIGHT = "#1C2430", "#6B7683", "#DDE3EA"
SERIES = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY)

APPROACHES = {
    "cnn3d": BLUE,
    "efficientnet": VERMILLION,
    "resnet18": GREEN,
    "stacked_cnn3d": PURPLE,
    "densenet121": ORANGE,
    "resnet10_3d": SKY,
    "tabular": "#332288",
    "radiomics": "#882255",
    "baseline": INK,
}
OTHERS = ("#6B6B1F", "#7A4B25", "#00616B", "#1B1BE0", "#B01EE0", "#214521")  # of added approaches: none of the above
YAMLS = Path(__file__).parents[4] / "config" / "approaches"
DASHES: tuple[tuple[int, ...], ...] = ((), (6, 2), (2, 2), (8, 2, 2, 2), (1, 3), (10, 3), (4, 2, 1, 2), (3, 6))
# Lines that scores are compared with: they differ in grey and in dashes, so that prints keep them apart.
CHANCE_LINE: dict[str, Any] = {"color": GREY, "lw": 1.0, "ls": ":"}
ORACLE_LINE: dict[str, Any] = {"color": INK, "lw": 1.4, "ls": (0, (6, 1.5, 1, 1.5))}
DPI = 160
COLOURS = 256  # of a PNG: enough for lines, text and grey images, at a third of the size
A_HEAT_MAP = 10_000  # colours: a picture with more would show bands if it had a palette
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
    """Apply the common style to a drawing function."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return wrapper


def approach_colour(approach: str) -> str:
    """Colour of an approach, the same in every figure; derived from the name if it is not listed."""
    return APPROACHES.get(approach) or _added().get(approach) or _preferred(approach)[0]


def colours_of_added(names: Iterable[str]) -> dict[str, str]:
    """Choose colours for added approaches: different ones for as many as `OTHERS` has, preferred by the name."""
    chosen: dict[str, str] = {}
    for name in sorted(names):
        free = [colour for colour in _preferred(name) if colour not in chosen.values()]
        chosen[name] = (free or _preferred(name))[0]
    return chosen


@cache
def _added() -> dict[str, str]:
    return colours_of_added({path.stem for path in YAMLS.glob("*.yaml")} - set(APPROACHES))


def _preferred(name: str) -> tuple[str, ...]:
    first = derive_seed(0, name) % len(OTHERS)
    return OTHERS[first:] + OTHERS[:first]


def dashes_of(colours: Iterable[str]) -> list[tuple[int, ...]]:
    """
    Choose dashes for each line of a plot: lines of one colour differ, the first is solid.

    Baselines are references and always dashed, which keeps them apart from the others for colour-blind readers, too.

    Parameters
    ----------
    colours : iterable of str
        Of each line.

    Returns
    -------
    list of tuple of int
        Lengths of dashes and gaps, in turn, which matplotlib multiplies by the width of the line; none if it is solid.
    """
    seen = Counter({APPROACHES["baseline"]: 1})
    chosen = []
    for colour in colours:
        chosen.append(DASHES[seen[colour] % len(DASHES)])
        seen[colour] += 1
    return chosen


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure of `width` x `height` inches."""
    return Figure(figsize=(width, height), layout="constrained", dpi=DPI)


def heading(figure: Figure, *names: str) -> None:
    """Write above a figure what it shows: cohort, approach and so on, without empty names."""
    figure.suptitle(" · ".join(name for name in names if name), fontsize=8, color=GREY)


def faint(n_lines: int) -> float:
    """Choose the opacity of thin lines: the more there are, the fainter."""
    return min(max(2.5 / n_lines, 0.12), 0.45)


def count_in_powers(axis: Axis, low: float, high: float) -> None:
    """Label a logarithmic axis from `low` to `high` at powers of ten, and between them if it spans few."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def say_why_empty(axes: Axes, reason: str) -> None:
    """Write into axes without data why there is none."""
    text = textwrap.fill(f"Nothing to draw: {reason}", 32)
    box = {"facecolor": "white", "edgecolor": LIGHT, "boxstyle": "round,pad=0.6"}
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, bbox=box)


def save_figure(figure: Figure, stem: str | Path) -> None:
    """
    Write a figure as ``<stem>.png`` (see `as_png`) and ``<stem>.pdf``, whole and without a date.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    stem : str or Path
        Path without suffix.
    """
    with whole(f"{stem}.png") as temporary:
        temporary.write_bytes(as_png(figure))
    with mpl.rc_context(STYLE), whole(f"{stem}.pdf") as temporary:
        figure.savefig(temporary, metadata={"CreationDate": None})


def as_png(figure: Figure) -> bytes:
    """Draw a figure as PNG (160 dpi, a palette of 256 colours unless it holds a heat map), without a date."""
    drawn, written = BytesIO(), BytesIO()
    with mpl.rc_context(STYLE):
        figure.savefig(drawn, format="png", dpi=DPI, metadata={"Software": None})
    image = Image.open(drawn).convert("RGB")
    if image.getcolors(A_HEAT_MAP) is not None:
        # Of Pillow's methods only this one keeps rare colours, such as that of a few points.
        image = image.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE)
    image.save(written, format="png", optimize=True)
    return written.getvalue()
