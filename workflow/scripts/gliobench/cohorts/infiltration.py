"""The brainstem, and tumour cells that spread in it without a mass."""

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gliobench.cohorts.anatomy import Anatomy, load_template, smooth_noise
from gliobench.cohorts.lesion import Lesion, lowest

# Boxes around lower and upper medulla, pons and midbrain, in mm of the ICBM152 2009a template, set by eye: z from and
# to, |x| up to, y from and to. Their back faces cut off the cerebellar peduncles, their sides the temporal lobes.
BOXES = (
    (-66, -57, 8, -54, -34),
    (-57, -45, 10, -44, -26),
    (-45, -21, 17, -40, -8),
    (-21, -9, 14, -37, -12),
)


@cache
def load_brainstem(spacing: int) -> NDArray[np.float32]:
    """
    Return the template's brainstem on the grid of `load_template(spacing)`.

    It is the largest connected piece of grey and white matter inside `BOXES`, about 30 ml.

    Returns
    -------
    float32 array of shape (x, y, z)
        1 inside, 0 outside.
    """
    template = load_template(spacing)
    x, y, z = np.broadcast_arrays(*template.millimetres())
    boxes = np.zeros(template.shape, bool)
    for bottom, top, side, back, front in BOXES:
        boxes |= (z >= bottom) & (z < top) & (np.abs(x) <= side) & (y >= back) & (y <= front)
    pieces, _ = ndimage.label(boxes & (template.tissues[1:].sum(axis=0) > 0.5))
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (pieces == sizes.argmax()).astype("float32")


def draw_infiltration(
    anatomy: Anatomy, stem: NDArray[np.float32], share: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """
    Spread cells from a random point of the brainstem, with a ragged edge.

    Parameters
    ----------
    anatomy : Anatomy
        The patient's brain.
    stem : float32 array of shape (x, y, z)
        The patient's brainstem, 0 to 1.
    share : float
        Infiltrated share of the brainstem's volume, 0 to 1.
    rng : numpy Generator
        Draws the point and the edge, the same whatever `share` is.

    Returns
    -------
    float32 array of shape (x, y, z)
        Infiltrated fraction of each voxel.
    """
    inside = np.argwhere(stem > 0.5)
    start = inside[rng.integers(len(inside))]
    bumps = np.clip(0.25 * smooth_noise(rng, anatomy.shape, 8 / anatomy.spacing), -0.6, 0.6)
    offsets = [grid - index for grid, index in zip(np.ogrid[tuple(map(slice, anatomy.shape))], start, strict=True)]
    distance = np.sqrt(sum(offset**2 for offset in offsets)) * (1 + bumps)
    infiltrated = stem * lowest(distance, stem, share) if share else np.zeros_like(stem)
    return infiltrated.astype("float32")


def infiltrate(
    lesion: Lesion, stem: NDArray[np.float32], infiltrated: NDArray[np.float32], oedema_share: float
) -> Lesion:
    """
    Return the lesion with the infiltration of the brainstem as faint oedema, and no other part of it in the brainstem.

    Parameters
    ----------
    lesion : Lesion
        The tumour.
    stem, infiltrated : float32 arrays of shape (x, y, z)
        The brainstem and its infiltrated part, 0 to 1.
    oedema_share : float
        Share of infiltrated tissue that looks like oedema, 0 to 1: it brightens T2w and FLAIR, and T1w hardly.
    """
    outside = 1 - stem
    return replace(
        lesion,
        oedema=lesion.oedema * outside + np.float32(oedema_share) * infiltrated,
        rim=lesion.rim * outside,
        necrosis=lesion.necrosis * outside,
        texture=1 + (lesion.texture - 1) * outside,
    )
