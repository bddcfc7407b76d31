"""One patient's healthy brain: the MNI template under an affine map and a smooth warp for each patient."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MARGIN = 12.0  # mm of air kept around the template's brain
WARP = 1.8  # mm, standard deviation of the smooth warp along each axis


@dataclass(frozen=True)
class Anatomy:
    """
    Tissue maps of a brain.

    Attributes
    ----------
    tissues : float32 array of shape (3, x, y, z)
        Fractions of CSF, grey and white matter in [0, 1]; their sum is 1 inside the brain and 0 outside.
    affine : float64 array of shape (4, 4)
        From (x, y, z) indices to RAS+ millimetres; axes along R, A, S, isotropic.
    """

    tissues: NDArray[np.float32]
    affine: NDArray[np.float64]

    @property
    def spacing(self) -> float:
        """Voxel size in mm."""
        return float(self.affine[0, 0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along x, y, z."""
        return self.tissues.shape[1:]

    @property
    def brain(self) -> NDArray[np.float32]:
        """Fraction of each voxel that lies in the brain."""
        return self.tissues.sum(axis=0)

    def millimetres(self) -> list[NDArray[np.float32]]:
        """Return the RAS coordinates of all voxels as three arrays that broadcast to the maps' shape."""
        grids = np.ogrid[tuple(slice(n) for n in self.shape)]
        return [(self.affine[axis, 3] + self.spacing * grid).astype("float32") for axis, grid in enumerate(grids)]


@cache
def load_template(spacing: int) -> Anatomy:
    """
    Load the ICBM152 2009a tissue maps distributed with nilearn; CSF is the brain mask less grey and white matter.

    Parameters
    ----------
    spacing : int
        Voxel size in mm, 1 to 3.
    """
    from nilearn import datasets  # slow to import, and needed only for generating

    mask_image = datasets.load_mni152_brain_mask(resolution=spacing)
    inside = np.asarray(mask_image.dataobj) > 0
    grey, white = (
        np.clip(np.asarray(load(resolution=spacing).dataobj, dtype="float32"), 0, 1) * inside
        for load in (datasets.load_mni152_gm_template, datasets.load_mni152_wm_template)
    )
    csf = np.clip(inside - grey - white, 0, 1)
    tissues = np.stack([csf, grey, white]) / np.maximum(csf + grey + white, 1e-6)
    margin = int(np.ceil(MARGIN / spacing))
    box = ndimage.find_objects(inside.astype(np.uint8))[0]
    tissues = np.pad(tissues[(slice(None), *box)], [(0, 0)] + 3 * [(margin, margin)])
    affine = mask_image.affine.astype("float64")
    affine[:3, 3] += spacing * (np.array([axis.start for axis in box]) - margin)
    return Anatomy(tissues.astype("float32"), affine)


def smooth_noise(rng: np.random.Generator, shape: Sequence[int], grain: float) -> NDArray[np.float32]:
    """
    Draw smooth Gaussian noise of mean 0 and standard deviation 1.

    Parameters
    ----------
    rng : numpy Generator
        Source of randomness.
    shape : sequence of int
        Shape of the result.
    grain : float
        Distance in voxels over which the noise changes.
    """
    coarse = [int(np.ceil(n / grain)) + 3 for n in shape]
    field = rng.standard_normal(coarse)
    for axis, (few, many) in enumerate(zip(coarse, shape, strict=True)):
        # one axis at a time, and einsum rather than BLAS: the same bytes whatever the number of threads
        weights = ndimage.zoom(np.eye(few), (many / few, 1))
        field = np.moveaxis(np.einsum("ij,j...->i...", weights, np.moveaxis(field, axis, 0)), 0, axis)
    field -= field.mean()
    return (field / field.std()).astype("float32")


@dataclass(frozen=True)
class Pose:
    """How a head differs from the template: `matrix` maps patient to template mm about `centre`, then comes `shift`."""

    matrix: NDArray[np.float64]
    shift: NDArray[np.float64]
    centre: NDArray[np.float64]

    def to_template(self, points: Sequence[NDArray]) -> list[NDArray]:
        """Map patient coordinates (three arrays, mm) to the template's."""
        offsets = [points[axis] - self.centre[axis] for axis in range(3)]
        return [
            sum(self.matrix[row, axis] * offsets[axis] for axis in range(3)) + self.centre[row] + self.shift[row]
            for row in range(3)
        ]

    def to_patient(self, point: NDArray) -> NDArray[np.float64]:
        """Map one point of the template (mm) to the patient's coordinates."""
        return np.linalg.solve(self.matrix, point - self.centre - self.shift) + self.centre


def draw_pose(rng: np.random.Generator) -> Pose:
    """Draw a head's size (the template is larger than most), shape, rotation (degrees) and position (mm)."""
    pitch, yaw, roll = np.deg2rad(rng.normal(0, [4, 2, 2]))
    rotation = _turn(0, pitch) @ _turn(2, yaw) @ _turn(1, roll)
    scale = rng.normal(0.93, 0.025) * (1 + rng.normal(0, 0.02, 3))
    return Pose(rotation / scale, rng.normal(0, 2, 3), np.array([0.0, -18.0, 5.0]))


def _turn(axis: int, angle: float) -> NDArray[np.float64]:
    matrix = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def draw_warp(
    template: Anatomy, pose: Pose, push: tuple[NDArray, float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """
    Draw the template position of each voxel of a patient's brain.

    Parameters
    ----------
    template : Anatomy
        The template; the patient's brain has its grid.
    pose : Pose
        The patient's affine map.
    push : (array of shape (3,), float, float)
        Centre (patient RAS mm), largest displacement (mm) and reach (mm) of the mass effect.
    rng : numpy Generator
        Draws the smooth warp.

    Returns
    -------
    float32 array of shape (3, x, y, z)
        Indices into the template's maps.
    """
    points = np.broadcast_arrays(*template.millimetres())
    centre, strength, reach = push
    away = [points[axis] - np.float32(centre[axis]) for axis in range(3)]
    pull = strength / reach * np.exp(-sum(offset**2 for offset in away) / (2 * reach**2))
    grain = 50 / template.spacing
    warped = [points[axis] - pull * away[axis] + WARP * smooth_noise(rng, template.shape, grain) for axis in range(3)]
    return np.stack(
        [
            ((mapped - template.affine[axis, 3]) / template.spacing).astype("float32")
            for axis, mapped in enumerate(pose.to_template(warped))
        ]
    )


def warp(maps: NDArray[np.float32], coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Resample maps of the template, shape (n, x, y, z), at the positions of `draw_warp`."""
    return np.stack([ndimage.map_coordinates(each, coordinates, order=1) for each in maps])
