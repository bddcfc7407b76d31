"""Figure of predicted slices with their labels."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gliobench.evaluation.metrics import THRESHOLD
from gliobench.reporting.montages import frame
from gliobench.reporting.style import INK, LIGHT, VERMILLION, heading, new_figure, say_why_empty, styled


def draw_examples(rows: pd.DataFrame, seed: int, limit: int = 12) -> pd.DataFrame:
    """
    Draw predicted slices by chance, each slice at most once.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of the table ``predictions``; those of slices are drawn from.
    seed : int
        Seed of the draw.
    limit : int
        Most slices to draw.
    """
    slices = rows[rows["slice_index"].notna()].drop_duplicates(["patient_id", "modality", "slice_index"])
    return slices.sample(min(limit, len(slices)), random_state=np.random.default_rng(seed)).reset_index(drop=True)


@styled
def examples_figure(examples: pd.DataFrame, images: Sequence[np.ndarray], names: list[str], part: str) -> Figure:
    """
    Draw slices with their true label, the predicted one and its probability; a wrong one has a dashed frame.

    Parameters
    ----------
    examples : pandas.DataFrame
        Rows of the table ``predictions``, one a slice, drawn by chance.
    images : sequence of numpy.ndarray, shape (rows, columns)
        Their inputs, intensities in [0, 1].
    names : list of str
        The cell's names, for the heading.
    part : str
        The part they were drawn from.
    """
    across = 6
    lines = max(-(-len(examples) // across), 1)
    figure = new_figure(7.6, 0.35 + 1.56 * lines)
    panels = figure.subplots(lines, across if len(examples) else 1, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, image, row in zip(panels, images, examples.to_dict("records"), strict=False):
        called = int(row["probability"] >= THRESHOLD)
        right = called == row["label"]
        axes.set_axis_on()
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        frame(axes, LIGHT if right else VERMILLION, "-" if right else "--")
        title = f"{row['patient_id']}, {row['modality']} {row['slice_index']}"
        axes.set_title(f"{title}\ntrue {row['label']}, said {called} ({row['probability']:.2f})", fontsize=6.5,
                       weight="normal", color=INK if right else VERMILLION, pad=3)  # fmt: skip
    if examples.empty:
        say_why_empty(panels[0], "no slice was predicted")
    wrong = int(((examples["probability"] >= THRESHOLD) != (examples["label"] == 1)).sum())
    heading(figure, *names, f"{len(examples)} slices of the {part} part drawn by chance, {wrong} wrong")
    return figure
