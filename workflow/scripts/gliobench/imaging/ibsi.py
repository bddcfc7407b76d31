"""Features of a region as the image biomarker standardisation initiative (IBSI) defines them, computed by mirp."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from mirp._features.feature_generator import generate_features
from mirp._images.generic_image import GenericImage
from mirp._masks.base_mask import BaseMask
from mirp.settings.feature_parameters import FeatureExtractionSettingsClass

TEXTURE = ["glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"]
OF_INTENSITIES = ["statistics", *TEXTURE]
OF_SHAPE = ["morphology"]
LEFT_OUT = (
    "stat_cov",  # relative to the mean or the quartiles, which have no zero in MRI [IBSI: for ratio scales]
    "stat_qcod",
    "morph_com",  # of intensities, not of shape
    "morph_integ_int",
    "morph_moran_i",  # mirp draws voxels at random for these two
    "morph_geary_c",
)
Mask = npt.NDArray[np.bool_]


@cache
def intensity_names() -> list[str]:
    """Return the names of `intensity_features`, mirp's, in their order."""
    return [feature.abbr_name for feature in _features(OF_INTENSITIES)]


@cache
def shape_names() -> list[str]:
    """Return the names of `shape_features`, mirp's, in their order."""
    return [feature.abbr_name for feature in _features(OF_SHAPE)]


def intensity_features(
    values: npt.NDArray[Any], mask: Mask, spacing: float, bins: int | None, outliers: float | None
) -> npt.NDArray[np.float64]:
    """
    Compute first-order statistics and texture of a region.

    All matrices are three-dimensional: those of all directions are merged before features are computed, neighbours are
    at a (Chebyshev) distance of 1, and dependence means equal grey levels.

    Parameters
    ----------
    values : ndarray, shape (x, y, z)
        Intensities.
    mask : ndarray of bool, shape (x, y, z)
        The region.
    spacing : float
        Of the voxels along each axis, mm.
    bins : int or None
        Grey levels for texture, of equal width between the smallest and the largest intensity of the region (IBSI's
        fixed bin number); None for integers from 1 on that are grey levels already.
    outliers : float or None
        Voxels further than that many standard deviations from the region's mean do not count (IBSI's re-segmentation);
        None keeps all.

    Returns
    -------
    ndarray, shape (features,)
        In the order of `intensity_names`; NaN where a feature is not defined.
    """
    return _computed(_features(OF_INTENSITIES, bins), values, mask, spacing, outliers)


def shape_features(mask: Mask, spacing: float) -> npt.NDArray[np.float64]:
    """
    Compute the size and shape of a region.

    Parameters
    ----------
    mask, spacing
        As for `intensity_features`.

    Returns
    -------
    ndarray, shape (features,)
        In the order of `shape_names`, millimetres where they have a unit; NaN where a feature is not defined.
    """
    return _computed(_features(OF_SHAPE), np.ones(mask.shape), mask, spacing, None)


def _features(families: list[str], bins: int | None = None) -> list[Any]:
    method = "none" if bins is None else "fixed_bin_number"
    settings = FeatureExtractionSettingsClass(
        base_feature_families=families, base_discretisation_method=method, base_discretisation_n_bins=bins
    )
    features = [each for each in generate_features(settings=settings) if each.abbr_name not in LEFT_OUT]
    for feature in features:
        feature.update_ibsi_compliance()
    return [each for each in features if each.ibsi_compliant]


def _computed(
    features: Iterable[Any], values: npt.NDArray[Any], mask: Mask, spacing: float, outliers: float | None
) -> npt.NDArray[np.float64]:
    about: dict[str, Any] = {
        "image_modality": "mr",
        "image_origin": (0.0, 0.0, 0.0),
        "image_orientation": np.eye(3),
        "image_spacing": (spacing,) * 3,
        "image_dimensions": mask.shape,
        "separate_slices": False,
    }
    image = GenericImage(image_data=values.astype(np.float64), **about)
    region = BaseMask(roi_name="region", image_data=mask, **about)
    region.resegmentise_mask(image, ["none" if outliers is None else "sigma"], sigma=outliers)
    found = []
    for feature in features:
        feature.compute(image=image, mask=region)
        found.append(np.nan if feature.value is None else float(feature.value))
    for feature in features:
        feature.clear_cache()
    computed = np.array(found)
    return np.where(np.isfinite(computed), computed, np.nan)
