"""The pictures on the pages of patients, small files beside them: thumbnails of series and class-activation maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from gliobench.figures.explanations import cam_in_words, patient_cam_figure
from gliobench.files import whole
from gliobench.reporting.frame import file_stem
from gliobench.terms import ALL_SERIES

FOLDER = "images"  # beside the pages
DPI = 110
QUALITY = 80  # of WebP, of 100


@dataclass(frozen=True)
class Picture:
    """
    A picture of a patient.

    Attributes
    ----------
    file : str
        Its address from the pages of the cohort.
    width, height : int
        Pixels.
    words : str
        What it shows, beyond what the page says of it.
    """

    file: str
    width: int
    height: int
    words: str = ""


def save_thumbnails(
    folder: str | Path, tables: Sequence[pd.DataFrame], arrays: Sequence[np.ndarray]
) -> dict[tuple[str, str], Picture]:
    """
    Write the thumbnails of a cohort's series.

    Parameters
    ----------
    folder : path
        Folder of the cohort's pages.
    tables : sequence of pandas.DataFrame
        Table ``series`` of each shard of patients, as audited.
    arrays : sequence of numpy.ndarray, shape (series, side, side), uint8
        For each shard the thumbnails of its images, in the order of the rows.

    Returns
    -------
    dict
        By patient_id and modality; a blank one, where nothing was read, is left out.
    """
    found = {}
    for table, thumbnails in zip(tables, arrays, strict=True):
        images = table[table["modality"].isin(ALL_SERIES)]
        for row, pixels in zip(images.to_dict("records"), thumbnails, strict=True):
            if pixels.any():
                name = f"{file_stem(row['patient_id'])}-{row['modality']}"
                found[row["patient_id"], row["modality"]] = _save(Image.fromarray(pixels), folder, name)
    return found


def save_maps(
    folder: str | Path,
    cams: pd.DataFrame,
    maps: np.ndarray,
    images: np.ndarray,
    channels: Sequence[str],
    method: str,
    number: int,
) -> dict[str, Picture]:
    """
    Write the class-activation maps of one cell.

    Parameters
    ----------
    folder : path
        Folder of the cohort's pages.
    cams, maps, images, channels
        As for `gliobench.figures.explanations.gradcam_figure`.
    method : str
        What stands for the cell in words.
    number : int
        What stands for the cell in the names of files.

    Returns
    -------
    dict
        By patient_id.
    """
    found = {}
    for row in cams.to_dict("records"):
        cam, image = maps[row["row"]], images[row["row"]]
        name = f"{file_stem(row['patient_id'])}-cam-{number}"
        drawn = _rendered(patient_cam_figure(cam, image, channels))
        found[row["patient_id"]] = _save(drawn, folder, name, f"{method}; {cam_in_words(row, cam, image)}")
    return found


def _rendered(figure: Figure) -> Image.Image:
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, facecolor="white")
    return Image.open(drawn).convert("RGB")


def _save(image: Image.Image, folder: str | Path, name: str, words: str = "") -> Picture:
    with whole(Path(folder) / FOLDER / f"{name}.webp") as temporary:
        image.save(temporary, quality=QUALITY)
    return Picture(f"{FOLDER}/{quote(name)}.webp", image.width, image.height, words)
