"""Simulated acquisition of a patient: slices in a plane, bias field, Rician noise, 16-bit pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from gliobench.cohorts.anatomy import Anatomy, smooth_noise
from gliobench.cohorts.contrast import signals
from gliobench.cohorts.lesion import Lesion

# Directions in RAS of the slice normal, of growing rows (downwards) and of growing columns (rightwards)
PLANES = {
    "axial": np.array([[0, 0, 1], [0, -1, 0], [-1, 0, 0]], dtype="float64"),
    "coronal": np.array([[0, -1, 0], [0, 0, -1], [-1, 0, 0]], dtype="float64"),
    "sagittal": np.array([[1, 0, 0], [0, 0, -1], [0, -1, 0]], dtype="float64"),
}
DEPENDS_ON_T2 = ("FLAIR", "T2w")


@dataclass(frozen=True)
class Series:
    """
    One acquired series.

    Attributes
    ----------
    pixels : uint16 array of shape (slices, rows, columns)
        Stored values.
    affine : float64 array of shape (4, 4)
        From (slice, row, column) indices to RAS+ mm.
    slope, intercept : float
        signal = slope * pixel + intercept.
    """

    pixels: NDArray[np.uint16]
    affine: NDArray[np.float64]
    slope: float = 1.0
    intercept: float = 0.0


def signal_map(
    anatomy: Anatomy, lesion: Lesion, modality: str, rng: np.random.Generator, bias: float = 0.05, contrast: float = 1.0
) -> NDArray[np.float32]:
    """
    Return the signal on the anatomy's grid, white matter about 1.

    Each tissue varies by 2 % from series to series; texture and the bias field multiply it.

    Parameters
    ----------
    anatomy, lesion : Anatomy, Lesion
        The patient.
    modality : str
        FLAIR, T1w, T1wCE or T2w.
    rng : numpy Generator
        Source of the variation.
    bias : float
        Relative standard deviation of the bias field.
    contrast : float
        Exponent of the tissues' signal relative to white matter's.
    """
    values = {name: value * np.exp(rng.normal(0, 0.02)) for name, value in signals(modality).items()}
    healthy = sum(
        np.float32(values[name]) * tissue
        for name, tissue in zip(("csf", "grey", "white"), anatomy.tissues, strict=True)
    )
    image = healthy * (1 - lesion.whole / np.maximum(anatomy.brain, 1e-3))
    for name, tissue in (("oedema", lesion.oedema), ("rim", lesion.rim), ("necrosis", lesion.necrosis)):
        image += np.float32(values[name]) * tissue
    if modality in DEPENDS_ON_T2:
        image *= lesion.texture
    field = np.exp(bias * smooth_noise(rng, anatomy.shape, 80 / anatomy.spacing))
    if contrast != 1:
        image = np.float32(values["white"]) * np.maximum(image / np.float32(values["white"]), 0) ** np.float32(contrast)
    return (image * field / np.float32(values["white"])).astype("float32")


def plan_slices(
    anatomy: Anatomy, plane: str, tilt: NDArray, matrix: int, field_of_view: float, count: int, blank_ends: int
) -> NDArray[np.float64]:
    """
    Place a stack of slices so that it covers the brain.

    Parameters
    ----------
    anatomy : Anatomy
        The brain to cover.
    plane : str
        axial, coronal or sagittal.
    tilt : array of shape (3, 3)
        Rotation of the stack in RAS.
    matrix, field_of_view : int, float
        Rows and columns, and their extent in mm.
    count, blank_ends : int
        Number of slices, and how many of them lie beyond the brain on each side.

    Returns
    -------
    array of shape (4, 4)
        Affine from (slice, row, column) indices to RAS mm.
    """
    directions = PLANES[plane] @ tilt.T
    inside = np.argwhere(anatomy.brain > 0.5).astype("float64") * anatomy.spacing + anatomy.affine[:3, 3]
    along = [sum(direction[axis] * inside[:, axis] for axis in range(3)) for direction in directions]
    low, high = np.array([(part.min(), part.max()) for part in along]).T
    thickness = (high[0] - low[0]) / (count - 2 * blank_ends)
    pixel = field_of_view / matrix
    first = (low + high) / 2 - np.array([thickness * (count - 1), pixel * (matrix - 1), pixel * (matrix - 1)]) / 2
    affine = np.eye(4)
    affine[:3, :3] = directions.T * [thickness, pixel, pixel]
    affine[:3, 3] = directions.T @ first
    return affine


def sample(
    values: NDArray[np.float32], grid: NDArray, affine: NDArray, shape: tuple[int, int, int], thickness: float
) -> NDArray[np.float32]:
    """
    Resample a map onto slices, averaged over the slices' thickness.

    Parameters
    ----------
    values : float32 array of shape (x, y, z)
        The map.
    grid, affine : arrays of shape (4, 4)
        From the map's and from the slices' indices to mm.
    shape : (int, int, int)
        Slices, rows, columns.
    thickness : float
        Slice thickness in voxels of the map.
    """
    to_map = np.linalg.inv(grid) @ affine
    parts = int(np.clip(np.ceil(thickness), 1, 6))
    total = np.zeros(shape, dtype="float32")
    for part in range(parts):
        offset = to_map[:3, 3] + to_map[:3, 0] * ((part + 0.5) / parts - 0.5)
        total += ndimage.affine_transform(values, to_map[:3, :3], offset, output_shape=shape, order=1)
    total /= parts
    return total


def acquire(
    image: NDArray[np.float32],
    anatomy: Anatomy,
    affine: NDArray[np.float64],
    shape: tuple[int, int, int],
    noise: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """
    Return the magnitude image on slices: Rician noise, and 0 outside the brain, as in skull-stripped data.

    Parameters
    ----------
    image : float32 array of shape (x, y, z)
        Signal on the anatomy's grid, white matter about 1.
    anatomy : Anatomy
        Where that grid and the brain are.
    affine, shape
        The slices, as `plan_slices` places them.
    noise : float
        Standard deviation of the noise in each channel, as a share of white matter's signal.
    rng : numpy Generator
        Source of the noise.
    """
    thickness = float(np.linalg.norm(affine[:3, 0])) / anatomy.spacing
    brain = sample(anatomy.brain, anatomy.affine, affine, shape, thickness)
    real = sample(image, anatomy.affine, affine, shape, thickness) / np.maximum(brain, 0.5)
    real += np.float32(noise) * rng.standard_normal(shape, dtype="float32")
    imaginary = np.float32(noise) * rng.standard_normal(shape, dtype="float32")
    return np.where(brain > 0.5, np.hypot(real, imaginary), 0).astype("float32")


def digitise(
    image: NDArray[np.float32], affine: NDArray[np.float64], rescale: bool, rng: np.random.Generator
) -> Series:
    """Store signal as uint16 with a gain for each series; with `rescale`, pixels need their slope and intercept."""
    gain = rng.uniform(250, 450)
    slope, intercept = (float(rng.uniform(0.3, 3.0)), float(rng.integers(-20, 0))) if rescale else (1.0, 0.0)
    slope = round(slope, 4)
    pixels = np.clip(np.rint((gain * image - intercept) / slope), 0, 65535).astype("uint16")
    return Series(pixels, affine, slope, intercept)


def draw_tilt(rng: np.random.Generator, degrees: float) -> NDArray[np.float64]:
    """Draw a rotation about a random axis by up to `degrees`."""
    axis = rng.standard_normal(3)
    x, y, z = axis / np.linalg.norm(axis)
    angle = np.deg2rad(rng.uniform(-degrees, degrees))
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
