"""Pictures of patients in radiological orientation, with their plane and sides marked."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

# What a picture has at its left and at its right edge. Axial pictures have anterior above, the others the head.
SIDES = {"axial": ("R", "L"), "coronal": ("R", "L"), "sagittal": ("A", "P")}
GRID_PLANE = "axial"  # of the pictures of a volume on the patient's axes (`axial_slices`)
UNKNOWN = "sides unknown"
SMALL = 5.5  # points
OUTLINE = [withStroke(linewidth=1.2, foreground="black")]  # keeps a mark legible on a bright picture


def axial_slices(volume: np.ndarray) -> np.ndarray:
    """
    Cut a volume on the patient's axes into axial pictures: the patient's right on the left, anterior above.

    Parameters
    ----------
    volume : numpy.ndarray, shape (x, y, z)
        Axes RAS+.

    Returns
    -------
    numpy.ndarray, shape (z, y, x)
        A view of the volume, slices from the feet upwards.
    """
    return volume[::-1, ::-1].transpose(2, 1, 0)


def plane_of(row: Mapping[Hashable, Any]) -> str | None:
    """
    Return the plane of a series' pictures, whose sides it implies; None if its header does not state the orientation.

    Every series with an orientation was turned to the radiological view of its plane when it was read.

    Parameters
    ----------
    row : mapping
        Of the table ``series``.
    """
    return str(row["plane"]) if row["orientation_status"] == "stated" and pd.notna(row["plane"]) else None


def planes_of(series: pd.DataFrame) -> dict[tuple[str, str], str | None]:
    """Return `plane_of` each row of the table ``series``, by patient and modality."""
    return {(row["patient_id"], row["modality"]): plane_of(row) for row in series.to_dict("records")}


def mark(axes: Axes, plane: str | None) -> None:
    """Write the plane and the sides into a picture, or that they are unknown."""
    left, right = SIDES[plane] if plane else ("", "")
    for x, y, text, across, up in (
        (0.03, 0.5, left, "left", "center"),
        (0.97, 0.5, right, "right", "center"),
        (0.5, 0.03, plane or UNKNOWN, "center", "bottom"),
    ):
        axes.text(
            x, y, text, transform=axes.transAxes, ha=across, va=up, color="white", fontsize=SMALL, path_effects=OUTLINE
        )  # fmt: skip
