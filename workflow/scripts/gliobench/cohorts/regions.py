"""Measures of the regions of a segmentation: their volume, and how uneven a series is in them."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from gliobench.cohorts.names import REGIONS
from gliobench.imaging.volume import Volume, regular
from gliobench.terms import OK, SEGMENTATION

FEWEST = 10  # voxels of a region of which a texture is measured
COLUMNS = ["patient_id", "region", "modality", "value"]
Measure = tuple[str, str | None]  # a region, and the series whose texture is measured; None: the volume
Read = Callable[[str, str], Volume]  # patient, series


def measure_regions(
    patient_ids: Iterable[str], series: pd.DataFrame, wanted: Sequence[Measure], read: Read
) -> pd.DataFrame:
    """
    Measure regions of each patient's segmentation.

    Parameters
    ----------
    patient_ids : iterable of str
        Patients of the cohort.
    series : DataFrame
        As in the schema ``series``; only those with a position in millimetres are used.
    wanted : sequence of (str, str or None)
        Region (see `gliobench.cohorts.names.REGIONS`) and modality.
    read : callable
        Reads a series of a patient.

    Returns
    -------
    DataFrame
        As in the schema ``regions``: the volume in ml where there is no modality, else the coefficient of variation of
        its values in the region. A patient without the series, or with fewer than 10 voxels of the region for a
        texture, has no row.
    """
    there = set(series.loc[series["status"] == OK, ["patient_id", "modality"]].itertuples(index=False, name=None))
    rows: list[tuple[str, str, str | None, float]] = []
    for patient_id in patient_ids:
        if (patient_id, SEGMENTATION) not in there:
            continue
        labelled = read(patient_id, SEGMENTATION)
        for region, modality in wanted:
            mask = regular(Volume(np.isin(labelled.voxels, REGIONS[region]), labelled.affine, labelled.places))
            if modality is None:
                rows.append((patient_id, region, None, _volume(mask.voxels, mask.affine)))
            elif (patient_id, modality) in there:
                values = _values_in(mask.voxels, mask.affine, regular(read(patient_id, modality)))
                if len(values) >= FEWEST and values.mean() > 0:
                    rows.append((patient_id, region, modality, float(values.std() / values.mean())))
    return pd.DataFrame(rows, columns=COLUMNS)


def _volume(inside: NDArray[np.bool_], affine: NDArray[np.float64]) -> float:
    return float(np.count_nonzero(inside) * abs(np.linalg.det(affine[:3, :3])) / 1000)


def _values_in(inside: NDArray[np.bool_], affine: NDArray[np.float64], volume: Volume) -> NDArray[np.float64]:
    """Return the values of a series in a region, whose nearest voxels are taken to the grid of the series."""
    if inside.shape == volume.voxels.shape and np.allclose(affine, volume.affine):
        return volume.voxels[inside].astype("float64")
    to_mask = np.linalg.inv(affine) @ volume.affine
    placed = ndimage.affine_transform(
        inside.astype("uint8"), to_mask[:3, :3], to_mask[:3, 3], output_shape=volume.voxels.shape, order=0
    )
    return volume.voxels[placed > 0].astype("float64")
